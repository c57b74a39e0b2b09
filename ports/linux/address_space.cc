// Where kmem lies in the process: one reservation for the words and tables (port/layout.h), one for the frames, one for
// their descriptors.  Reserved without access, which costs nothing even where overcommit is off, and opened as needed.

#include "address_space.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "linux_port.h"
#include "port/layout.h"

namespace linux_port {
SharedArena shared_arena;
OwnRange own_ranges[16];

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kArenaAlign = 4 * kMiB;
constexpr uint64_t kFirstByte = 16 * kMiB;  // end of the DMA zone
constexpr uint64_t kNormalStart = uint64_t{4} << 30;
constexpr uint64_t kDma32Bytes = 256 * kMiB;
constexpr size_t kMetadataBytes = 32 * kMiB;  // of address space; a small machine does with a quarter

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

void remember(void* at, size_t bytes) {
  const auto from = reinterpret_cast<uintptr_t>(at);
  for (OwnRange& range : own_ranges) {
    if (range.to) continue;
    range = {from, from + bytes};
    return;
  }
}

char* reserve(size_t bytes, void* at = nullptr, bool own = true) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0);
  void* got = mmap(at, bytes, PROT_NONE, flags, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  if (!at || got == at) {
    if (own) remember(got, bytes);
    return static_cast<char*>(got);
  }
  munmap(got, bytes);  // a kernel older than 4.17 took the address for a hint
  return nullptr;
}

char* reserve_aligned(size_t bytes, size_t align) {
  char* got = reserve(bytes + align, nullptr, false);
  if (!got) return nullptr;
  char* start = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(got) + align - 1) & ~(align - 1));
  remember(start, bytes);
  if (start > got) munmap(got, static_cast<size_t>(start - got));
  if (start + bytes < got + bytes + align) munmap(start + bytes, static_cast<size_t>(got + align - start));
  return start;
}

bool open(char* at, size_t bytes, int protection = PROT_READ | PROT_WRITE) {
  const uintptr_t from = reinterpret_cast<uintptr_t>(at) & ~(host_page - 1);
  const uintptr_t to = (reinterpret_cast<uintptr_t>(at) + bytes + host_page - 1) & ~(host_page - 1);
  return mprotect(reinterpret_cast<void*>(from), to - from, protection) == 0;
}

/// Puts a memory file under the frames: what is mapped a second time then is the same memory.
bool share(char* frames, size_t bytes) {
  const int file = memfd_create("kmem", MFD_CLOEXEC);
  if (file < 0) return false;
  if (ftruncate(file, static_cast<off_t>(bytes)) ||
      mmap(frames, bytes, PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file, 0) == MAP_FAILED) {
    close(file);
    return false;
  }
  shared_arena = {file, frames, bytes};
  return true;
}

uint64_t node_bytes[kmem::kMaxNodes];  // of the machine's memory, where it has several nodes

struct Plan {
  uint64_t frames_end;
  uint64_t first_frame;
  size_t words_bytes;
  bool whole;  // one reservation, or only the pieces that are used
};

size_t round_to_host(size_t bytes) { return (bytes + host_page - 1) & ~(host_page - 1); }

/// The pieces around `base`, in a reservation that covers all of them or one by one.
bool open_base(char* base, const Plan& plan) {
  struct Piece { char* at; size_t bytes; int protection; };
  const Piece pieces[] = {
      // From frame 0 on, though there may be no frames below first_frame: free() looks every address below the end up.
      {base + kmem::kFrameTable, plan.frames_end, PROT_READ | PROT_WRITE},
      {base + kmem::kTables, 4 * kmem::kPageSize, PROT_READ | PROT_WRITE},
      {base, plan.words_bytes, PROT_READ | PROT_WRITE},
      {base + kmem::kBlocked, kmem::kBlockedBytes, PROT_READ},
  };
  for (const Piece& piece : pieces) {
    char* from = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(piece.at) & ~(host_page - 1));
    const size_t bytes = round_to_host(static_cast<size_t>(piece.at + piece.bytes - from));
    if (!plan.whole && !reserve(bytes, from)) return false;
    if (!open(from, bytes, piece.protection)) return false;
  }
  return true;
}

char* place_base(const Plan& plan) {
  constexpr size_t kBelow = kmem::kTablesBytes + kmem::kFrameTableSpan;
  if (plan.whole) {
    char* got = reserve(kBelow + (size_t{4} << 30));
    return got && open_base(got + kBelow, plan) ? got + kBelow : nullptr;
  }
  // Far below where the host would place a mapping by itself; a place that is taken in parts is left for the next.
  char* probe = reserve(host_page, nullptr, false);
  if (!probe) return nullptr;
  munmap(probe, host_page);
  for (int i = 1; i <= 32; ++i) {
    const uintptr_t below = (reinterpret_cast<uintptr_t>(probe) & ~(kMiB - 1)) - (uintptr_t{5 + static_cast<unsigned>(i) * 5} << 30);
    char* base = reinterpret_cast<char*>(below);
    if (open_base(base, plan)) return base;
  }
  return nullptr;
}

/// Field `index` of /proc/self/statm, in bytes: 0 all address space, 5 data and stack.
uint64_t used_bytes(int index) {
  char text[128];
  read_file("/proc/self/statm", text, sizeof text);
  const char* c = text;
  for (; index && *c; ++c) index -= *c == ' ';
  uint64_t pages = 0;
  for (; *c >= '0' && *c <= '9'; ++c) pages = pages * 10 + static_cast<uint64_t>(*c - '0');
  return pages * host_page;
}

/// What a limit leaves; 0 for no limit.
uint64_t left_of(decltype(RLIMIT_AS) resource, int index) {
  rlimit limit;
  if (getrlimit(resource, &limit) || limit.rlim_cur == RLIM_INFINITY) return 0;
  const uint64_t used = used_bytes(index);
  return limit.rlim_cur > used ? limit.rlim_cur - used : 1;
}

/// The tighter of RLIMIT_AS and RLIMIT_DATA, which counts what is writable: tables and frames alike.
uint64_t address_space_left() {
  const uint64_t space = left_of(RLIMIT_AS, 0), data = left_of(RLIMIT_DATA, 5);
  return !data || (space && space < data) ? space : data;
}

/// To each node its part of the whole, as it has of the machine's memory; to the last one what is left.
void deal_out(kmem::Machine& machine, uint64_t start, uint64_t ram) {
  uint64_t total = 0, given = 0;
  for (unsigned n = 0; n < machine.nr_nodes; ++n) total += node_bytes[n];
  for (unsigned n = 0; n < machine.nr_nodes; ++n) {
    const bool last = n + 1 == machine.nr_nodes;
    const uint64_t share = static_cast<uint64_t>(static_cast<unsigned __int128>(ram) * node_bytes[n] / (total ? total : 1));
    const uint64_t part = last ? ram - given : share & ~(kArenaAlign - 1);
    if (part) machine.ram[machine.nr_ram++] = {{start + given}, part, {static_cast<uint8_t>(n)}};
    given += part;
  }
}

bool lay_out(kmem::Machine& machine, uint64_t ram, bool whole) {
  const uint64_t arena = whole ? kNormalStart + ram : ram;
  char* frames = reserve_aligned(arena, kArenaAlign);
  if (!frames) return false;
  if (machine.can_alias) machine.can_alias = share(frames, arena);
  const uint64_t start = whole ? 0 : kFirstByte;
  machine.direct_map = frames - start;
  const Plan plan{(start + arena) >> kmem::kPageShift, start >> kmem::kPageShift,
                  2 * size_t{machine.nr_cpus} * kmem::kCpuStride + machine.nr_sheaves * kmem::kSheafBytes, whole};
  const size_t descriptor_bytes = (plan.frames_end - plan.first_frame) * 64;
  char* descriptors = reserve(descriptor_bytes);
  machine.descriptors = descriptors - plan.first_frame * 64;
  machine.metadata_bytes = (whole ? kMetadataBytes : kMetadataBytes / 4) + (plan.frames_end - plan.first_frame) / 2;
  machine.metadata = reserve(machine.metadata_bytes);
  machine.base = place_base(plan);
  if (!descriptors || !machine.metadata || !machine.base || !open(machine.metadata, machine.metadata_bytes)) return false;
  machine.nr_ram = 0;
  if (whole) {
    machine.ram[machine.nr_ram++] = {{0}, kFirstByte, {}};
    machine.ram[machine.nr_ram++] = {{kFirstByte}, kDma32Bytes, {}};
  }
  deal_out(machine, whole ? kNormalStart : kFirstByte, ram);
  return true;
}

}  // namespace

bool open_pages(void* at, size_t bytes) { return open(static_cast<char*>(at), bytes); }

bool lay_out_address_space(kmem::Machine& machine) {
  if (!read_nodes("/sys/devices/system/node", machine, node_bytes)) machine.nr_nodes = 1;
  machine.nr_sheaves = 8192 + 256 * machine.nr_cpus;
  uint64_t ram = machine.physical_bytes & ~(kArenaAlign - 1);
  const uint64_t most = (kmem::kMaxFrames << kmem::kPageShift) - kNormalStart;
  if (ram > most) ram = most;
  const uint64_t left = address_space_left();
  if (!left && lay_out(machine, ram, true)) return true;
  // Less room: half of what is left for frames, the rest stays the program's.
  machine.nr_sheaves = 1024 + 128 * machine.nr_cpus;
  if (left && left / 2 < ram) ram = left / 2 & ~(kArenaAlign - 1);
  for (; ram >= kArenaAlign; ram = ram / 2 & ~(kArenaAlign - 1))
    if (lay_out(machine, ram, false)) return true;
  return false;
}

}  // namespace linux_port
