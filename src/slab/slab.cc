#include "slab/slab.h"

namespace kmem {
namespace {

// How many multiples of a size, from 1 on, CpuStack::try_push_object() knows as such: with few bits left over, large
// sizes that divide 2^32 badly have objects beyond, and those are not used.  Some beyond 64 KiB have none at all: one of
// them takes a whole block.
uint32_t exact_multiples(const SlabShape& shape) {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  const uint64_t inverse = kAll / shape.size, excess = kAll % shape.size;
  return excess ? static_cast<uint32_t>((inverse - 1) / excess) : ~uint32_t{0};
}

}  // namespace

SlabShape SlabShape::of_order(Order order, uint32_t size, bool one_descriptor) {
  SlabShape shape;
  shape.order = order;
  shape.size = size;
  if (size <= shape.bytes() && !exact_multiples(shape)) shape.size = size = shape.bytes();
  shape.inverse = static_cast<uint32_t>(((uint64_t{1} << 32) + size - 1) / size);
  shape.nr_objects = shape.bytes() / size;
  const unsigned room = 64 * room_for_words(one_descriptor ? Order{0} : order);
  if (shape.nr_objects > room) shape.nr_objects = room;
  if (shape.nr_objects > exact_multiples(shape)) shape.nr_objects = exact_multiples(shape);
  return shape;
}

// Where no block has enough objects and little waste, the one with the most of what is wanted, and then with the least waste.
SlabShape SlabShape::choose(uint32_t size, bool one_descriptor, bool frugal) {
  constexpr unsigned kMaxSlabOrder = 6;
  unsigned want = 16384 / size;
  if (want > 64) want = 64;
  if (want < 4 || frugal) want = 4;
  SlabShape best;
  for (unsigned o = 0; o <= kMaxSlabOrder; ++o) {
    const SlabShape shape = of_order({static_cast<uint8_t>(o)}, size, one_descriptor);
    const bool enough = shape.nr_objects * 4 >= want * 3;
    if (enough && shape.waste() <= shape.bytes() / 8) return shape;
    const bool best_enough = best.nr_objects * 4 >= want * 3;
    const bool saves = uint64_t{shape.waste()} * best.bytes() < uint64_t{best.waste()} * shape.bytes();
    if (best_enough ? saves : shape.nr_objects > best.nr_objects) best = shape;
  }
  return best;
}

unsigned Slab::take(const SlabShape& shape, char* start, unsigned want, Sheaf& into) {
  unsigned taken = 0;
  for (unsigned w = 0; w < shape.nr_words() && taken < want; ++w) {
    const uint64_t seen = this->word(w).load();
    if (!seen) continue;
    const uint64_t mine = count_bits(seen) <= want - taken ? seen : lowest_bits(seen, want - taken);
    this->word(w).fetch_and(~mine);
    // The lowest comes out of the sheaf first.
    const unsigned n = count_bits(mine);
    into.make_room(n);
    char* first = start + uint64_t{64 * w} * shape.size;
    unsigned i = 0;
    for (uint64_t rest = mine; rest; rest &= rest - 1) into.set(i++, first + uint64_t{lowest_bit(rest)} * shape.size);
    taken += n;
  }
  uint64_t state = state_.load();
  while (taken && !state_.compare_exchange(state, with(state, count(state) - static_cast<int32_t>(taken), true))) {
  }
  return taken;
}

unsigned Slab::take_any(const SlabShape& shape, char* start, uint64_t seed, Sheaf& into) {
  // Multiplied so that seeds next to each other, such as clocks, lead far apart.
  seed = (seed ^ seed >> 29) * 0x9e3779b97f4a7c15u;
  for (unsigned n = 0; n < shape.nr_words(); ++n) {
    const unsigned w = static_cast<unsigned>((seed >> 40) + n) % shape.nr_words();
    const uint64_t seen = this->word(w).load();
    if (!seen) continue;
    uint64_t rest = seen;
    for (unsigned skip = static_cast<unsigned>(seed >> 50) % count_bits(seen); skip; --skip) rest &= rest - 1;
    const unsigned bit = lowest_bit(rest);
    this->word(w).fetch_and(~(uint64_t{1} << bit));
    into.put(start + uint64_t{64 * w + bit} * shape.size);
    for (uint64_t state = state_.load(); !state_.compare_exchange(state, with(state, count(state) - 1, true));) {
    }
    return 1;
  }
  return 0;
}

bool Slab::release_hold() {
  uint64_t state = state_.load();
  for (;;) {
    if (count(state) > 0) return true;
    if (state_.compare_exchange(state, with(state, count(state), false))) return false;
  }
}

Slab::Put Slab::put(unsigned word, uint64_t mask) {
  const uint64_t before = this->word(word).fetch_or(mask);
  const uint64_t fresh = mask & ~before;
  Put result;
  result.twice = mask & before;
  if (!fresh) return result;
  const auto n = static_cast<int32_t>(count_bits(fresh));
  uint64_t state = state_.load();
  while (!state_.compare_exchange(state, with(state, count(state) + n, true))) {
  }
  result.list = !(state & kListed);
  result.nr_free = count(state) + n;
  result.all_free = result.nr_free == static_cast<int32_t>(nr_slots_);
  return result;
}

}  // namespace kmem
