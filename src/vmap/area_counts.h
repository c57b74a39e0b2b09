#pragma once
#include "base/atomic.h"
#include "base/bits.h"
#include "port/cpu_stack.h"
#include "watch/counters.h"

namespace kmem {

/// Counts over all areas of vmalloc() and vmap(). What changes whenever an area is used again is a sum of shares, one for each
/// CPU, so that CPUs that reuse their own areas write no common line.
class AreaCounts {
 public:
  static constexpr uint32_t kMostShares = 64;
  struct alignas(64) Share {
    Counter live;    // areas that callers own; below zero where areas are freed that came from other CPUs
    Counter reused;  // times that a lazy area was used again
    Counter lazy_pages;
    Atomic<uint64_t> told;  // how many of them `roughly_lazy` counts
  };

  void init(uint32_t nr_cpus) {
    const unsigned nr = 1u << log2_ceil(nr_cpus);
    nr_shares_ = nr < kMostShares ? nr : kMostShares;
  }
  uint32_t nr_shares() const { return nr_shares_; }
  /// The number of this CPU's share.
  uint32_t here() const { return CpuStack::where().value & (nr_shares_ - 1); }
  Share& mine() { return shares_[here()]; }
  Share& share(uint32_t i) { return shares_[i]; }

  Counter frames;          // of vmalloc areas, lazy ones included
  Counter deferred_pages;  // pages of lazy areas that wait to be disposed of
  /// The lazy pages, of which each share may have kBatch more or fewer: to see cheaply that the sum is far below a limit.
  Counter roughly_lazy;
  static constexpr uint64_t kBatch = 64;

  uint64_t live() const { return sum(&Share::live); }
  uint64_t reused() const { return sum(&Share::reused); }
  /// Pages of areas that were freed and keep their frames.
  uint64_t lazy_pages() const { return sum(&Share::lazy_pages) + deferred_pages.value(); }

  /// From so many areas on, a mapping of the host for each guard page would exhaust the host's limit of mappings.
  static constexpr uint64_t kMany = 8192;
  bool are_many() const { return live() > kMany; }
  bool are_many_with_lazy() const { return live() + lazy_pages() / 64 > kMany; }

 private:
  uint64_t sum(Counter Share::*count) const {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < nr_shares_; ++i) sum += (shares_[i].*count).value();
    return sum;
  }

  uint32_t nr_shares_ = 8;
  Share shares_[kMostShares];
};

}  // namespace kmem
