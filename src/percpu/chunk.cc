#include "percpu/chunk.h"

#include "base/bits.h"
#include "base/check.h"
#include "base/memory.h"
#include "port/port.h"

namespace kmem {
namespace {

/// The bits of [grain, grain + nr) that lie in the word `w`.
uint64_t part(unsigned w, unsigned grain, unsigned nr) {
  const unsigned from = grain > w * 64 ? grain - w * 64 : 0, to = grain + nr - w * 64;
  return low_mask(to > 64 ? 64 : to) & ~low_mask(from);
}

/// The bits of the word that begins at grain `base` whose grains are multiples of `step`.
uint64_t multiples_in(unsigned base, unsigned step) { return step < 64 ? multiples(log2_ceil(step)) : base % step == 0; }

}  // namespace

void PercpuChunk::init(char* variables, uint32_t nr_copies) {
  variables_ = variables;
  nr_copies_ = nr_copies;
  room_.store(Room{0, kGrains, 0}.word());
}

bool PercpuChunk::clear(Row& row, unsigned grain) {
  const uint64_t bit = uint64_t{1} << grain % 64;
  return (row[grain / 64].fetch_and(~bit) & bit) != 0;
}

// Room -----------------------------------------------------------------------------------------------------------------

/// The lowest multiple of `step` at or above `from` at which nr free grains begin; kGrains for none.
unsigned PercpuChunk::find(unsigned from, unsigned nr, unsigned step) const {
  unsigned open = 0;  // free grains just below the word
  for (unsigned w = from / 64, base = w * 64; w < kWords; ++w, base += 64) {
    const uint64_t free = ~used_[w].peek() & (base < from ? ~low_mask(from - base) : ~uint64_t{0});
    const unsigned below = ones_below(free), start = static_cast<unsigned>(round_up(base - open, step));
    if (start + nr <= base + below) return start;
    const uint64_t inside = nr < 64 ? runs(free, nr) & multiples_in(base, step) : 0;
    if (inside) return base + lowest_bit(inside);
    open = below == 64 ? open + 64 : ones_above(free);
  }
  return kGrains;
}

unsigned PercpuChunk::longest_now() const {
  unsigned longest = 0, open = 0;
  for (unsigned w = 0; w < kWords; ++w) {
    const uint64_t free = ~used_[w].peek();
    const unsigned below = ones_below(free);
    if (open + below > longest) longest = open + below;
    while (longest < 64 && runs(free, longest + 1)) ++longest;
    open = below == 64 ? open + 64 : ones_above(free);
  }
  return longest;
}

unsigned PercpuChunk::first_free(unsigned from) const {
  for (unsigned w = from / 64; w < kWords; ++w)
    if (const uint64_t free = ~used_[w].peek() & (w * 64 < from ? ~low_mask(from % 64) : ~uint64_t{0}))
      return w * 64 + lowest_bit(free);
  return kGrains;
}

// When two CPUs free neighbouring pieces at the same time, at least one must see the other's grains as free. So the word at
// which the search ends is read by a read-modify-write, which is ordered with the other CPU's clearing of bits.
unsigned PercpuChunk::end_of_room(unsigned grain) {
  for (unsigned w = grain / 64; w < kWords; ++w) {
    const uint64_t mask = w * 64 < grain ? ~low_mask(grain % 64) : ~uint64_t{0};
    if (!(used_[w].peek() & mask)) continue;
    if (const uint64_t used = used_[w].fetch_or(0) & mask) return w * 64 + lowest_bit(used);
  }
  return kGrains;
}

unsigned PercpuChunk::start_of_room(unsigned grain) {
  for (unsigned w = grain / 64 + 1; w-- > 0;) {
    const uint64_t mask = low_mask(grain - w * 64 > 63 ? 64 : grain - w * 64);
    if (!(used_[w].peek() & mask)) continue;
    if (const uint64_t used = used_[w].fetch_or(0) & mask) return w * 64 + highest_bit(used) + 1;
  }
  return 0;
}

/// Records the result of a search, unless another thread has freed a piece or recorded a search meanwhile.
void PercpuChunk::note_room(uint64_t seen, unsigned longest) {
  const Room room = Room::of(seen);
  const unsigned lowest = first_free(room.lowest);
  if (longest != room.longest || lowest != room.lowest)
    room_.compare_exchange(seen, Room{room.version, static_cast<uint16_t>(longest), static_cast<uint16_t>(lowest)}.word());
}

void PercpuChunk::note_freed(unsigned grain, unsigned nr) {
  const unsigned from = start_of_room(grain), found = end_of_room(grain + nr) - from;
  uint64_t seen = room_.load();
  for (;;) {
    Room room = Room::of(seen);
    ++room.version;
    if (found > room.longest) room.longest = static_cast<uint16_t>(found);
    if (from < room.lowest) room.lowest = static_cast<uint16_t>(from);
    if (room_.compare_exchange(seen, room.word())) return;
  }
}

// Cutting and giving back -------------------------------------------------------------------------------------------------

bool PercpuChunk::claim(unsigned grain, unsigned nr) {
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w) {
    const uint64_t mask = part(w, grain, nr);
    uint64_t seen = used_[w].load();
    while (!(seen & mask) && !used_[w].compare_exchange(seen, seen | mask)) {
    }
    if (!(seen & mask)) continue;
    // A CPU that searched meanwhile saw too little room, so this counts as a free.
    if (w * 64 > grain) unclaim(grain, w * 64 - grain), note_freed(grain, w * 64 - grain);
    return false;
  }
  return true;
}

void PercpuChunk::unclaim(unsigned grain, unsigned nr) {
  KMEM_ASSERT(grain + nr, <=, kGrains);
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w) {
    KMEM_ASSERT(used_[w].peek() & part(w, grain, nr), ==, part(w, grain, nr));
    used_[w].fetch_and(~part(w, grain, nr));
  }
}

/// Clears only grains that were used before: memory that was never used is zero, and need not become resident.
void PercpuChunk::zero(unsigned grain, unsigned nr) {
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w) {
    const uint64_t mask = part(w, grain, nr);
    if (!(stale_[w].load() & mask)) continue;
    const unsigned from = lowest_bit(mask), n = highest_bit(mask) - from + 1;
    for (uint32_t copy = 0; copy < nr_copies_; ++copy)
      memset(variables_ + percpu_distance(copy) + (w * 64 + from) * kGrain, 0, n * kGrain);
    stale_[w].fetch_and(~mask);
  }
}

char* PercpuChunk::cut(unsigned nr, unsigned step) {
  for (;;) {
    const uint64_t seen = room_.load();
    const Room room = Room::of(seen);
    if (nr > room.longest) return nullptr;
    const unsigned grain = find(room.lowest, nr, step);
    if (grain == kGrains) return note_room(seen, longest_now()), nullptr;
    if (!claim(grain, nr)) continue;  // another thread was faster
    note_room(seen, room.longest);
    nr_used_.fetch_add(nr);
    zero(grain, nr);
    set(last_, grain + nr - 1);
    set(first_, grain);
    return variables_ + grain * kGrain;
  }
}

unsigned PercpuChunk::last_of(unsigned grain) const {
  uint64_t bits = last_[grain / 64].load() & ~low_mask(grain % 64);
  unsigned w = grain / 64;
  while (!bits && ++w < kWords) bits = last_[w].load();
  return bits ? w * 64 + lowest_bit(bits) : kGrains;
}

unsigned PercpuChunk::give_back(char* variable, bool wipe) {
  const auto offset = static_cast<size_t>(variable - variables_);
  const auto grain = static_cast<unsigned>(offset / kGrain);
  if (offset % kGrain || !test(first_, grain) || !clear(first_, grain)) return 0;
  const unsigned last = last_of(grain), nr = last - grain + 1;
  clear(last_, last);
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w) stale_[w].fetch_or(part(w, grain, nr));
  if (wipe) zero(grain, nr);
  nr_used_.fetch_sub(nr);
  unclaim(grain, nr);
  note_freed(grain, nr);
  return nr;
}

bool PercpuChunk::is_stale() const {
  for (const Atomic<uint64_t>& word : stale_)
    if (word.peek()) return true;
  return false;
}

// A concurrent allocation finds no room here.
bool PercpuChunk::discard() {
  if (!is_stale() || !claim(0, kGrains)) return false;
  const bool gone = kmem_port_discard(variables_ + percpu_distance(0), nr_copies_ * kPercpuStride);
  for (Atomic<uint64_t>& word : stale_)
    if (gone) word.store(0);
  unclaim(0, kGrains);
  note_freed(0, kGrains);
  return gone;
}

size_t PercpuChunk::size_of(const char* variable) const {
  const auto grain = static_cast<unsigned>(static_cast<size_t>(variable - variables_) / kGrain);
  return test(first_, grain) ? (last_of(grain) - grain + 1) * kGrain : 0;
}

// Checking -------------------------------------------------------------------------------------------------------------

Fault PercpuChunk::check() const {
  const Fault fault = check_pieces();
  return fault ? fault : check_room();
}

Fault PercpuChunk::check_pieces() const {
  unsigned used = 0;
  bool inside = false;
  for (unsigned grain = 0; grain < kGrains; ++grain) {
    used += test(used_, grain);
    if (test(first_, grain)) {
      if (inside) return {"K1 pieces do not overlap", grain, 0, 1};
      inside = true;
    }
    if (inside != test(used_, grain))
      return {inside ? "K1 a piece's grains are used" : "K2 a used grain lies in a piece", grain, inside, !inside};
    if (!test(last_, grain)) continue;
    if (!inside) return {"K1 a last grain ends a piece", grain, 1, 0};
    inside = false;
  }
  if (inside) return {"K1 a piece ends within its chunk", kGrains, 1, 0};
  if (used != nr_used()) return {"K3 nr_used() is the number of used grains", 0, used, nr_used()};
  return {};
}

Fault PercpuChunk::check_room() const {
  if (const unsigned now = longest_now(); now > longest())
    return {"K4 no free grains in a row are more than longest()", 0, longest(), now};
  if (const unsigned free = first_free(0); free < lowest()) return {"K4 no free grain lies below lowest()", 0, lowest(), free};
  return {};
}

}  // namespace kmem
