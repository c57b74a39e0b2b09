#include "percpu/chunk.h"

#include "base/bits.h"
#include "base/memory.h"

namespace kmem {
namespace {

/// The bits of [grain, grain + nr) that lie in the word `w`.
uint64_t part(unsigned w, unsigned grain, unsigned nr) {
  const unsigned from = grain > w * 64 ? grain - w * 64 : 0, to = grain + nr - w * 64;
  return low_mask(to > 64 ? 64 : to) & ~low_mask(from);
}

}  // namespace

void PercpuChunk::init(char* variables, uint32_t nr_copies) {
  variables_ = variables;
  nr_copies_ = nr_copies;
}

bool PercpuChunk::clear(Row& row, unsigned grain) {
  const uint64_t bit = uint64_t{1} << grain % 64;
  return (row[grain / 64].fetch_and(~bit) & bit) != 0;
}

/// The first used grain of a range, or its end.
unsigned PercpuChunk::first_used(unsigned grain, unsigned nr) const {
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w)
    if (const uint64_t used = used_[w].peek() & part(w, grain, nr)) return w * 64 + lowest_bit(used);
  return grain + nr;
}

bool PercpuChunk::claim(unsigned grain, unsigned nr) {
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w) {
    const uint64_t mask = part(w, grain, nr);
    uint64_t seen = used_[w].load();
    while (!(seen & mask) && !used_[w].compare_exchange(seen, seen | mask)) {
    }
    if (!(seen & mask)) continue;
    if (w * 64 > grain) unclaim(grain, w * 64 - grain);
    return false;
  }
  return true;
}

void PercpuChunk::unclaim(unsigned grain, unsigned nr) {
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w) used_[w].fetch_and(~part(w, grain, nr));
}

/// Only what a piece left behind is cleared: memory that nobody had is zero, and need not become resident.
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

char* PercpuChunk::cut(size_t bytes, size_t align) {
  const auto nr = static_cast<unsigned>((bytes + kGrain - 1) / kGrain);
  const unsigned step = align > kGrain ? static_cast<unsigned>(align / kGrain) : 1;
  for (unsigned grain = 0; grain + nr <= kGrains;) {
    const unsigned used = first_used(grain, nr);
    if (used == grain + nr && claim(grain, nr)) {
      nr_used_.fetch_add(nr);
      zero(grain, nr);
      set(last_, grain + nr - 1);
      set(first_, grain);
      return variables_ + grain * kGrain;
    }
    // Behind what is used; where somebody came between, the same place again.
    if (used < grain + nr) grain = static_cast<unsigned>(round_up(used + 1, step));
  }
  return nullptr;
}

unsigned PercpuChunk::last_of(unsigned grain) const {
  uint64_t bits = last_[grain / 64].load() & ~low_mask(grain % 64);
  unsigned w = grain / 64;
  while (!bits && ++w < kWords) bits = last_[w].load();
  return bits ? w * 64 + lowest_bit(bits) : kGrains;
}

bool PercpuChunk::give_back(char* variable) {
  const auto offset = static_cast<size_t>(variable - variables_);
  const auto grain = static_cast<unsigned>(offset / kGrain);
  if (offset % kGrain || !test(first_, grain) || !clear(first_, grain)) return false;
  const unsigned last = last_of(grain), nr = last - grain + 1;
  clear(last_, last);
  for (unsigned w = grain / 64; w * 64 < grain + nr; ++w) stale_[w].fetch_or(part(w, grain, nr));
  nr_used_.fetch_sub(nr);
  unclaim(grain, nr);
  return true;
}

size_t PercpuChunk::size_of(const char* variable) const {
  const auto grain = static_cast<unsigned>(static_cast<size_t>(variable - variables_) / kGrain);
  return test(first_, grain) ? (last_of(grain) - grain + 1) * kGrain : 0;
}

Fault PercpuChunk::check() const {
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

}  // namespace kmem
