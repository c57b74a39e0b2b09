#pragma once
// Which addresses of the window are free: areas side by side, and the free ones among them in bins by size.
//
// The idea is TLSF's (Masmano et al., ECRTS 2004): a bin for each eighth of a power of two, a bitmap of the bins that
// have something, and so no search: the first area of the next bin up fits.  What is given back merges with its neighbours.

#include "base/bits.h"
#include "base/fault.h"
#include "vmap/vm_area.h"

namespace kmem {

/// Not thread-safe: the window's lock guards it.  Areas are named by their index in an array; 0 is nobody.
///
/// Invariants (walked by check()):
///   W1  areas lie side by side from the window's first page to its last
///   W2  no two neighbours are both free
///   W3  a free area is in the bin of its size, and nothing else is in a bin
///   W4  the bitmaps name exactly the bins that have something
///   W5  nr_free_pages() is the sum over the free areas
class AddressMap {
 public:
  /// `areas` has room for `capacity` descriptors, zeroed; `ready` of them may be touched yet.
  void init(VmArea* areas, uint32_t capacity);
  /// Says that descriptors up to here may be touched.
  void set_ready(uint32_t nr) { ready_ = nr; }
  /// Descriptors that may be touched and were never used; below 4, and room for more: bring some online first.
  uint32_t spare() const { return ready_ > used_ ? ready_ - used_ + nr_unused_ : nr_unused_; }
  uint32_t ready() const { return ready_; }
  uint32_t capacity() const { return capacity_; }

  /// All of `pages` are one free area now.
  bool add(uint32_t pages);
  /// An area of `span` pages that begins at a multiple of `align` pages, a power of two; it is Busy.  0 where there is none.
  uint32_t take(uint32_t span, uint32_t align);
  void give(uint32_t index);
  /// Makes an area longer by `more` pages at its end; false where those are not free.
  bool extend(uint32_t index, uint32_t more);

  VmArea& at(uint32_t index) const { return areas_[index]; }
  uint32_t first_area() const { return lowest_; }
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
  uint32_t unused_ = 0, nr_unused_ = 0;  // descriptors to be used again, linked by bin_next
  uint32_t lowest_ = 0;
  uint32_t nr_areas_ = 0;
  uint32_t nr_pages_ = 0;
  uint64_t nr_free_pages_ = 0;
  uint32_t bins_[kBins] = {};
  uint64_t map_[(kBins + 63) / 64] = {};
};

}  // namespace kmem
