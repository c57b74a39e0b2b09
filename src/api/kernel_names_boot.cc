// alloc_bootmem() and memblock by the kernel's names.
//
// In a process somebody has allocated before any caller of these can run, so the memory is cut off the top of a zone,
// where frames come online last, and marked as Boot: of any size, contiguous, and out of the page allocator's hands
// until it is freed.

#include <linux/bootmem.h>
#include <linux/memblock.h>

#include "api/system.h"
#include "base/bits.h"
#include "base/memory.h"
#include "port/port.h"
#include "watch/report.h"

namespace {

using kmem::Page;
using kmem::PageKind;
using kmem::Pfn;
using kmem::Zone;
using kmem::ZoneKind;

kmem::PageAllocator& pages() { return kmem::system().pages; }

struct Wish {
  uint64_t frames;
  uint64_t align_frames;
  bool low;  // below 4 GiB
};

/// The highest frames of the zone that are free in a row.
Page* take_from(Zone& zone, const Wish& wish) {
  if (zone.nr_frames() < wish.frames) return nullptr;
  const uint64_t first = zone.first().value;
  const uint64_t step = wish.align_frames > kmem::kBlockFrames ? wish.align_frames : kmem::kBlockFrames;
  const uint64_t stride = wish.frames < step ? wish.align_frames : step;
  uint64_t at = kmem::round_down(first + zone.nr_frames() - wish.frames, wish.align_frames);
  for (; at >= first; at -= stride) {
    if (zone.online_reserved({at}, wish.frames)) {
      for (uint64_t i = 0; i < wish.frames; ++i)
        pages().page_at({at + i})->head.store(Page::pack(PageKind::Boot, zone.index(), {}, 1));
      return pages().page_at({at});
    }
    if (at < stride) break;
  }
  return nullptr;
}

/// High zones first: devices need the low ones later, and what is taken here stays taken.
Page* take(const Wish& wish) {
  for (int kind = static_cast<int>(wish.low ? ZoneKind::Dma32 : ZoneKind::Normal); kind >= 0; --kind) {
    for (unsigned i = 0; i < pages().nr_zones(); ++i) {
      Zone& zone = pages().zone(i);
      if (static_cast<int>(zone.kind()) != kind) continue;
      if (Page* page = take_from(zone, wish)) return page;
    }
  }
  return nullptr;
}

/// What is freed here was never counted as dirty or clean, so every frame may hold something.
void give_back(Pfn first, Pfn end) {
  for (Pfn pfn = first; pfn < end; pfn = pfn + 1) {
    Zone* zone = pages().zone_of(pfn);
    if (!zone || !zone->is_online(pfn) || pages().page_at(pfn)->kind() != PageKind::Boot) {
      kmem::bug_report(kmem::Trouble::Bug, "free of boot memory: pfn %#llx was not taken at boot",
                       static_cast<unsigned long long>(pfn.value));
      return;
    }
    pages().page_at(pfn)->head.store(Page::pack(PageKind::None, zone->index(), {}, 0));
    zone->give_back_run(pfn, 1);
  }
}

uint64_t frames_for(uint64_t bytes) { return (bytes >> kmem::kPageShift) + ((bytes & (kmem::kPageSize - 1)) != 0); }

char* allocate(uint64_t bytes, uint64_t align, bool low, bool clear) {
  if (bytes == 0 || (align & (align - 1))) return nullptr;
  if (!kmem::boot()) return nullptr;
  const uint64_t align_frames = align > kmem::kPageSize ? align >> kmem::kPageShift : 1;
  Page* page = take({frames_for(bytes), align_frames, low});
  if (!page) return nullptr;
  char* address = pages().address(pages().pfn_of(page));
  // A discarded page reads as zero without being touched.
  if (clear && !kmem_port_discard(address, frames_for(bytes) << kmem::kPageShift)) memset(address, 0, bytes);
  return address;
}

void* allocate_or_panic(unsigned long bytes, bool low) {
  if (void* memory = allocate(bytes, 0, low, true)) return memory;
  kmem::bug_report(kmem::Trouble::Bug, "Out of memory: no %lu bytes of boot memory", bytes);
  kmem_port_panic();
}

Pfn frame_of(const void* address) { return pages().pfn_of_address(address); }

}  // namespace

extern "C" {

void* alloc_bootmem(unsigned long bytes) noexcept { return allocate_or_panic(bytes, false); }
void* alloc_bootmem_low(unsigned long bytes) noexcept { return allocate_or_panic(bytes, true); }
void* alloc_bootmem_pages(unsigned long bytes) noexcept { return allocate_or_panic(bytes, false); }
void* alloc_bootmem_low_pages(unsigned long bytes) noexcept { return allocate_or_panic(bytes, true); }

void free_bootmem(unsigned long physical, unsigned long bytes) noexcept {
  give_back({frames_for(physical)}, {(physical + bytes) >> kmem::kPageShift});
}

void* memblock_alloc(phys_addr_t bytes, phys_addr_t align) noexcept { return allocate(bytes, align, false, true); }
void* memblock_alloc_raw(phys_addr_t bytes, phys_addr_t align) noexcept { return allocate(bytes, align, false, false); }

phys_addr_t memblock_phys_alloc(phys_addr_t bytes, phys_addr_t align) noexcept {
  const char* memory = allocate(bytes, align, false, false);
  return memory ? frame_of(memory).value << kmem::kPageShift : 0;
}

void memblock_free(void* address, size_t bytes) noexcept {
  if (address) give_back(frame_of(address), frame_of(address) + frames_for(bytes));
}

int memblock_phys_free(phys_addr_t base, phys_addr_t bytes) noexcept {
  give_back({base >> kmem::kPageShift}, {frames_for(base + bytes)});
  return 0;
}

bool memblock_is_memory(phys_addr_t address) noexcept { return pages().zone_of({address >> kmem::kPageShift}); }

bool memblock_is_region_memory(phys_addr_t base, phys_addr_t bytes) noexcept {
  uint64_t at = 0;
  for (phys_addr_t start, end; kmem_memblock_next_range(&at, &start, &end);)
    if (start <= base && base < end) return bytes <= end - base;
  return false;
}

phys_addr_t memblock_phys_mem_size() noexcept {
  uint64_t at = 0, sum = 0;
  for (phys_addr_t start, end; kmem_memblock_next_range(&at, &start, &end);) sum += end - start;
  return sum;
}

phys_addr_t memblock_start_of_DRAM() noexcept {
  uint64_t at = 0;
  phys_addr_t start = 0, end;
  kmem_memblock_next_range(&at, &start, &end);
  return start;
}

phys_addr_t memblock_end_of_DRAM() noexcept {
  uint64_t at = 0;
  phys_addr_t start, end = 0;
  while (kmem_memblock_next_range(&at, &start, &end)) continue;
  return end;
}

bool kmem_memblock_next_range(uint64_t* position, phys_addr_t* start, phys_addr_t* end) noexcept {
  if (!kmem::boot()) return false;
  const kmem::Machine& machine = kmem::system().machine;
  if (*position >= machine.nr_ram) return false;
  const kmem::RamRange& ram = machine.ram[(*position)++];
  *start = ram.start.value;
  *end = ram.start.value + ram.bytes;
  return true;
}

}  // extern "C"
