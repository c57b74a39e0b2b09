// Where kmem lies in the process: frames, their descriptors, and around one base address the words and tables of
// port/layout.h.  These are planned addresses far from where the host places mappings, mapped step by step as needed. Under
// tools that watch every access, which restrict where a program's memory may lie, and if the planned addresses are in use, a
// range chosen by the host is reserved instead, inaccessible at first.

#include "address_space.h"

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "linux_port.h"
#include "port/layout.h"
#include "regions.h"

extern "C" {
[[gnu::weak]] void __tsan_init();
[[gnu::weak]] void __msan_init();
}

namespace linux_port {
SharedArena shared_arena;
OwnRange own_ranges[16];

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20, kGiB = uint64_t{1} << 30, kTiB = uint64_t{1} << 40;
/// The step in which frames are mapped: a section of a zone.
constexpr uint64_t kFrameStep = 8 * kMiB;
constexpr uint64_t kTableStep = 256 << 10;
constexpr uint64_t kStatesStep = 512 << 10;
constexpr uint64_t kFirstByte = 16 * kMiB;  // end of the DMA zone
constexpr uint64_t kNormalStart = 4 * kGiB;
constexpr uint64_t kDma32Bytes = 256 * kMiB;
/// Size of the core's tables, without those that grow with nodes, CPUs and frames.
constexpr size_t kMetadataBytes = 2 * kMiB;
constexpr size_t kBelowBase = kmem::kTablesBytes + kmem::kFrameTableSpan;
constexpr size_t kAroundBase = kBelowBase + 4 * kGiB;

void remember(const void* at, size_t bytes) {
  const auto from = reinterpret_cast<uintptr_t>(at);
  for (OwnRange& range : own_ranges) {
    if (range.to) continue;
    range = {from, from + bytes};
    return;
  }
}

char* map(size_t bytes, int protection, void* at = nullptr) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0);
  void* got = mmap(at, bytes, protection, flags, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  if (!at || got == at) return static_cast<char*>(got);
  munmap(got, bytes);  // kernels before 4.17 treat the address as a hint
  errno = EEXIST;
  return nullptr;
}

size_t round_to_host(size_t bytes) { return (bytes + host_page - 1) & ~(host_page - 1); }

bool open_reserved(char* at, size_t bytes, int protection = PROT_READ | PROT_WRITE) {
  const uintptr_t from = reinterpret_cast<uintptr_t>(at) & ~(host_page - 1);
  const uintptr_t to = round_to_host(reinterpret_cast<uintptr_t>(at) + bytes);
  return mprotect(reinterpret_cast<void*>(from), to - from, protection) == 0;
}

/// The start of the planned addresses; 0 if they are reserved instead.
uintptr_t plan_start;

uint64_t node_bytes[kmem::kMaxNodes];  // the machine's memory by node, if it has several nodes

/// Divides the RAM among the nodes in proportion to the machine's memory; the last node gets the remainder.
void deal_out(kmem::Machine& machine, uint64_t start, uint64_t ram) {
  uint64_t total = 0, given = 0;
  for (unsigned n = 0; n < machine.nr_nodes; ++n) total += node_bytes[n];
  for (unsigned n = 0; n < machine.nr_nodes; ++n) {
    const bool last = n + 1 == machine.nr_nodes;
    const uint64_t share = static_cast<uint64_t>(static_cast<unsigned __int128>(ram) * node_bytes[n] / (total ? total : 1));
    const uint64_t part = last ? ram - given : share & ~(kFrameStep - 1);
    if (part) machine.ram[machine.nr_ram++] = {{start + given}, part, {static_cast<uint8_t>(n)}};
    given += part;
  }
}

// The plan --------------------------------------------------------------------------------------------------------------

/// Sizes of the adjacent parts: frames, descriptors, and the tables around the base.
struct Plan {
  uint64_t ram;
  size_t words_bytes;   // per-CPU words and sheaves
  size_t opened_words;  // the part that is mapped from the start
  uint64_t arena() const { return kNormalStart + ram; }
  uint64_t frames() const { return arena() >> kmem::kPageShift; }
  uint64_t descriptor_bytes() const { return (frames() * 64 + kTableStep - 1) & ~(kTableStep - 1); }
  /// States of sealed objects (slab/seal.h): a byte for each 2^shift bytes of frames.
  uint64_t states_by(unsigned shift) const { return ((arena() >> shift) + kStatesStep - 1) & ~(kStatesStep - 1); }
  uint64_t states_bytes() const { return states_by(6) + states_by(4); }
  uint64_t before_base() const { return arena() + descriptor_bytes() + states_bytes() + kBelowBase; }
  uint64_t all() const { return arena() + descriptor_bytes() + states_bytes() + kAroundBase; }
};

Plan plan_for(const kmem::Machine& machine, uint64_t ram) {
  const size_t opened = 2 * size_t{machine.nr_cpus} * kmem::kCpuStride;
  return {ram, machine.nr_areas * kmem::kCpuStride + machine.nr_sheaves * kmem::kSheafBytes, opened};
}

/// The regions that are opened in steps: frames, descriptors, the frame table, words and sheaves, states of sealed objects.
constexpr size_t kNrRegions = 5;
Region regions[kNrRegions];

struct Steps {
  char* start;
  size_t bytes, step;
  StepKind kind;
};

/// From frame 0 on, though there may be no frames below the first: free() looks up every address below the end.
char* table_of(char* base) {
  return reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(base + kmem::kFrameTable) & ~(kTableStep - 1));
}

bool make_regions(char* start, const Plan& plan) {
  char* const base = start + plan.before_base();
  const Steps all[] = {
      {start, plan.arena(), kFrameStep, {shared_arena.file, true}},
      {start + plan.arena(), plan.descriptor_bytes(), kFrameStep / kmem::kPageSize * 64, {-1, true}},
      {table_of(base), plan.frames() + kTableStep, kTableStep, {}},
      {base, plan.words_bytes, kTableStep, {}},
      {start + plan.arena() + plan.descriptor_bytes(), plan.states_bytes(), kStatesStep, {-1, true}},
  };
  size_t nr = 0;
  for (const Steps& s : all) nr += Region::nr_steps(s.bytes, s.step);
  auto* states = reinterpret_cast<kmem::Atomic<unsigned char>*>(map(round_to_host(nr), PROT_READ | PROT_WRITE));
  for (size_t i = 0; states && i < kNrRegions; ++i) {
    regions[i].init(all[i].start, all[i].bytes, all[i].step, states, all[i].kind);
    states += Region::nr_steps(all[i].bytes, all[i].step);
  }
  return states != nullptr;
}

/// Maps the parts around the base that are needed from the start.
bool open_base(char* base, const Plan& plan) {
  return map(round_to_host(4 * kmem::kPageSize), PROT_READ | PROT_WRITE, base + kmem::kTables) &&
         map(kmem::kBlockedBytes, PROT_READ, base + kmem::kBlocked) &&
         open_pages(base, plan.opened_words) == kmem::Online::Done;
}

void set_addresses(kmem::Machine& machine, char* start, const Plan& plan) {
  machine.direct_map = start;
  machine.descriptors = start + plan.arena();
  machine.states_by_64 = machine.descriptors + plan.descriptor_bytes();
  machine.states_by_16 = machine.states_by_64 + plan.states_by(6);
  machine.base = start + plan.before_base();
  remember(start, plan.all());
}

/// Maps the frames from a memory file, so that a second mapping shows the same memory.
bool share(char* frames, size_t bytes) {
  const int file = memfd_create("kmem", MFD_CLOEXEC);
  if (file < 0) return false;
  if (ftruncate(file, static_cast<off_t>(bytes))) {
    close(file);
    return false;
  }
  shared_arena = {file, frames, bytes};
  return true;
}

// In steps --------------------------------------------------------------------------------------------------------------

/// A random multiple of a step below `most`, so that the heap's address cannot be guessed.
uintptr_t random_distance(uintptr_t most) {
  uint64_t bits = kmem_port_entropy();
  bits *= 0x9e3779b97f4a7c15u;
  return (bits >> 16) % (most / kFrameStep) * kFrameStep;
}

/// Are the addresses unused? If a limit forbids the test, mapping the parts will tell.
bool is_free(char* start, size_t bytes) {
  char* got = map(bytes, PROT_NONE, start);
  if (got) munmap(got, bytes);
  return got || errno == ENOMEM;
}

bool try_place(kmem::Machine& machine, const Plan& plan, char* start) {
  if (!is_free(start, plan.all())) return false;
  if (machine.can_alias) machine.can_alias = share(start, plan.arena());
  if (!make_regions(start, plan) || !open_base(start + plan.before_base(), plan)) return false;
  set_addresses(machine, start, plan);
  plan_start = reinterpret_cast<uintptr_t>(start);
  machine.table_step = kTableStep;
  return true;
}

/// Far below the host's own mappings, so that they will not collide however many there are; less far if address space is small.
bool place_in_steps(kmem::Machine& machine, const Plan& plan) {
  char* probe = map(host_page, PROT_NONE);
  if (!probe) return false;
  munmap(probe, host_page);
  const uintptr_t below = reinterpret_cast<uintptr_t>(probe) & ~(kFrameStep - 1);
  for (uintptr_t distance = 16 * kTiB; distance >= 8 * kGiB; distance /= 4) {
    for (int tries = 0; tries < 2; ++tries) {
      const uintptr_t off = distance + random_distance(distance / 4) + plan.all();
      if (off + 64 * kGiB > below) break;
      const uintptr_t start = (below - off) & ~(kFrameStep - 1);
      if (try_place(machine, plan, reinterpret_cast<char*>(start))) return true;
    }
  }
  return false;
}

// Reserved --------------------------------------------------------------------------------------------------------------

bool map_file(const Plan& plan, char* frames) {
  return mmap(frames, plan.arena(), PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, shared_arena.file, 0) != MAP_FAILED;
}

bool place_reserved(kmem::Machine& machine, const Plan& plan) {
  char* got = map(plan.all() + kFrameStep, PROT_NONE);
  if (!got) return false;
  char* const start = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(got) + kFrameStep - 1) & ~(kFrameStep - 1));
  if (machine.can_alias) machine.can_alias = share(start, plan.arena()) && map_file(plan, start);
  set_addresses(machine, start, plan);
  machine.table_step = 0;
  return open_reserved(machine.base + kmem::kFrameTable, plan.frames()) &&
         open_reserved(machine.base + kmem::kTables, 4 * kmem::kPageSize) && open_reserved(machine.base, plan.words_bytes) &&
         open_reserved(machine.base + kmem::kBlocked, kmem::kBlockedBytes, PROT_READ);
}

/// Checkers have shadow memory only for addresses that the host chooses.
bool is_watched(const kmem::Machine& machine) { return machine.checker != kmem::Checker::None || __tsan_init || __msan_init; }

bool lay_out(kmem::Machine& machine, uint64_t ram) {
  const Plan plan = plan_for(machine, ram);
  machine.metadata_bytes = round_to_host(kMetadataBytes + kmem::metadata_of_nodes(machine.nr_nodes, machine.nr_cpus) +
                                         (plan.ram >> kmem::kPageShift) * 9 / 32);
  if (is_watched(machine) || !place_in_steps(machine, plan))
    if (!place_reserved(machine, plan)) return false;
  machine.metadata = map(machine.metadata_bytes, PROT_READ | PROT_WRITE);
  if (!machine.metadata) return false;
  remember(machine.metadata, machine.metadata_bytes);
  machine.nr_ram = 0;
  machine.ram[machine.nr_ram++] = {{0}, kFirstByte, {}};
  machine.ram[machine.nr_ram++] = {{kFirstByte}, kDma32Bytes, {}};
  deal_out(machine, kNormalStart, ram);
  return true;
}

}  // namespace

kmem::Online open_pages(void* at, size_t bytes) {
  for (Region& region : regions)
    if (region.contains(at)) return region.open(at, bytes);
  if (!open_reserved(static_cast<char*>(at), bytes)) return kmem::Online::Refused;
  madvise(at, bytes, MADV_NOHUGEPAGE);
  return kmem::Online::Done;
}

void* choose_below_heap(size_t bytes, size_t align) {
  for (int tries = 0; tries < 4; ++tries) {
    const uintptr_t off = bytes + align + random_distance(16 * kGiB << 2 * tries);
    if (off < bytes || off + 64 * kGiB > plan_start) return nullptr;
    char* const at = reinterpret_cast<char*>((plan_start - off) & ~(align - 1));
    if (is_free(at, bytes)) return at;
  }
  return nullptr;
}

bool reserve_at(void* at, size_t bytes) { return map(bytes, PROT_NONE, at); }

bool ensure_open(const void* at, size_t bytes) {
  for (Region& region : regions)
    if (region.contains(at)) return region.open(at, bytes) == kmem::Online::Done;
  return true;
}

bool lay_out_address_space(kmem::Machine& machine) {
  plan_start = 0;
  for (Region& region : regions) region = {};
  if (!read_nodes("/sys/devices/system/node", machine, node_bytes)) machine.nr_nodes = 1;
  machine.nr_sheaves = 8192 + 256 * machine.nr_cpus;
  uint64_t ram = machine.physical_bytes & ~(kFrameStep - 1);
  const uint64_t most = (kmem::kMaxFrames << kmem::kPageShift) - kNormalStart;
  if (ram > most) ram = most;
  for (; ram >= kFrameStep; ram = ram / 2 & ~(kFrameStep - 1))
    if (lay_out(machine, ram)) return true;
  return false;
}

}  // namespace linux_port
