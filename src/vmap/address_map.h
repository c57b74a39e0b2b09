#pragma once
// Which addresses of the window are free: areas side by side, and the free ones among them in bins by size.
//
// The idea is TLSF's (Masmano et al., ECRTS 2004): a bin for each eighth of a power of two, and a bitmap of the non-empty bins,
// so no search: the first area of the next bin up fits. A freed area merges with its free neighbours.

#include "base/bits.h"
#include "base/fault.h"
#include "vmap/vm_area.h"

namespace kmem {

/// Not thread-safe: the window's lock guards it.  Areas are identified by their index in an array; 0 is none.
///
/// Invariants (walked by check()):
///   W1  areas lie side by side from the window's first page to its last
///   W2  no two neighbours are both free
///   W3  a free area is in the bin of its size, and no other area is in a bin
///   W4  the bitmaps have exactly the bits of the non-empty bins
///   W5  nr_free_pages() is the sum over the free areas
class AddressMap {
 public:
  /// `areas` has room for `capacity` zeroed descriptors, none of which may be touched before set_ready(). The map has no pages
  /// before grow(); the first one gets the number `start_page`, to which alignments refer.
  void init(VmArea* areas, uint32_t capacity, uint64_t start_page = 0);
  /// From now on descriptors below `nr` may be touched.
  void set_ready(uint32_t nr) { ready_ = nr; }
  /// The number of unused descriptors that may be touched. If it is below 4 and capacity is left, bring more online first.
  uint32_t spare() const { return ready_ > used_ ? ready_ - used_ + nr_unused_ : nr_unused_; }
  uint32_t ready() const { return ready_; }
  uint32_t capacity() const { return capacity_; }

  /// Adds `pages` free pages at the end of the window.  False: no descriptor is left.
  bool grow(uint32_t pages);
  /// An area of `span` pages whose number is a multiple of `align`, a power of two; it is Busy. 0 if there is none.
  uint32_t take(uint32_t span, uint32_t align);
  void give(uint32_t index);
  /// Makes an area longer by `more` pages at its end; false if those are not free.
  bool extend(uint32_t index, uint32_t more);

  VmArea& at(uint32_t index) const { return areas_[index]; }
  uint32_t first_area() const { return lowest_; }
  uint32_t free_at_end() const { return is_free(highest_) ? areas_[highest_].span : 0; }
  /// Is the area the last, or does only the free end of the window follow it?
  bool ends_before_end(uint32_t index) const {
    return index == highest_ || (is_free(highest_) && areas_[highest_].below == index);
  }
  uint32_t nr_areas() const { return nr_areas_; }  // free ones included
  uint64_t nr_free_pages() const { return nr_free_pages_; }
  uint32_t largest_free() const;
  Fault check() const;

 private:
  friend class AddressMapTestPeer;
  static constexpr unsigned kSub = 8, kLevels = 30;
  static constexpr unsigned kBins = kLevels * kSub;

  static unsigned bin_of(uint32_t pages);
  static unsigned bin_that_fits(uint32_t pages);
  uint32_t find(uint32_t pages) const;
  uint32_t new_descriptor();
  void drop_descriptor(uint32_t index);
  void put_in_bin(uint32_t index);
  void take_from_bin(uint32_t index);
  bool split(uint32_t index, uint32_t keep);
  void merge_with_above(uint32_t index);
  bool is_free(uint32_t index) const { return index && areas_[index].state.peek() == static_cast<uint32_t>(AreaState::Free); }

  VmArea* areas_ = nullptr;
  uint32_t capacity_ = 0, ready_ = 0, used_ = 1;
  uint32_t unused_ = 0, nr_unused_ = 0;  // descriptors for reuse, linked by bin_next
  uint32_t lowest_ = 0, highest_ = 0;
  uint32_t nr_areas_ = 0;
  uint32_t nr_pages_ = 0;
  uint64_t start_page_ = 0;
  uint64_t nr_free_pages_ = 0;
  uint32_t bins_[kBins] = {};
  uint64_t map_[(kBins + 63) / 64] = {};
};

}  // namespace kmem
