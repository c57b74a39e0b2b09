#include "page/shrinkers.h"

namespace kmem {
namespace {

/// The kernel's SHRINK_BATCH.
constexpr uint64_t kBatch = 128;

uint64_t at_most(uint64_t n, uint64_t most) { return n < most ? n : most; }

/// The number of objects to scan: more at a lower priority number, fewer if objects are costly to make again.
uint64_t share_of(uint64_t freeable, int seeks, int priority) {
  if (!seeks) return freeable / 2;
  return (freeable >> priority) * 4 / static_cast<uint64_t>(seeks);
}

}  // namespace

bool ShrinkerList::add(Shrinker& shrinker) {
  for (auto& owed : shrinker.deferred) owed.poke(0);
  return shrinkers_.add(shrinker);
}

// Scans whole batches, or all objects. A smaller number is deferred, until a batch has accumulated.
uint64_t ShrinkerList::ask(Shrinker& shrinker, ShrinkControl& control, int priority) {
  const uint64_t freeable = shrinker.count(shrinker, control);
  if (!freeable || freeable == kShrinkEmpty) return 0;
  Atomic<int64_t>& owed = shrinker.deferred[control.nid];
  const auto before = static_cast<uint64_t>(owed.exchange(0));
  const uint64_t share = share_of(freeable, shrinker.seeks, priority), batch = shrinker.batch ? shrinker.batch : kBatch;
  uint64_t left = at_most((before >> priority) + share, 2 * freeable), scanned = 0, freed = 0;
  while (left && (left >= batch || left >= freeable)) {
    control.nr_to_scan = control.nr_scanned = at_most(batch, left);
    const uint64_t got = shrinker.scan(shrinker, control);
    if (got == kShrinkStop) break;
    freed += got;
    scanned += control.nr_scanned;
    if (!control.nr_scanned) break;
    left -= at_most(control.nr_scanned, left);
  }
  const uint64_t due = before + share;
  owed.fetch_add(static_cast<int64_t>(at_most(due > scanned ? due - scanned : 0, 2 * freeable)));
  nr_scanned_.fetch_add(scanned);
  return freed;
}

uint64_t ShrinkerList::shrink(Gfp gfp, unsigned node, int priority, NodelessShrinkers nodeless) {
  uint64_t freed = 0;
  shrinkers_.for_each([&](Shrinker& shrinker) {
    if ((shrinker.needs & gfp) != shrinker.needs || (nodeless == NodelessShrinkers::Skip && !shrinker.numa_aware)) return true;
    ShrinkControl control{gfp, shrinker.numa_aware ? static_cast<int>(node) : 0, 0, 0};
    freed += ask(shrinker, control, priority);
    return true;
  });
  return freed;
}

}  // namespace kmem
