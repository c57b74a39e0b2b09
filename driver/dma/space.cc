// Mappings and their addresses.

#include "dma/reach.h"

#include <kmem/free_watch.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "host/host.h"

namespace kmem_driver::dma {

constinit QuietLock lock;

const char* name_of(Kind kind) {
  constexpr const char* kNames[] = {"coherent", "single", "page", "scatter-gather"};
  return kNames[static_cast<int>(kind)];
}
const char* name_of(dma_data_direction direction) {
  constexpr const char* kNames[] = {"DMA_BIDIRECTIONAL", "DMA_TO_DEVICE", "DMA_FROM_DEVICE", "DMA_NONE"};
  return direction >= 0 && direction <= DMA_NONE ? kNames[direction] : "an invalid direction";
}

// Mappings -----------------------------------------------------------------------------------------------------------------

Mapping* find(const device* dev, dma_addr_t address) {
  Mapping* m = dev->kmem_dma ? dev->kmem_dma->first : nullptr;
  Mapping* within = nullptr;  // where addresses are memory's, a mapping may lie in another one
  for (; m && m->address <= address; m = m->next) {
    if (m->address == address) return m;
    if (address < m->end()) within = m;
  }
  return within;
}

namespace {
Mapping* newest;  // of all devices
}

bool insert(device* dev, Mapping* m, u64 mask) {
  kmem_dma_space* space = dev->kmem_dma;
  if (!give_address(space, m, mask)) return false;
  Mapping** link = &space->first;
  while (*link && (*link)->address < m->address) link = &(*link)->next;
  m->next = *link;
  *link = m;
  ++space->nr;
  m->dev = dev;
  m->earlier = newest;
  if (newest) newest->later = m;
  newest = m;
  return true;
}

void remove(device* dev, Mapping* m) {
  Mapping** link = &dev->kmem_dma->first;
  while (*link != m) link = &(*link)->next;
  *link = m->next;
  --dev->kmem_dma->nr;
  if (m->earlier) m->earlier->later = m->later;
  (m->later ? m->later->earlier : newest) = m->earlier;
}

kmem_dma_space* space_of(device* dev) {
  if (kmem_dma_space* space = __atomic_load_n(&dev->kmem_dma, __ATOMIC_ACQUIRE)) return space;
  auto* fresh = static_cast<kmem_dma_space*>(kzalloc(sizeof(kmem_dma_space), GFP_ATOMIC));
  if (!fresh) return nullptr;
  kmem_dma_space* expected = nullptr;
  if (__atomic_compare_exchange_n(&dev->kmem_dma, &expected, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return fresh;
  kfree(fresh);
  return expected;
}

// Contents -----------------------------------------------------------------------------------------------------------------

namespace {

/// Calls visit() with each stretch of the driver's memory that lies in one page.
template <typename Visit>
void each_stretch(const Mapping& m, size_t from, size_t n, Visit visit) {
  if (m.freed) return;
  if (m.memory) return visit(static_cast<u8*>(m.memory) + from, from, n);
  while (n) {
    const size_t at = m.offset + from, in_page = offset_in_page(at);
    const size_t step = n < PAGE_SIZE - in_page ? n : PAGE_SIZE - in_page;
    auto* mapped = static_cast<u8*>(kmap_local_page(m.first + (at >> PAGE_SHIFT)));
    visit(mapped + in_page, from, step);
    kunmap_local(mapped);
    from += step;
    n -= step;
  }
}

/// FNV-1a, by words where it can.
u64 mix(u64 hash, const u8* p, size_t n) {
  constexpr u64 kPrime = 0x100000001b3;
  for (; n >= 8; p += 8, n -= 8) {
    u64 word;
    __builtin_memcpy(&word, p, 8);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 29;
  }
  for (; n; ++p, --n) hash = (hash ^ *p) * kPrime;
  return hash;
}

u64 hash_of(const Mapping& m) {
  u64 hash = 0xcbf29ce484222325;
  each_stretch(m, 0, m.size, [&](const u8* p, size_t, size_t n) { hash = mix(hash, p, n); });
  return hash;
}

}  // namespace

void to_device(Mapping& m, size_t from, size_t n) {
  each_stretch(m, from, n, [&](const u8* p, size_t at, size_t bytes) { memcpy(m.shadow + at, p, bytes); });
}
void to_driver(Mapping& m, size_t from, size_t n) {
  each_stretch(m, from, n, [&](u8* p, size_t at, size_t bytes) { memcpy(p, m.shadow + at, bytes); });
}
void note_contents(Mapping& m) { m.hash = hash_of(m); }
bool was_written(const Mapping& m) { return !m.freed && m.hash != hash_of(m); }

// What can be mapped -------------------------------------------------------------------------------------------------------

bool may_map(const device* dev, const void* memory, size_t size) {
  const char *driver = dev_driver_string(dev), *name = dev_name(dev);
  if (is_vmalloc_addr(memory)) {
    WARN(1, "%s %s: rejecting DMA map of vmalloc memory [addr=%p]", driver, name, memory);
    return false;
  }
  if (virt_addr_valid(memory)) return true;
  if (host::is_on_stack(memory))
    WARN(1, "DMA-API: %s %s: device driver maps memory from stack [addr=%p] [size=%zu]", driver, name, memory, size);
  else
    WARN(1, "DMA-API: %s %s: device driver maps memory that is no allocated memory: a static variable? [addr=%p] [size=%zu]",
         driver, name, memory, size);
  return kReachesStatics;
}

// Frees ----------------------------------------------------------------------------------------------------------------------

namespace {

/// Pages that have no address for the driver have one for kmem.
const char* begin_of(const Mapping& m) {
  return static_cast<const char*>(m.memory ? m.memory : __va(page_to_phys(m.first) + m.offset));
}

/// With the lock held: a mapping of what is freed, not reported yet; null.
Mapping* mapping_of(const char* memory, size_t bytes) {
  for (Mapping* m = newest; m; m = m->earlier)
    if (!m->freed && begin_of(*m) < memory + bytes && memory < begin_of(*m) + m->size) return m;
  return nullptr;
}

void look_at_free(const void* memory, size_t bytes) {
  while (__atomic_load_n(&newest, __ATOMIC_RELAXED)) {
    Mapping seen;
    {
      Quietly hold(lock);
      Mapping* m = mapping_of(static_cast<const char*>(memory), bytes);
      if (!m) return;
      m->freed = true;
      seen = *m;
    }
    WARN(1,
         "DMA-API: %s %s: device driver frees memory that is mapped for the device [device address=0x%016llx] [size=%zu bytes] "
         "[mapped with %s] [mapped as %s]",
         dev_driver_string(seen.dev), dev_name(seen.dev), seen.address, seen.size, name_of(seen.direction), name_of(seen.kind));
  }
}

}  // namespace

void watch_frees() {
  static bool watching = false;
  if (!__atomic_exchange_n(&watching, true, __ATOMIC_RELAXED)) kmem_watch_frees(look_at_free);
}

void take_back(device* dev, const char* driver) {
  kmem_dma_space* space = dev->kmem_dma;
  if (!space) return;
  if (const Mapping* m = space->first)
    WARN(1,
         "DMA-API: %s %s: device driver has pending DMA allocations while released from device [count=%lu]\n"
         "One of leaked entries details: [device address=0x%016llx] [size=%zu bytes] [mapped with %s] [mapped as %s]",
         driver, dev_name(dev), space->nr, m->address, m->size, name_of(m->direction), name_of(m->kind));
  while (Mapping* m = space->first) {
    {
      Quietly hold(lock);
      remove(dev, m);
    }
    kvfree(m->shadow);
    kfree(m);
  }
  dev->kmem_dma = nullptr;
  kfree(space);
}

}  // namespace kmem_driver::dma
