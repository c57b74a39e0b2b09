// dma_map_single() and its kin, with what is wrong about their use.

#include <linux/dma-mapping.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "dma/reach.h"

namespace {

using namespace kmem_driver;
using namespace kmem_driver::dma;

/// WARN() about a device, with the driver's name in front.
#define REPORT(dev, format, ...) \
  WARN(1, "DMA-API: %s %s: " format, dev_driver_string(dev), dev_name(dev) __VA_OPT__(, ) __VA_ARGS__)

using Address = unsigned long long;

// Mapping ------------------------------------------------------------------------------------------------------------------

Mapping* new_mapping(Kind kind, dma_data_direction direction, size_t size, gfp_t flags) {
  auto* m = static_cast<Mapping*>(kzalloc(sizeof(Mapping), flags));
  if (!m) return nullptr;
  m->kind = kind;
  m->direction = direction;
  m->size = size;
  return m;
}

bool put_in(device* dev, Mapping* m, u64 mask) {
  if (!space_of(dev)) return false;
  watch_frees();
  Quietly hold(lock);
  if (!insert(dev, m, mask)) return false;
  if (!m->shadow) return true;
  // As bounce buffers do also where only the device writes: what it leaves alone stays.
  to_device(*m, 0, m->size);
  note_contents(*m);
  return true;
}

bool can_reach_memory(const device* dev, dma_data_direction direction, size_t size) {
  if (WARN(!valid_dma_direction(direction), "DMA-API: %s %s: %s is no direction", dev_driver_string(dev), dev_name(dev),
           name_of(direction)))
    return false;
  if (!dev->dma_mask) REPORT(dev, "the device has no DMA mask");
  return dev->dma_mask && size;
}

/// The memory is `memory`, or `offset` bytes behind the first of some pages.
struct Place {
  void* memory;
  struct page* first;
  size_t offset;
};

dma_addr_t map(device* dev, Kind kind, Place place, size_t size, dma_data_direction direction) {
  if (!can_reach_memory(dev, direction, size)) return DMA_MAPPING_ERROR;
  if (place.memory && !may_map(dev, place.memory, size)) return DMA_MAPPING_ERROR;
  constexpr gfp_t kFlags = GFP_ATOMIC | __GFP_NOWARN;
  Mapping* m = new_mapping(kind, direction, size, kFlags);
  if (!m) return DMA_MAPPING_ERROR;
  m->memory = place.memory;
  m->first = place.first;
  m->offset = place.offset;
  if (make_reachable(*m, dma_get_mask(dev), kFlags) && put_in(dev, m, dma_get_mask(dev))) return m->address;
  kfree(m->shadow);
  kfree(m);
  return DMA_MAPPING_ERROR;
}

// What is wrong with the end of a mapping ------------------------------------------------------------------------------------

struct Ending {
  Kind kind;
  dma_data_direction direction;
  dma_addr_t address;
  size_t size;
};

bool is_like(Kind mapped, Kind unmapped) {
  const bool page_or_single =
      (mapped == Kind::Page || mapped == Kind::Single) && (unmapped == Kind::Page || unmapped == Kind::Single);
  return mapped == unmapped || page_or_single;
}

/// The mapping, as it was when it was taken out.
void check_ending(const device* dev, const Mapping& m, const Ending& end, bool written) {
  const Address at = end.address;
  if (m.size != end.size)
    REPORT(
        dev,
        "device driver frees DMA memory with different size [device address=0x%016llx] [map size=%zu bytes] [unmap size=%zu bytes]",
        at, m.size, end.size);
  if (!is_like(m.kind, end.kind))
    REPORT(
        dev,
        "device driver frees DMA memory with wrong function [device address=0x%016llx] [size=%zu bytes] [mapped as %s] [unmapped as %s]",
        at, m.size, name_of(m.kind), name_of(end.kind));
  if (m.direction != end.direction)
    REPORT(
        dev,
        "device driver frees DMA memory with different direction [device address=0x%016llx] [size=%zu bytes] [mapped with %s] [unmapped with %s]",
        at, m.size, name_of(m.direction), name_of(end.direction));
  if (!m.checked && (m.kind == Kind::Single || m.kind == Kind::Page))
    REPORT(dev, "device driver failed to check map error [device address=0x%016llx] [size=%zu bytes] [mapped as %s]", at,
           m.size, name_of(m.kind));
  if (written)
    REPORT(dev,
           "device driver wrote to memory that the device had [device address=0x%016llx] [size=%zu bytes] [mapped with %s]: "
           "dma_sync_single_for_cpu() is missing",
           at, m.size, name_of(m.direction));
}

/// Memory that is mapped twice can have one address twice: the mapping that fits best.
Mapping* mapping_at(const device* dev, const Ending& end) {
  Mapping* first = find(dev, end.address);
  if (!first || first->address != end.address) return nullptr;
  for (Mapping* m = first; m && m->address == end.address; m = m->next)
    if (m->size == end.size && m->direction == end.direction) return m;
  return first;
}

Mapping* take_out(device* dev, const Ending& end) {
  Mapping* m = mapping_at(dev, end);
  if (!m) return nullptr;
  remove(dev, m);
  return m;
}

void say_not_mapped(const device* dev, const char* what, dma_addr_t address, size_t size) {
  REPORT(dev, "device driver tries to %s DMA memory it has not allocated [device address=0x%016llx] [size=%zu bytes]", what,
         static_cast<Address>(address), size);
}

void unmap(device* dev, const Ending& end, unsigned long attrs) {
  Mapping* m;
  bool written = false;
  {
    Quietly hold(lock);
    m = take_out(dev, end);
    if (m && m->shadow) {
      written = !m->is_drivers && was_written(*m);
      const bool devices = m->direction != DMA_TO_DEVICE && !m->is_drivers && !(attrs & DMA_ATTR_SKIP_CPU_SYNC);
      if (devices) to_driver(*m, 0, m->size);
    }
  }
  if (!m) return say_not_mapped(dev, "free", end.address, end.size);
  check_ending(dev, *m, end, written);
  kfree(m->shadow);
  kfree(m);
}

// Syncing ------------------------------------------------------------------------------------------------------------------

enum class To { Driver, Device };

const char* fault_of(const Mapping* m, const Ending& sync, To to) {
  if (!m->holds(sync.address, sync.size)) return "syncs DMA memory outside allocated range";
  if (m->direction != sync.direction && m->direction != DMA_BIDIRECTIONAL) return "syncs DMA memory with different direction";
  if (to == To::Driver && m->direction == DMA_TO_DEVICE && sync.direction != DMA_TO_DEVICE)
    return "syncs device read-only DMA memory for cpu";
  if (to == To::Device && m->direction == DMA_FROM_DEVICE && sync.direction != DMA_FROM_DEVICE)
    return "syncs device write-only DMA memory to device";
  return nullptr;
}

/// With the lock held. Of several, where memory is mapped more than once, one that can be synced so.
Mapping* mapping_around(const device* dev, const Ending& sync) {
  Mapping* first = find(dev, sync.address);
  if (!first || first->direction == sync.direction) return first;
  for (Mapping* m = dev->kmem_dma->first; m && m->address <= sync.address; m = m->next)
    if (m->holds(sync.address, sync.size) && m->direction == sync.direction) return m;
  return first;
}

/// With the lock held: the driver wrote where it must not have.
bool hand_over(Mapping* m, const Ending& sync, To to) {
  const size_t from = sync.address - m->address;
  const bool written = to == To::Driver && !m->is_drivers && was_written(*m);
  if (to == To::Driver && m->direction != DMA_TO_DEVICE) to_driver(*m, from, sync.size);
  if (to == To::Device && m->direction != DMA_FROM_DEVICE) to_device(*m, from, sync.size);
  m->is_drivers = to == To::Driver;
  note_contents(*m);
  return written;
}

void sync(device* dev, const Ending& what, To to) {
  const char* fault = nullptr;
  bool written = false;
  Mapping seen = {};
  {
    Quietly hold(lock);
    Mapping* m = mapping_around(dev, what);
    if (m) {
      seen = *m;
      fault = fault_of(m, what, to);
      if (!fault && m->shadow) written = hand_over(m, what, to);
    }
  }
  if (!seen.size) return say_not_mapped(dev, "sync", what.address, what.size);
  if (fault)
    REPORT(dev, "device driver %s [device address=0x%016llx] [size=%zu bytes] [mapped with %s] [synced with %s]", fault,
           static_cast<Address>(what.address), what.size, name_of(seen.direction), name_of(what.direction));
  if (written) check_ending(dev, seen, {seen.kind, seen.direction, what.address, seen.size}, true);
}

// Masks --------------------------------------------------------------------------------------------------------------------

constexpr u64 kLeast = DMA_BIT_MASK(24);

// Lists --------------------------------------------------------------------------------------------------------------------

void set_count(const device* dev, dma_addr_t address, int n) {
  Quietly hold(lock);
  if (Mapping* m = find(dev, address)) m->nr = n;
}
int count_of(const device* dev, dma_addr_t address) {
  Quietly hold(lock);
  const Mapping* m = find(dev, address);
  return m ? m->nr : 0;
}

void free_noted(device* dev, void* block);
/// Coherent memory that is noted with its device.
struct Noted {
  size_t size;
  void* memory;
  dma_addr_t address;
  unsigned long attrs;
};
void free_noted(device* dev, void* block) {
  const auto* noted = static_cast<Noted*>(block);
  dma_free_attrs(dev, noted->size, noted->memory, noted->address, noted->attrs);
}
int is_noted(device*, void* block, void* memory) { return static_cast<Noted*>(block)->memory == memory; }

}  // namespace

extern "C" {

int dma_set_mask(device* dev, u64 mask) noexcept {
  if (!dev->dma_mask || mask < kLeast) return -EIO;
  *dev->dma_mask = mask;
  return 0;
}
int dma_set_coherent_mask(device* dev, u64 mask) noexcept {
  if (mask < kLeast) return -EIO;
  dev->coherent_dma_mask = mask;
  return 0;
}

void* dma_alloc_attrs(device* dev, size_t size, dma_addr_t* address, gfp_t flags, unsigned long) noexcept {
  if (WARN(!dev->coherent_dma_mask, "DMA-API: %s %s: the device has no coherent DMA mask", dev_driver_string(dev),
           dev_name(dev)))
    return nullptr;
  if (!size) return nullptr;
  flags &= ~(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM);
  Mapping* m = new_mapping(Kind::Coherent, DMA_BIDIRECTIONAL, PAGE_ALIGN(size), flags & ~__GFP_ZERO);
  void* memory = m ? reachable_pages(size, dev->coherent_dma_mask, flags | __GFP_ZERO) : nullptr;
  if (memory) {
    m->memory = memory;
    m->checked = true;
    if (put_in(dev, m, dev->coherent_dma_mask)) return *address = m->address, memory;
    free_pages(reinterpret_cast<unsigned long>(memory), static_cast<unsigned>(get_order(size)));
  }
  kfree(m);
  return nullptr;
}

void dma_free_attrs(device* dev, size_t size, void* memory, dma_addr_t address, unsigned long) noexcept {
  if (!memory) return;
  const Ending end = {Kind::Coherent, DMA_BIDIRECTIONAL, address, PAGE_ALIGN(size)};
  Mapping* m;
  {
    Quietly hold(lock);
    m = take_out(dev, end);
  }
  if (!m) return say_not_mapped(dev, "free", address, size);
  if (m->kind == Kind::Coherent && m->memory != memory)
    REPORT(dev,
           "device driver frees DMA memory with different CPU address [device address=0x%016llx] [size=%zu bytes] "
           "[cpu alloc address=%p] [cpu free address=%p]",
           static_cast<Address>(address), m->size, m->memory, memory);
  check_ending(dev, *m, end, false);
  if (m->kind == Kind::Coherent && !m->freed)
    free_pages(reinterpret_cast<unsigned long>(m->memory), static_cast<unsigned>(get_order(m->size)));
  kfree(m->shadow);
  kfree(m);
}

void* dmam_alloc_attrs(device* dev, size_t size, dma_addr_t* address, gfp_t flags, unsigned long attrs) noexcept {
  auto* noted = static_cast<Noted*>(devres_alloc(free_noted, sizeof(Noted), flags));
  if (!noted) return nullptr;
  void* memory = dma_alloc_attrs(dev, size, address, flags, attrs);
  if (!memory) return devres_free(noted), nullptr;
  *noted = {size, memory, *address, attrs};
  devres_add(dev, noted);
  return memory;
}
void dmam_free_coherent(device* dev, size_t size, void* memory, dma_addr_t address) noexcept {
  dma_free_coherent(dev, size, memory, address);
  WARN_ON(devres_destroy(dev, free_noted, is_noted, memory));
}

int dma_mmap_attrs(device*, vm_area_struct* vma, void* memory, dma_addr_t, size_t size, unsigned long) noexcept {
  const unsigned long bytes = vma->vm_end - vma->vm_start, offset = vma->vm_pgoff << PAGE_SHIFT;
  if (offset >= PAGE_ALIGN(size) || bytes > PAGE_ALIGN(size) - offset) return -ENXIO;
  return remap_pfn_range(vma, vma->vm_start, page_to_pfn(virt_to_page(memory)) + vma->vm_pgoff, bytes, vma->vm_page_prot);
}

dma_addr_t dma_map_single_attrs(device* dev, void* memory, size_t size, dma_data_direction direction, unsigned long) noexcept {
  return map(dev, Kind::Single, {memory, nullptr, 0}, size, direction);
}
dma_addr_t dma_map_page_attrs(device* dev, page* first, size_t offset, size_t size, dma_data_direction direction,
                              unsigned long) noexcept {
  auto* memory = static_cast<char*>(page_address(first));
  return map(dev, Kind::Page, {memory ? memory + offset : nullptr, first, offset}, size, direction);
}
void dma_unmap_single_attrs(device* dev, dma_addr_t address, size_t size, dma_data_direction direction,
                            unsigned long attrs) noexcept {
  unmap(dev, {Kind::Single, direction, address, size}, attrs);
}
void dma_unmap_page_attrs(device* dev, dma_addr_t address, size_t size, dma_data_direction direction,
                          unsigned long attrs) noexcept {
  unmap(dev, {Kind::Page, direction, address, size}, attrs);
}

int dma_mapping_error(device* dev, dma_addr_t address) noexcept {
  if (address == DMA_MAPPING_ERROR) return -ENOMEM;
  Quietly hold(lock);
  for (Mapping* m = find(dev, address); m && m->address <= address; m = m->next) m->checked = true;
  return 0;
}

unsigned dma_map_sg_attrs(device* dev, scatterlist* list, int n, dma_data_direction direction, unsigned long) noexcept {
  scatterlist* sg = list;
  for (int i = 0; i < n; ++i, sg = sg_next(sg)) {
    auto* memory = static_cast<char*>(page_address(sg_page(sg)));
    sg->dma_address =
        map(dev, Kind::Sg, {memory ? memory + sg->offset : nullptr, sg_page(sg), sg->offset}, sg->length, direction);
    sg->dma_length = sg->length;
    if (sg->dma_address != DMA_MAPPING_ERROR) continue;
    sg->dma_length = 0;
    sg = list;
    for (int done = 0; done < i; ++done, sg = sg_next(sg)) unmap(dev, {Kind::Sg, direction, sg->dma_address, sg->length}, 0);
    return 0;
  }
  if (n > 0) set_count(dev, list->dma_address, n);
  return n > 0 ? static_cast<unsigned>(n) : 0;
}

void dma_unmap_sg_attrs(device* dev, scatterlist* list, int n, dma_data_direction direction, unsigned long attrs) noexcept {
  const int mapped = n > 0 ? count_of(dev, list->dma_address) : 0;
  if (mapped && mapped != n)
    REPORT(dev, "device driver frees DMA sg list with different entry count [map count=%d] [unmap count=%d]", mapped, n);
  for (int i = 0; i < n; ++i, list = sg_next(list)) unmap(dev, {Kind::Sg, direction, list->dma_address, list->length}, attrs);
}

void dma_sync_single_for_cpu(device* dev, dma_addr_t address, size_t size, dma_data_direction direction) noexcept {
  sync(dev, {Kind::Single, direction, address, size}, To::Driver);
}
void dma_sync_single_for_device(device* dev, dma_addr_t address, size_t size, dma_data_direction direction) noexcept {
  sync(dev, {Kind::Single, direction, address, size}, To::Device);
}
void dma_sync_sg_for_cpu(device* dev, scatterlist* list, int n, dma_data_direction direction) noexcept {
  for (int i = 0; i < n; ++i, list = sg_next(list))
    sync(dev, {Kind::Sg, direction, list->dma_address, list->length}, To::Driver);
}
void dma_sync_sg_for_device(device* dev, scatterlist* list, int n, dma_data_direction direction) noexcept {
  for (int i = 0; i < n; ++i, list = sg_next(list))
    sync(dev, {Kind::Sg, direction, list->dma_address, list->length}, To::Device);
}

}  // extern "C"
