// What the loader hands over on x86: PVH's or multiboot 2's map of memory, and the words.

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "x86/x86.h"

extern "C" {
void bare_main(uint32_t magic, uint32_t info);
extern char bare_image_start[], bare_image_end[];
}

namespace bare {
namespace {

constexpr uint32_t kPvhMagic = 0x336ec578, kMultiboot2Magic = 0x36d76289;
/// Reserved at the bottom: the page in which CPUs start, and the firmware's data.
constexpr uint64_t kBottom = 0x10000;

template <typename T>
T read(uint64_t at) {
  T value;
  memcpy(&value, reinterpret_cast<const void*>(at), sizeof value);
  return value;
}

void copy_words(uint64_t from) {
  if (from) take_words(reinterpret_cast<const char*>(from));
}

/// Both maps have entries of {start, bytes, type}; 1 is memory.  If entries overlap and disagree, it is not memory.
void read_map(uint64_t at, uint32_t nr, uint32_t entry_bytes) {
  for (int memory = 1; memory >= 0; --memory)
    for (uint32_t i = 0; i < nr; ++i) {
      const uint64_t entry = at + uint64_t{i} * entry_bytes, start = read<uint64_t>(entry), bytes = read<uint64_t>(entry + 8);
      if (start + bytes < start || (read<uint32_t>(entry + 16) == 1) != memory) continue;
      memory ? add_memory(start, bytes) : remove_memory(start, bytes);
    }
}

void read_pvh(uint32_t info) {
  copy_words(read<uint64_t>(info + 24));
  rsdp = read<uint64_t>(info + 32);
  if (read<uint32_t>(info + 4) >= 1) read_map(read<uint64_t>(info + 40), read<uint32_t>(info + 48), 24);
}

void read_multiboot2(uint32_t info) {
  const auto total = read<uint32_t>(info);
  for (uint32_t off = 8; off + 8 <= total;) {
    const uint64_t tag = info + off;
    const auto type = read<uint32_t>(tag), bytes = read<uint32_t>(tag + 4);
    if (!type || bytes < 8) return;
    if (type == 1) copy_words(tag + 8);
    if (type == 6) read_map(tag + 16, (bytes - 16) / read<uint32_t>(tag + 8), read<uint32_t>(tag + 8));
    if (type == 14 || type == 15) rsdp = tag + 8;
    off += (bytes + 7) & ~7u;
  }
}

void read_firmware(uint32_t magic, uint32_t info) {
  if (magic == kMultiboot2Magic) read_multiboot2(info);
  else if (info && read<uint32_t>(info) == kPvhMagic) read_pvh(info);
  else panic("started by neither PVH nor multiboot 2");
  keep_memory(0, kBottom);
  keep_memory(reinterpret_cast<uint64_t>(bare_image_start), static_cast<uint64_t>(bare_image_end - bare_image_start));
}

/// Of a processor whose addresses do not reach all memory.
void set_limits() {
#ifdef __i386__
  firmware.dma32_end = firmware.dma_end;  // no such zone
  firmware.low_end = kLowMemory;
  const unsigned nr = firmware.ram.nr;
  const uint64_t end = nr ? firmware.ram.all[nr - 1].end : 0;
  if (end <= kMostMemory) return;
  say("memory from 8 GiB on is not used\n");
  remove_memory(kMostMemory, end - kMostMemory);
#endif
}

}  // namespace

/// Identity-mapped where it was loaded, without page 0.
bool map_image() {
  const auto end = kmem::round_up(reinterpret_cast<uint64_t>(bare_image_end), kPageSize);
  return map_range(kPageSize, kPageSize, end - kPageSize, {.code = true});
}
void find_devices() { scan_pci(); }

}  // namespace bare

void bare_main(uint32_t magic, uint32_t info) {
  using namespace bare;
  boot_cycles = read_cycles();
  sort_sequences();
  read_firmware(magic, info);
  read_acpi();
  set_limits();
  boot_machine(kProcessor, kSeenAtBoot);
}
