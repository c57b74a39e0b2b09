#pragma once
// What a device reaches of memory: mappings at addresses of its own.

#include <linux/dma-mapping.h>

#include "sync/quiet_lock.h"

namespace kmem_driver::dma {

enum class Kind { Coherent, Single, Page, Sg };
const char* name_of(Kind kind);
const char* name_of(dma_data_direction direction);

/// One stretch of the device's addresses.
struct Mapping {
  Mapping* next;             // by address
  Mapping *later, *earlier;  // in the list of all devices' mappings
  device* dev;
  dma_addr_t address;
  size_t size;
  Kind kind;
  dma_data_direction direction;
  void* memory;        // the driver's; null: only by its page
  struct page* first;  // of a page's
  size_t offset;
  u8* shadow;  // what the device sees; null: the memory itself
  int nr;      // of a list: how many pieces it was mapped with
  bool checked, is_drivers;
  bool freed;  // the driver freed the memory: nothing is copied to it any more
  u64 hash;    // of the memory when the device took it over

  dma_addr_t end() const { return address + size; }
  bool holds(dma_addr_t at, size_t n) const { return at >= address && n <= size && at - address <= size - n; }
};

}  // namespace kmem_driver::dma

/// A device's mappings, by address.  The lock of all spaces guards them.
struct kmem_dma_space {
  kmem_driver::dma::Mapping* first;
  dma_addr_t cursor;  // where the next address is looked for
  unsigned long nr;
};

namespace kmem_driver::dma {

/// Guards all spaces and their mappings, also while contents are copied.
extern QuietLock lock;

// With the lock held -------------------------------------------------------------------------------------------------------

/// The mapping that begins there, or in which the address is; null.
Mapping* find(const device* dev, dma_addr_t address);
/// Puts it in, with an address below the mask; false: there is none.
bool insert(device* dev, Mapping* m, u64 mask);
void remove(device* dev, Mapping* m);

/// The contents go over, of `n` bytes from `from`.
void to_device(Mapping& m, size_t from, size_t n);
void to_driver(Mapping& m, size_t from, size_t n);
/// Has the driver written to the memory since the device took it over?
bool was_written(const Mapping& m);
void note_contents(Mapping& m);

// Without it ---------------------------------------------------------------------------------------------------------------

/// The device's space, made where it has none; null: no memory.
kmem_dma_space* space_of(device* dev);
/// Streaming memory that is about to be mapped: is it of a kind that can be?
bool may_map(const device* dev, const void* memory, size_t size);
/// Have the driver's frees looked at from now on: is the memory still mapped?
void watch_frees();
/// The driver is gone: what it has left mapped is reported, and unmapped.
void take_back(device* dev, const char* driver);

}  // namespace kmem_driver::dma
