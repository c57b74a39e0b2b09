#include "slab/kept_blocks.h"

#include "port/cpu_stack.h"

namespace kmem {

KeptBlocks::Place& KeptBlocks::place_of(uint64_t pages) {
  const uint64_t length = pages * 0x9e3779b97f4a7c15u >> 62;
  return places_[(CpuStack::where().value & cpu_mask_) * kLengths + length];
}

KeptBlocks::Kept KeptBlocks::take(uint64_t pages) {
  Place& place = place_of(pages);
  uint64_t seen = place.block.load();
  return seen >> kLengthShift == pages && place.block.compare_exchange(seen, 0) ? Kept{seen} : Kept{};
}

KeptBlocks::Place* KeptBlocks::place_for(uint64_t pages) {
  if (pages > kLongest) return nullptr;
  Place& place = place_of(pages);
  const uint32_t last = place.last.peek();
  if (last != pages) return place.last.poke(static_cast<uint32_t>(pages)), nullptr;
  return place.block.load() >> kLengthShift == pages ? nullptr : &place;
}

KeptBlocks::Place* KeptBlocks::empty_place_for(uint64_t pages) {
  Place& place = place_of(pages);
  const bool expected = place.last.peek() == pages && place.counted.peek() == pages;
  return expected && !place.block.load() ? &place : nullptr;
}

void KeptBlocks::count(Place& place, uint64_t pages) {
  const uint32_t before = place.counted.exchange(static_cast<uint32_t>(pages));
  nr_pages_.add(pages - before);
}

KeptBlocks::Kept KeptBlocks::put(Place& place, BlockTable::Entry& entry, uint64_t pages) {
  if (place.counted.peek() != pages) count(place, pages);
  return {place.block.exchange(reinterpret_cast<uint64_t>(&entry) | pages << kLengthShift)};
}

KeptBlocks::Kept KeptBlocks::take_any(const Place* but) {
  for (Place& place : places_) {
    if (&place == but) continue;
    if (place.counted.peek()) count(place, 0);
    if (const Kept kept{place.block.load() ? place.block.exchange(0) : 0}) return kept;
  }
  return {};
}

}  // namespace kmem
