#pragma once
// Where every sheaf is: for walkers, on a quiet system.

#include "base/bits.h"
#include "base/fault.h"
#include "sync/sheaf.h"

namespace kmem {

/// Which of kAtOnce sheaves, from a given index on, were seen.
class SheafCensus {
 public:
  static constexpr uint32_t kAtOnce = 8192;

  void begin(uint32_t first) {
    first_ = first;
    twice_ = 0;
    for (uint64_t& word : seen_) word = 0;
  }
  void see(uint32_t index) {
    const uint32_t i = index - first_;
    if (i >= kAtOnce) return;
    if (seen_[i / 64] >> (i % 64) & 1) twice_ = index;
    seen_[i / 64] |= uint64_t{1} << (i % 64);
  }
  /// A sheaf that was seen twice; 0 for none.
  uint32_t twice() const { return twice_; }
  /// The first of those up to `last` that was not seen; 0 for none.
  uint32_t missing(uint32_t last) const {
    for (uint32_t i = 0; i < kAtOnce && first_ + i <= last; ++i)
      if (!(seen_[i / 64] >> (i % 64) & 1)) return first_ + i;
    return 0;
  }

 private:
  uint32_t first_ = 0, twice_ = 0;
  uint64_t seen_[kAtOnce / 64];
};

/// visit(index) for each sheaf in a word of a CPU, and those on its stack of spares, which is a sheaf too.
template <typename Visit>
void each_sheaf_at_cpus(const SheafPool& pool, Visit visit) {
  for (uint32_t cpu = 0; cpu < CpuStack::nr_areas(); ++cpu)
    for (uint32_t slot = 1; slot < kMaxSlots; ++slot) {
      if (slot == kShadowState || slot == kCountdown) continue;
      const uint64_t word = CpuStack::word({cpu}, {slot});
      if (!word || word == pool.closed()) continue;
      const Sheaf sheaf = Sheaf::of_word(pool.base(), word);
      visit(pool.index(sheaf.words));
      if (slot != kSpareSheaves.index) continue;
      for (unsigned i = sheaf.top; i < kNrSpares && sheaf.words[i]; ++i)
        visit(pool.index(reinterpret_cast<const uint64_t*>(sheaf.words[i])));
    }
}

/// Y1.  each_in_barns(visit) calls visit(index) for those that lie in the barns of all caches.  The first sheaf is in no place:
/// it stays zero.
template <typename EachInBarns>
Fault check_sheaves(SheafPool& pool, SheafCensus& census, EachInBarns each_in_barns) {
  const uint32_t last = pool.nr_used();
  for (uint32_t first = 2; first <= last; first += SheafCensus::kAtOnce) {
    census.begin(first);
    const auto see = [&](uint32_t index) { census.see(index); };
    pool.each_free(see);
    each_sheaf_at_cpus(pool, see);
    each_in_barns(see);
    if (const uint32_t twice = census.twice()) return {"Y1 a sheaf is in one place", twice, 1, 2};
    const uint32_t missing = pool.may_miss_some() ? 0 : census.missing(last);
    if (missing) return {"Y1 a sheaf that was handed out is in some place", missing, 1, 0};
  }
  return {};
}

}  // namespace kmem
