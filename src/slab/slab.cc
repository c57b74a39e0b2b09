#include "slab/slab.h"

#include "base/check.h"
#include "sync/sheaf.h"

namespace kmem {
namespace {

// The number of multiples of a size, from 1 on, that CpuStack::try_push_object() recognises. For large sizes the remainder of
// 2^32 / size leaves too few bits, and objects beyond that number are not used. For some sizes above 64 KiB it is 0: an object
// takes a whole block.
uint32_t exact_multiples(const SlabShape& shape) {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  const uint64_t inverse = kAll / shape.size, excess = kAll % shape.size;
  return excess ? static_cast<uint32_t>((inverse - 1) / excess) : ~uint32_t{0};
}

/// The bits rotated right.
uint64_t turn(uint64_t bits, unsigned by) { return bits >> by % 64 | bits << (64 - by) % 64; }

}  // namespace

SlabShape SlabShape::of_order(Order order, const Wish& wish) {
  SlabShape shape;
  shape.order = order;
  shape.size = wish.size;
  if (uint64_t{wish.size} + wish.lead > shape.bytes()) return shape;
  if (!wish.shared && !exact_multiples(shape)) shape.size = shape.bytes();
  shape.inverse = static_cast<uint32_t>(((uint64_t{1} << 32) + shape.size - 1) / shape.size);
  shape.nr_objects = (shape.bytes() - wish.lead) / shape.size;
  const unsigned room = 64 * room_for_words(wish.shared ? Order{0} : order);
  if (shape.nr_objects > room) shape.nr_objects = room;
  if (!wish.shared && shape.nr_objects > exact_multiples(shape)) shape.nr_objects = exact_multiples(shape);
  return shape;
}

// If no block has enough objects and little waste, chooses the one with the most objects, and among those the least waste.
SlabShape SlabShape::choose(const Wish& wish) {
  constexpr unsigned kUsualOrders = 6;
  unsigned want = 16384 / wish.size;
  if (want > 64) want = 64;
  if (want < 4 || wish.frugal) want = 4;
  SlabShape best;
  for (unsigned o = 0; o <= kMaxOrder && (o <= kUsualOrders || !best.nr_objects); ++o) {
    const SlabShape shape = of_order({static_cast<uint8_t>(o)}, wish);
    const bool enough = shape.nr_objects * 4 >= want * 3;
    if (enough && shape.waste() <= shape.bytes() / 8) return shape;
    const bool best_enough = best.nr_objects * 4 >= want * 3;
    const bool saves = uint64_t{shape.waste()} * best.bytes() < uint64_t{best.waste()} * shape.bytes();
    if (best_enough ? saves : shape.nr_objects > best.nr_objects) best = shape;
  }
  return best;
}

// The lowest object is topmost, so it is allocated first.
void Slab::take_bits(unsigned w, uint64_t mine, const SlabShape& shape, char* start, Sheaf& into) {
  KMEM_ASSERT(64 * w + highest_bit(mine), <, nr_slots_);
  this->word(w).fetch_and(~mine);
  into.make_room(count_bits(mine));
  char* first = start + uint64_t{64 * w} * shape.size;
  unsigned i = 0;
  for (uint64_t rest = mine; rest; rest &= rest - 1) into.set(i++, first + uint64_t{lowest_bit(rest)} * shape.size);
}

void Slab::count_taken(unsigned taken) {
  uint64_t state = state_.load();
  while (taken && !state_.compare_exchange(state, pack(count(state) - static_cast<int32_t>(taken), kListed))) {
  }
}

// pick(bits, n) selects n of the bits. Starts at the word `first` and wraps around.
template <typename Pick>
unsigned Slab::take_from(unsigned first, const SlabShape& shape, char* start, unsigned want, Sheaf& into, Pick pick) {
  const auto promised = static_cast<uint32_t>(KMEM_IN_DEBUG(nr_free() > 0 ? nr_free() : 0));
  unsigned taken = 0;
  for (unsigned n = 0, w = first; n < shape.nr_words() && taken < want; ++n, w = w + 1 < shape.nr_words() ? w + 1 : 0) {
    const uint64_t seen = this->word(w).load();
    if (!seen) continue;
    const uint64_t mine = count_bits(seen) <= want - taken ? seen : pick(seen, want - taken);
    take_bits(w, mine, shape, start, into);
    taken += count_bits(mine);
  }
  // If the count were larger than the number of bits, an empty slab would return to its list again and again.
  KMEM_ASSERT(taken, >=, promised < want ? promised : want);
  count_taken(taken);
  return taken;
}

unsigned Slab::take(const SlabShape& shape, char* start, unsigned want, Sheaf& into) {
  return take_from(0, shape, start, want, into, [](uint64_t bits, unsigned n) { return lowest_bits(bits, n); });
}

unsigned Slab::take_anywhere(const SlabShape& shape, char* start, unsigned want, uint64_t roll, Sheaf& into) {
  const auto first = static_cast<unsigned>((roll >> 32) % shape.nr_words()), at = static_cast<unsigned>(roll % 64);
  return take_from(first, shape, start, want, into,
                   [at](uint64_t bits, unsigned n) { return turn(lowest_bits(turn(bits, at), n), 64 - at); });
}

unsigned Slab::take_any(const SlabShape& shape, char* start, uint64_t seed, Sheaf& into) {
  // The multiplication spreads neighbouring seeds, such as clock values.
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
    count_taken(1);
    return 1;
  }
  return 0;
}

bool Slab::release_hold() {
  uint64_t state = state_.load();
  for (;;) {
    if (count(state) > 0) return true;
    if (state_.compare_exchange(state, pack(count(state), 0))) return false;
  }
}

// Once the objects are counted, another task may release the slab and reuse its descriptor, so nothing may be read afterwards.
Slab::Put Slab::put(unsigned word, uint64_t mask) {
  const auto nr_slots = static_cast<int32_t>(nr_slots_);
  KMEM_ASSERT(64 * word + highest_bit(mask), <, nr_slots_);
  const uint64_t before = this->word(word).fetch_or(mask);
  const uint64_t fresh = mask & ~before;
  Put result;
  result.twice = mask & before;
  if (!fresh) return result;
  const auto n = static_cast<int32_t>(count_bits(fresh));
  uint64_t state = state_.load();
  while (!state_.compare_exchange(state, pack(count(state) + n, kListed))) {
  }
  result.list = !(state & kListed);
  result.nr_free = count(state) + n;
  KMEM_ASSERT(result.nr_free, <=, nr_slots);
  result.all_free = result.nr_free == nr_slots;
  return result;
}

}  // namespace kmem
