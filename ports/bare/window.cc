// The window, and memory apart from the frames: addresses are allocated best fit, the page tables record the pages.

#include "port/window.h"
#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "port/devices.h"
#include "port/memory.h"

namespace bare {
namespace {

/// Freed addresses are in a list; addresses from `fresh` on were never allocated.
class Addresses {
 public:
  uint64_t take(uint64_t bytes, uint64_t align) {
    const Locked locked(lock_);
    if (const Range* best = best_fit(bytes, align)) {
      const Range old = *best;
      const uint64_t start = kmem::round_up(old.start, align);
      free_[best - free_] = free_[--nr_];
      put(old.start, start);
      put(start + bytes, old.end);
      return start;
    }
    const uint64_t start = kmem::round_up(fresh_, align);
    if (start < fresh_ || start > kWindowEnd || bytes > kWindowEnd - start) return 0;
    put(fresh_, start);
    fresh_ = start + bytes + kGap;
    return start;
  }
  void give(uint64_t at, uint64_t bytes) {
    const Locked locked(lock_);
    put(at, at + bytes);
  }

 private:
  static constexpr unsigned kMost = 512;
  // An unmapped page between two ranges, where addresses are many: it keeps freed neighbours apart for ever.
  static constexpr uint64_t kGap = sizeof(void*) == 8 ? kPageSize : 0;
  // The smallest that is large enough, so that large ones stay whole: addresses of 32 bits are few.
  const Range* best_fit(uint64_t bytes, uint64_t align) const {
    const Range* best = nullptr;
    for (const Range* range = free_; range < free_ + nr_; ++range) {
      const uint64_t start = kmem::round_up(range->start, align);
      if (start < range->start || start + bytes > range->end || start + bytes < start) continue;
      if (!best || range->end - range->start < best->end - best->start) best = range;
    }
    return best;
  }
  // A range that does not fit into the list is lost; on 64 bits there are 16 TiB of addresses.
  void put(uint64_t start, uint64_t end) {
    for (unsigned i = 0; i < nr_; ++i) {
      if (free_[i].end == start) start = free_[i].start;
      else if (free_[i].start == end) end = free_[i].end;
      else continue;
      free_[i] = free_[--nr_];
      i = ~0u;
    }
    if (end == fresh_ && start < end) fresh_ = start;
    else if (start < end && nr_ < kMost) free_[nr_++] = {start, end};
  }
  SpinLock lock_;
  Range free_[kMost];
  unsigned nr_ = 0;
  uint64_t fresh_ = kWindow;
};
Addresses addresses;

uint64_t number(const void* p) { return reinterpret_cast<uint64_t>(p); }
uint64_t whole(uint64_t bytes) { return kmem::round_up(bytes, kPageSize); }
Rights rights_of(kmem::Access access) { return access == kmem::Access::Read ? Rights::Read : Rights::ReadWrite; }
Rights rights_of(kmem::Protection wanted) { return wanted == kmem::Protection::Open ? Rights::ReadWrite : Rights::None; }
bool aligned(const void* address, size_t bytes) { return ((number(address) | bytes) & (kPageSize - 1)) == 0; }

}  // namespace
}  // namespace bare

using namespace bare;

extern "C" {

// Memory apart from the frames ------------------------------------------------------------------------------------------------

void* kmem_port_map(size_t bytes, size_t align) {
  void* at = kmem_port_window_reserve(bytes, align);
  if (at && map_on_demand(number(at), whole(bytes), Rights::ReadWrite)) return at;
  if (at) kmem_port_unmap(at, bytes);
  return nullptr;
}
void kmem_port_unmap(void* address, size_t bytes, kmem::Guards) { kmem_port_window_release(address, bytes); }

// Shrinks in place; grows by moving.
void* kmem_port_remap(void* address, size_t old_bytes, size_t new_bytes) {
  const uint64_t from = number(address), old_whole = whole(old_bytes), new_whole = whole(new_bytes);
  if (new_whole < old_whole) kmem_port_window_release(static_cast<char*>(address) + new_whole, old_whole - new_whole);
  if (new_whole <= old_whole) return address;
  void* to = kmem_port_window_reserve(new_whole, kPageSize);
  if (!to) return nullptr;
  if (!map_on_demand(number(to) + old_whole, new_whole - old_whole, Rights::ReadWrite) ||
      !move_range(number(to), from, old_whole)) {
    kmem_port_window_release(to, new_whole);
    return nullptr;
  }
  kmem_port_window_release(address, old_whole);
  return to;
}

/// The page allocator's frames do not change, because there is no host to return them to.
bool kmem_port_discard(void* address, size_t bytes) {
  const bool in_window = number(address) >= kWindow && number(address) < kWindowEnd;
  return in_window && aligned(address, bytes) && discard_range(number(address), bytes);
}

bool kmem_port_protect(void* address, size_t bytes, kmem::Protection wanted) {
  return aligned(address, bytes) && change_access(number(address), bytes, rights_of(wanted));
}
bool kmem_port_guard(void* address, size_t bytes) {
  if (!aligned(address, bytes)) return false;
  unmap_range(number(address), bytes);
  return true;
}

// The window ------------------------------------------------------------------------------------------------------------

void* kmem_port_window_reserve(size_t bytes, size_t align) {
  if (align < kPageSize) align = kPageSize;
  if (!bytes || bytes > kWindowEnd - kWindow) return nullptr;
  return reinterpret_cast<void*>(addresses.take(whole(bytes), align));
}
void kmem_port_window_release(void* address, size_t bytes) {
  unmap_range(number(address), whole(bytes));
  addresses.give(number(address), whole(bytes));
}

bool kmem_port_window_open(void* address, size_t bytes, kmem::Access access, kmem::WindowPages) {
  return map_on_demand(number(address), whole(bytes), rights_of(access));
}
bool kmem_port_window_access(void* address, size_t bytes, kmem::Access access) {
  return change_access(number(address), whole(bytes), rights_of(access));
}
bool kmem_port_window_close(void* address, size_t bytes) { return unmap_range(number(address), whole(bytes)), true; }
bool kmem_port_window_guard(void* address, size_t bytes) { return unmap_range(number(address), whole(bytes)), true; }

bool kmem_port_window_alias(void* to, void* from, size_t bytes, kmem::Access access) {
  if (!aligned(to, bytes) || !aligned(from, bytes)) return false;
  return map_range(number(to), number(from) - kDirectMap, bytes, {access == kmem::Access::ReadWrite});
}
bool kmem_port_window_move(void* to, void* from, size_t bytes) {
  if (!is_mapped(number(to)) && !map_on_demand(number(to), whole(bytes), Rights::ReadWrite)) return false;
  memcpy(to, from, bytes);
  memset(from, 0, bytes);
  return true;
}

// Devices ---------------------------------------------------------------------------------------------------------------

// The device's registers according to a bus, or else the page if it is not memory. The file number encodes the caching, the
// offset the address.

bool kmem_port_find_device(const char*, uint64_t phys, kmem::IoWrites writes, kmem::HostDevice* device) {
  *device = {};
  Range range{kmem::round_down(phys, kPageSize), kmem::round_down(phys, kPageSize) + kPageSize, 0};
  if (phys >> 46 || firmware.ram.contains(phys)) return false;
  find_registers(phys, range);
  memcpy(device->name, "bus", 4);
  device->phys = device->offset = range.start;
  device->bytes = range.end - range.start;
  device->combining = writes == kmem::IoWrites::Combined;
  return true;
}
int kmem_port_open_device(kmem::HostDevice* device) { return device->combining ? 1 : 0; }
int kmem_port_keep_device(int) { return -1; }
void kmem_port_close_device(int) {}
bool kmem_port_window_device(void* to, int file, uint64_t offset, size_t bytes) {
  return map_range(number(to), kmem::round_down(offset, kPageSize), whole(bytes),
                   {true, file ? Cache::Combining : Cache::Uncached});
}
}
