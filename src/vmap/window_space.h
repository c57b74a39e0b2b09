#pragma once
// The window's addresses: chosen once, reserved in steps, given to areas.

#include "vmap/address_map.h"
#include "vmap/growing_range.h"

namespace kmem {

class WindowTable;

/// Not thread-safe: the window's lock guards it.
///
/// Nothing is reserved when the addresses are chosen.  When no free ones are left, 8 MiB more are reserved, or an eighth of
/// those reserved already if that is more. So a process has few mappings, and few unused addresses.
class WindowSpace {
 public:
  /// `bytes`: the boot word vmalloc=, or 0 for a generous size on a machine with that much memory.
  void init(uint64_t bytes, uint64_t physical_bytes);
  uint64_t wish_bytes() const { return wish_bytes_; }
  /// Chooses addresses for the window, the descriptors of its areas, and the table. False: there are none, and will be none
  /// later.
  bool choose(WindowTable& table);

  char* start() const { return addresses_.start(); }
  uint64_t bytes() const { return addresses_.bytes(); }
  /// With the table and the descriptors, which follow the window.
  uint64_t bytes_of_all() const { return static_cast<uint64_t>(descriptors_.start() + descriptors_.bytes() - start()); }
  VmArea* areas() const { return reinterpret_cast<VmArea*>(descriptors_.start()); }

  /// As AddressMap's functions; they reserve more addresses if needed. 0 and false also if the host has no more.
  uint32_t take(uint32_t span, uint32_t align);
  void give(uint32_t index) { map_.give(index); }
  bool extend(uint32_t index, uint32_t more);

  /// The pages of the largest possible area, unreserved addresses included.
  uint64_t largest_free_pages() const;
  const AddressMap& map() const { return map_; }

 private:
  static constexpr uint32_t kMaxAreas = 1u << 22;
  bool choose(uint64_t bytes, WindowTable& table);
  bool grow(uint64_t pages);
  bool grow_descriptors();
  uint64_t pages_to_come() const { return (addresses_.bytes() - addresses_.reserved()) >> kPageShift; }

  AddressMap map_;
  GrowingRange addresses_;
  GrowingRange descriptors_;
  uint64_t wish_bytes_ = 0;
  bool failed_ = false;
};

}  // namespace kmem
