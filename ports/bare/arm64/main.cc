// What the loader hands over on arm64: a device tree, from which all other facts come.

#include "arm64.h"
#include "bare.h"
#include "base/bits.h"
#include "page_entry.h"

extern "C" {
void bare_main(uint64_t tree, uint64_t image);
extern char bare_image_start[], bare_image_end[], bare_image_text[], bare_image_text_end[], bare_image_constants[],
    bare_image_constants_end[], bare_image_data[], bare_boot_code[], bare_boot_code_end[];
extern uint64_t bare_boot_tables[5][512];
}

namespace bare {

static_assert(BARE_FIXED == kFixed);

uint64_t image_offset = 0;

namespace {

constexpr uint64_t kGib = uint64_t{1} << 30, kSeenAtBoot = 512 * kGib;

uint64_t number(const void* p) { return reinterpret_cast<uint64_t>(p); }

/// All memory as it is, in the tables of the boot, by blocks of 1 GiB.
void see_memory() {
  constexpr uint64_t kBlock = kPresent | kAccessed | kInner | cache_bits(Cache::Normal);
  for (unsigned i = 0; i < firmware.ram.nr; ++i)
    for (uint64_t at = kmem::round_down(firmware.ram.all[i].start, kGib); at < firmware.ram.all[i].end && at < kSeenAtBoot;
         at += kGib)
      bare_boot_tables[1][at / kGib] = at | kBlock;
  entries_written();
}

/// A part of the image from one of its symbols to another.
bool map_part(const char* start, const char* end, Mapping how) {
  const uint64_t from = kmem::round_down(number(start), kPageSize), to = kmem::round_up(number(end), kPageSize);
  return map_range(from, from + image_offset, to - from, how);
}

}  // namespace

/// Further CPUs begin at a physical address, and change to the tables there.
bool map_image() {
  const uint64_t boot = kmem::round_down(number(bare_boot_code) + image_offset, kPageSize);
  const uint64_t boot_end = kmem::round_up(number(bare_boot_code_end) + image_offset, kPageSize);
  return map_part(bare_image_text, bare_image_text_end, {.write = false, .code = true}) &&
         map_part(bare_image_constants, bare_image_constants_end, {.write = false}) &&
         map_part(bare_image_data, bare_image_end, {}) &&
         map_range(boot, boot, boot_end - boot, {.write = false, .code = true}) && map_registers(board.console);
}

bool map_registers(const Registers& registers) {
  const uint64_t from = kmem::round_down(registers.phys, kPageSize);
  const uint64_t to = kmem::round_up(registers.phys + registers.bytes, kPageSize);
  return map_range(kFixed + from, from, to - from, {true, Cache::Uncached});
}

void use_tables(uint64_t top) { bare_use_tables(top, image_offset); }

}  // namespace bare

void bare_main(uint64_t tree, uint64_t image) {
  using namespace bare;
  BARE_WRITE(tpidr_el1, reinterpret_cast<uint64_t>(&cpus[0]));
  boot_cycles = read_cycles();
  image_offset = image - number(bare_image_start);
  sort_sequences();
  if (!read_tree(tree)) panic("the loader names no device tree");
  keep_memory(image, static_cast<uint64_t>(bare_image_end - bare_image_start));
  see_memory();
  boot_machine("arm64", kSeenAtBoot);
}
