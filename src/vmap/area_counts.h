#pragma once
#include "watch/counters.h"

namespace kmem {

/// Counts over all areas of vmalloc() and vmap().
struct AreaCounts {
  Counter frames;      // of vmalloc areas, lazy ones included
  Counter live;        // areas that callers own
  Counter lazy_pages;  // pages of areas that were freed and keep their frames
  Counter reused;      // times that a lazy area was used again

  /// From so many areas on, a mapping of the host for each guard page would exhaust the host's limit of mappings.
  static constexpr uint64_t kMany = 8192;
  bool are_many() const { return live.value() > kMany; }
  bool are_many_with_lazy() const { return live.value() + lazy_pages.value() / 64 > kMany; }
};

}  // namespace kmem
