// memblock.

#include "base/bits.h"
#include "base/format.h"
#include "boot/bootmem.h"
#include "boot/free_walk.h"
#include "early_memory.h"
#include "watch/report.h"

// Last, because its macros have names that the core uses.
#include <linux/memblock.h>

namespace {

using kmem::BootMemory;
using kmem::Contents;
using kmem::Memblock;
using kmem::MemFlags;
using kmem::MemRegion;
using kmem::MemRequest;
using kmem::PhysAddr;

using namespace early;

constexpr int kNoMemory = -12, kBusy = -16;  // -ENOMEM, -EBUSY

Memblock* block() { return is_there() ? &kmem::boot_memory().memblock() : nullptr; }

/// For changes of the machine's memory, which are only possible early.
template <typename Change>
int change(Change f) {
  if (!kmem::boot_memory().is_early()) return kBusy;
  return f(kmem::boot_memory().memblock()) ? 0 : kNoMemory;
}

template <typename Change>
void quiet_change(const char* who, Change f) {
  if (kmem::boot_memory().is_early()) return f(kmem::boot_memory().memblock());
  kmem::bug_report(kmem::Trouble::Warning, "%s: the page allocator has the memory already; nothing was changed", who);
}

// Allocating ---------------------------------------------------------------------------------------------------------

PhysAddr end_of(phys_addr_t max) {
  return {max == MEMBLOCK_ALLOC_ACCESSIBLE || max == MEMBLOCK_ALLOC_NOLEAKTRACE ? ~uint64_t{0} : max};
}

phys_addr_t find(MemRequest request, MemFlags flags) {
  Memblock* memblock = block();
  if (!memblock || any(flags & MemFlags::NoMap)) return 0;
  const auto at = memblock->find(request);
  return at ? at->value : 0;
}

// Looping ------------------------------------------------------------------------------------------------------------

void tell(const MemRegion& region, phys_addr_t* start, phys_addr_t* end, int* nid) {
  if (start) *start = region.range.base;
  if (end) *end = region.range.end;
  if (nid) *nid = region.node;
}

/// The n-th region, from either end, that the filter admits.
bool nth_region(kmem::Span<const MemRegion> regions, const kmem::WalkFilter& filter, bool reverse, uint64_t n,
                MemRegion& found) {
  for (size_t i = 0; i < regions.size; ++i) {
    found = regions[reverse ? regions.size - 1 - i : i];
    if (filter.admits(found) && n-- == 0) return true;
  }
  return false;
}

bool nth_free(const Memblock& memblock, const kmem::WalkFilter& filter, bool reverse, uint64_t n, MemRegion& found) {
  kmem::FreeWalk walk(memblock, filter, reverse ? kmem::FreeWalk::Direction::Down : kmem::FreeWalk::Direction::Up);
  while (const auto region = walk.next())
    if (n-- == 0) return found = *region, true;
  return false;
}

enum List { kMapped, kReserved, kFree, kAll };

bool nth(int list, int nid, unsigned int flags, bool reverse, uint64_t n, MemRegion& found) {
  const Memblock* memblock = block();
  if (!memblock) return false;
  kmem::WalkFilter filter{.node = nid, .without = MemFlags::NoMap, .with = static_cast<MemFlags>(flags) & MemFlags::Mirror};
  if (list == kFree) return nth_free(*memblock, filter, reverse, n, found);
  if (list == kReserved || list == kAll) filter = {.node = nid};
  return nth_region(list == kReserved ? memblock->reserved() : memblock->memory(), filter, reverse, n, found);
}

/// As in the kernel, falls back to memory below `from`.
void* allocate_rather_above(MemRequest request, Contents contents) {
  void* p = allocate(request, contents);
  if (p || !request.from.value) return p;
  request.from = {0};
  return allocate(request, contents);
}

}  // namespace

static_assert(MEMBLOCK_HOTPLUG == static_cast<int>(MemFlags::Hotplug) &&
              MEMBLOCK_MIRROR == static_cast<int>(MemFlags::Mirror) && MEMBLOCK_NOMAP == static_cast<int>(MemFlags::NoMap));

extern "C" {

// Memory --------------------------------------------------------------------------------------------------------

int memblock_add(phys_addr_t base, phys_addr_t bytes) noexcept {
  return change([&](Memblock& m) { return m.add({base}, bytes); });
}
int memblock_add_node(phys_addr_t base, phys_addr_t bytes, int nid, enum memblock_flags flags) noexcept {
  return change([&](Memblock& m) { return m.add({base}, bytes, nid, static_cast<MemFlags>(flags)); });
}
int memblock_remove(phys_addr_t base, phys_addr_t bytes) noexcept {
  return change([&](Memblock& m) { return m.remove({base}, bytes); });
}
int memblock_mark_hotplug(phys_addr_t base, phys_addr_t bytes) noexcept {
  return change([&](Memblock& m) { return m.mark({base}, bytes, MemFlags::Hotplug); });
}
int memblock_clear_hotplug(phys_addr_t base, phys_addr_t bytes) noexcept {
  return change([&](Memblock& m) { return m.unmark({base}, bytes, MemFlags::Hotplug); });
}
int memblock_mark_mirror(phys_addr_t base, phys_addr_t bytes) noexcept {
  return change([&](Memblock& m) { return m.mark({base}, bytes, MemFlags::Mirror); });
}
int memblock_mark_nomap(phys_addr_t base, phys_addr_t bytes) noexcept {
  return change([&](Memblock& m) { return m.mark({base}, bytes, MemFlags::NoMap); });
}
int memblock_clear_nomap(phys_addr_t base, phys_addr_t bytes) noexcept {
  return change([&](Memblock& m) { return m.unmark({base}, bytes, MemFlags::NoMap); });
}
int kmem_memblock_set_node(phys_addr_t base, phys_addr_t bytes, int nid) noexcept {
  return change([&](Memblock& m) { return m.set_node({base}, bytes, nid); });
}
void memblock_trim_memory(phys_addr_t align) noexcept {
  quiet_change("memblock_trim_memory", [&](Memblock& m) { m.trim(align); });
}
void memblock_enforce_memory_limit(phys_addr_t limit) noexcept {
  quiet_change("memblock_enforce_memory_limit", [&](Memblock& m) { m.cap_total(limit); });
}
void memblock_cap_memory_range(phys_addr_t base, phys_addr_t bytes) noexcept {
  quiet_change("memblock_cap_memory_range", [&](Memblock& m) { m.cap_range({base}, bytes); });
}

// Reserved --------------------------------------------------------------------------------------------------------

int memblock_reserve(phys_addr_t base, phys_addr_t bytes) noexcept {
  if (!is_there()) return kNoMemory;
  if (kmem::boot_memory().reserve({base}, bytes)) return 0;
  return kmem::boot_memory().is_early() ? kNoMemory : kBusy;
}

int memblock_phys_free(phys_addr_t base, phys_addr_t bytes) noexcept {
  if (is_there()) kmem::boot_memory().free({base}, bytes);
  return 0;
}

// Memory that was allocated after boot is whole pages, and is freed as whole pages.
void memblock_free(void* address, size_t bytes) noexcept {
  if (!address || !is_there()) return;
  BootMemory& memory = kmem::boot_memory();
  memory.free(memory.physical(address), memory.is_early() ? bytes : kmem::round_up(bytes, kmem::kPageSize));
}

phys_addr_t memblock_find_in_range(phys_addr_t start, phys_addr_t end, phys_addr_t bytes, phys_addr_t align) noexcept {
  return memblock_find_in_range_node(bytes, align, start, end, NUMA_NO_NODE, MEMBLOCK_NONE);
}
phys_addr_t memblock_find_in_range_node(phys_addr_t bytes, phys_addr_t align, phys_addr_t start, phys_addr_t end, int nid,
                                        enum memblock_flags flags) noexcept {
  return find({.bytes = bytes, .align = align, .from = {start}, .below = end_of(end), .node = nid, .exact_node = true},
              static_cast<MemFlags>(flags));
}

phys_addr_t memblock_phys_alloc(phys_addr_t bytes, phys_addr_t align) noexcept {
  return phys_alloc({.bytes = bytes, .align = align});
}
phys_addr_t memblock_phys_alloc_range(phys_addr_t bytes, phys_addr_t align, phys_addr_t start, phys_addr_t end) noexcept {
  return phys_alloc({.bytes = bytes, .align = align, .from = {start}, .below = end_of(end)});
}
phys_addr_t memblock_phys_alloc_try_nid(phys_addr_t bytes, phys_addr_t align, int nid) noexcept {
  return phys_alloc({.bytes = bytes, .align = align, .node = nid});
}
phys_addr_t memblock_phys_alloc_nid(phys_addr_t bytes, phys_addr_t align, int nid) noexcept {
  return phys_alloc({.bytes = bytes, .align = align, .node = nid, .exact_node = nid != NUMA_NO_NODE});
}

void* memblock_alloc(phys_addr_t bytes, phys_addr_t align) noexcept {
  return allocate({.bytes = bytes, .align = align}, Contents::Zero);
}
void* memblock_alloc_raw(phys_addr_t bytes, phys_addr_t align) noexcept {
  return allocate({.bytes = bytes, .align = align}, Contents::Any);
}
void* memblock_alloc_from(phys_addr_t bytes, phys_addr_t align, phys_addr_t min) noexcept {
  return memblock_alloc_try_nid(bytes, align, min, MEMBLOCK_ALLOC_ACCESSIBLE, NUMA_NO_NODE);
}
void* memblock_alloc_low(phys_addr_t bytes, phys_addr_t align) noexcept {
  return allocate({.bytes = bytes, .align = align, .below = {kmem::Bootmem::kLowEnd}}, Contents::Zero);
}
void* memblock_alloc_node(phys_addr_t bytes, phys_addr_t align, int nid) noexcept {
  return memblock_alloc_try_nid(bytes, align, MEMBLOCK_LOW_LIMIT, MEMBLOCK_ALLOC_ACCESSIBLE, nid);
}

void* memblock_alloc_try_nid(phys_addr_t bytes, phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid) noexcept {
  return allocate_rather_above({.bytes = bytes, .align = align, .from = {min}, .below = end_of(max), .node = nid},
                               Contents::Zero);
}
void* memblock_alloc_try_nid_raw(phys_addr_t bytes, phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid) noexcept {
  return allocate_rather_above({.bytes = bytes, .align = align, .from = {min}, .below = end_of(max), .node = nid},
                               Contents::Any);
}
void* memblock_alloc_exact_nid_raw(phys_addr_t bytes, phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid) noexcept {
  return allocate_rather_above(
      {.bytes = bytes, .align = align, .from = {min}, .below = end_of(max), .node = nid, .exact_node = nid != NUMA_NO_NODE},
      Contents::Any);
}
void* memblock_alloc_or_panic(phys_addr_t bytes, phys_addr_t align) noexcept {
  if (void* p = memblock_alloc(bytes, align)) return p;
  panic_without(static_cast<unsigned long>(bytes));
}

// Policy ------------------------------------------------------------------------------------------------------

void memblock_set_bottom_up(bool enable) noexcept {
  if (Memblock* m = block()) m->set_bottom_up(enable);
}
bool memblock_bottom_up() noexcept {
  const Memblock* m = block();
  return m && m->bottom_up();
}
void memblock_set_current_limit(phys_addr_t limit) noexcept {
  if (Memblock* m = block()) m->set_current_limit({limit});
}
phys_addr_t memblock_get_current_limit() noexcept {
  const Memblock* m = block();
  return m ? m->current_limit().value : 0;
}

// Queries --------------------------------------------------------------------------------------------------------------

bool memblock_is_memory(phys_addr_t address) noexcept { return block() && block()->is_memory({address}); }
bool memblock_is_map_memory(phys_addr_t address) noexcept { return block() && block()->is_map_memory({address}); }
bool memblock_is_region_memory(phys_addr_t base, phys_addr_t bytes) noexcept {
  return block() && block()->is_region_memory({base}, bytes);
}
bool memblock_is_reserved(phys_addr_t address) noexcept { return block() && block()->is_reserved({address}); }
bool memblock_is_region_reserved(phys_addr_t base, phys_addr_t bytes) noexcept {
  return block() && block()->overlaps_reserved({base}, bytes);
}
phys_addr_t memblock_phys_mem_size() noexcept { return block() ? block()->memory_bytes() : 0; }
phys_addr_t memblock_reserved_size() noexcept { return block() ? block()->reserved_bytes() : 0; }
phys_addr_t memblock_start_of_DRAM() noexcept { return block() ? block()->start_of_dram().value : 0; }
phys_addr_t memblock_end_of_DRAM() noexcept { return block() ? block()->end_of_dram().value : 0; }

unsigned long memblock_estimated_nr_free_pages() noexcept {
  return static_cast<unsigned long>((memblock_phys_mem_size() - memblock_reserved_size()) >> kmem::kPageShift);
}

void memblock_dump_all() noexcept {
  if (!block() || !kmem::boot_memory().logs()) return;
  kmem::Report report("");
  block()->dump(report.text());
}

bool kmem_memblock_next(int list, int nid, unsigned int flags, bool reverse, unsigned long long* position, phys_addr_t* start,
                        phys_addr_t* end, int* range_nid) noexcept {
  MemRegion found;
  if (!nth(list, nid, flags, reverse, *position, found)) return false;
  ++*position;
  tell(found, start, end, range_nid);
  return true;
}

bool kmem_memblock_next_pfns(int nid, int* position, unsigned long* start, unsigned long* end, int* range_nid) noexcept {
  for (MemRegion found; nth(kAll, nid, 0, false, static_cast<unsigned long long>(*position), found);) {
    ++*position;
    const auto frames = kmem::whole_frames(found);
    if (!frames) continue;
    if (start) *start = frames->first.value;
    if (end) *end = frames->end.value;
    if (range_nid) *range_nid = found.node;
    return true;
  }
  return false;
}

bool kmem_memblock_next_region(int list, unsigned int* position, struct memblock_region* region) noexcept {
  MemRegion found;
  if (!nth(list, NUMA_NO_NODE, 0, false, *position, found)) return false;
  ++*position;
  *region = {found.range.base, found.range.bytes(), static_cast<enum memblock_flags>(found.flags), found.node};
  return true;
}

}  // extern "C"
