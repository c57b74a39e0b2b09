#include "vmap/address_map.h"

#include "base/check.h"

namespace kmem {

void AddressMap::init(VmArea* areas, uint32_t capacity, uint64_t start_page) {
  areas_ = areas;
  capacity_ = capacity;
  ready_ = 0;
  used_ = 1;
  unused_ = nr_unused_ = lowest_ = highest_ = nr_areas_ = nr_pages_ = 0;
  start_page_ = start_page;
  nr_free_pages_ = 0;
  for (uint32_t& bin : bins_) bin = 0;
  for (uint64_t& word : map_) word = 0;
}

// Bins -----------------------------------------------------------------------------------------------------------------

/// One bin for each size up to 7 pages; above, eight bins for each power of two.
unsigned AddressMap::bin_of(uint32_t pages) {
  if (pages < kSub) return pages;
  const unsigned level = highest_bit(pages) - 3;
  return (level + 1) * kSub + (pages >> level) - kSub;
}

/// The lowest bin in which every area has at least so many pages.
unsigned AddressMap::bin_that_fits(uint32_t pages) {
  if (pages < kSub) return pages;
  const unsigned level = highest_bit(pages) - 3;
  const uint32_t rest = (uint32_t{1} << level) - 1;
  return pages & rest ? bin_of(pages) + 1 : bin_of(pages);
}

uint32_t AddressMap::find(uint32_t pages) const {
  const unsigned bin = bin_that_fits(pages);
  for (unsigned word = bin / 64; word < sizeof map_ / sizeof *map_; ++word) {
    uint64_t some = map_[word];
    if (word == bin / 64) some &= ~low_mask(bin % 64);
    if (some) return bins_[word * 64 + lowest_bit(some)];
  }
  // Areas in the bin that the wish itself belongs to may fit too; only a few of them are tried.
  uint32_t at = bins_[bin_of(pages)];
  for (int looks = 0; at && looks < 8; ++looks, at = areas_[at].bin_next)
    if (areas_[at].span >= pages) return at;
  return 0;
}

void AddressMap::put_in_bin(uint32_t index) {
  VmArea& area = areas_[index];
  KMEM_ASSERT(area.is(), !=, AreaState::Free);
  KMEM_ASSERT(area.span, >, 0u);
  KMEM_ASSERT(bins_[bin_of(area.span)], !=, index);
  const unsigned bin = bin_of(area.span);
  area.become(AreaState::Free);
  area.bin_prev = 0;
  area.bin_next = bins_[bin];
  if (area.bin_next) areas_[area.bin_next].bin_prev = index;
  bins_[bin] = index;
  map_[bin / 64] |= uint64_t{1} << (bin % 64);
  nr_free_pages_ += area.span;
}

void AddressMap::take_from_bin(uint32_t index) {
  VmArea& area = areas_[index];
  KMEM_ASSERT(area.is(), ==, AreaState::Free);
  const unsigned bin = bin_of(area.span);
  if (area.bin_next) areas_[area.bin_next].bin_prev = area.bin_prev;
  if (area.bin_prev) areas_[area.bin_prev].bin_next = area.bin_next;
  else bins_[bin] = area.bin_next;
  if (!bins_[bin]) map_[bin / 64] &= ~(uint64_t{1} << (bin % 64));
  area.become(AreaState::Busy);
  nr_free_pages_ -= area.span;
}

// Descriptors ----------------------------------------------------------------------------------------------------------

uint32_t AddressMap::new_descriptor() {
  uint32_t index = unused_;
  if (index) {
    unused_ = areas_[index].bin_next;
    --nr_unused_;
  } else {
    if (used_ >= ready_) return 0;
    index = used_++;
  }
  VmArea& area = areas_[index];
  area.become(AreaState::Busy);
  area.first = area.span = area.below = area.above = area.bin_next = area.bin_prev = area.nr_pages = 0;
  ++nr_areas_;
  return index;
}

void AddressMap::drop_descriptor(uint32_t index) {
  KMEM_ASSERT(areas_[index].is(), !=, AreaState::Unused);
  areas_[index].become(AreaState::Unused);
  areas_[index].bin_next = unused_;
  unused_ = index;
  ++nr_unused_;
  --nr_areas_;
}

// Splitting and merging ------------------------------------------------------------------------------------------------

/// Cuts an area that is in no bin after `keep` pages; the rest becomes a free area.  False: no descriptor is left.
bool AddressMap::split(uint32_t index, uint32_t keep) {
  VmArea& area = areas_[index];
  if (area.span == keep) return true;
  const uint32_t rest = new_descriptor();
  if (!rest) return false;
  VmArea& tail = areas_[rest];
  tail.first = area.first + keep;
  tail.span = area.span - keep;
  tail.below = index;
  tail.above = area.above;
  if (tail.above) areas_[tail.above].below = rest;
  else highest_ = rest;
  area.above = rest;
  area.span = keep;
  put_in_bin(rest);
  return true;
}

/// Merges the area above into this one. Neither may be in a bin.
void AddressMap::merge_with_above(uint32_t index) {
  VmArea& area = areas_[index];
  const uint32_t gone = area.above;
  KMEM_ASSERT(area.first + area.span, ==, areas_[gone].first);
  area.span += areas_[gone].span;
  area.above = areas_[gone].above;
  if (area.above) areas_[area.above].below = index;
  else highest_ = index;
  drop_descriptor(gone);
}

bool AddressMap::grow(uint32_t pages) {
  uint32_t index = highest_;
  if (is_free(index)) {
    take_from_bin(index);
  } else {
    index = new_descriptor();
    if (!index) return false;
    areas_[index].first = nr_pages_;
    areas_[index].below = highest_;
    if (highest_) areas_[highest_].above = index;
    else lowest_ = index;
    highest_ = index;
  }
  areas_[index].span += pages;
  nr_pages_ += pages;
  put_in_bin(index);
  return true;
}

uint32_t AddressMap::take(uint32_t span, uint32_t align) {
  const auto gap = [&](uint32_t index) {
    const uint64_t at = start_page_ + areas_[index].first;
    return static_cast<uint32_t>(round_up(at, align) - at);
  };
  uint32_t index = find(span);
  if (!index) return 0;
  uint32_t skip = gap(index);
  if (uint64_t{span} + skip > areas_[index].span) {
    if (uint64_t{span} + align - 1 > ~uint32_t{0}) return 0;
    index = find(span + align - 1);
    if (!index) return 0;
    skip = gap(index);
  }
  if (spare() < 2) return 0;
  take_from_bin(index);
  if (skip) {
    // The lower part keeps its index and stays free; the new area is the result.
    split(index, skip);
    const uint32_t ours = areas_[index].above;
    take_from_bin(ours);
    put_in_bin(index);
    index = ours;
  }
  split(index, span);
  return index;
}

void AddressMap::give(uint32_t index) {
  KMEM_ASSERT(areas_[index].is(), !=, AreaState::Free);
  if (is_free(areas_[index].above)) {
    take_from_bin(areas_[index].above);
    merge_with_above(index);
  }
  if (const uint32_t below = areas_[index].below; is_free(below)) {
    take_from_bin(below);
    merge_with_above(below);
    index = below;
  }
  put_in_bin(index);
}

bool AddressMap::extend(uint32_t index, uint32_t more) {
  const uint32_t above = areas_[index].above;
  if (!is_free(above) || areas_[above].span < more || !spare()) return false;
  take_from_bin(above);
  split(above, more);
  merge_with_above(index);
  return true;
}

uint32_t AddressMap::largest_free() const {
  for (unsigned bin = kBins; bin--;) {
    uint32_t most = 0;
    for (uint32_t i = bins_[bin]; i; i = areas_[i].bin_next) most = areas_[i].span > most ? areas_[i].span : most;
    if (most) return most;
  }
  return 0;
}

// Checking -------------------------------------------------------------------------------------------------------------

Fault AddressMap::check() const {
  uint64_t free_pages = 0, in_bins = 0, free_areas = 0;
  uint32_t next = 0, last = 0;
  for (uint32_t i = lowest_; i; last = i, i = areas_[i].above) {
    const VmArea& area = areas_[i];
    if (area.first != next || area.below != last || !area.span)
      return {"W1 areas lie side by side", area.first, next, area.first};
    if (is_free(i) && is_free(last)) return {"W2 no two neighbours are free", area.first};
    if (is_free(i)) free_pages += area.span, ++free_areas;
    next = area.first + area.span;
  }
  if (next != nr_pages_) return {"W1 areas lie side by side", next, nr_pages_, next};
  if (last != highest_) return {"W1 areas lie side by side", next, last, highest_};
  for (unsigned bin = 0; bin < kBins; ++bin) {
    if (((map_[bin / 64] >> (bin % 64)) & 1) != (bins_[bin] != 0))
      return {"W4 the bitmap names the bins that have something", bin};
    for (uint32_t i = bins_[bin]; i; i = areas_[i].bin_next, ++in_bins)
      if (!is_free(i) || bin_of(areas_[i].span) != bin)
        return {"W3 a free area is in the bin of its size", areas_[i].first, bin, bin_of(areas_[i].span)};
  }
  if (in_bins != free_areas) return {"W3 a free area is in the bin of its size", 0, free_areas, in_bins};
  if (free_pages != nr_free_pages_) return {"W5 nr_free_pages is the sum over the free areas", 0, free_pages, nr_free_pages_};
  return {};
}

}  // namespace kmem
