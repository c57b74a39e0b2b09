#include "vmap/lazy_areas.h"

#include "watch/context.h"

namespace kmem {

// Limits --------------------------------------------------------------------------------------------------------

uint64_t LazyAreas::limit() const {
  const uint64_t wanted = sizes_.any() ? sizes_.wanted(kmem_port_now_ns()) : 0;
  return lazy::limit(setup_.counts->frames.value(), setup_.counts->lazy_pages(), wanted, floor());
}

void LazyAreas::note_purged(uint64_t pages) {
  if (pages > lazy::kFloor) sizes_.note_purged(pages, kmem_port_now_ns());
}

void LazyAreas::note_missed(uint64_t pages) {
  if (pages > lazy::kFloor) sizes_.note_missed(pages, kmem_port_now_ns());
}

void LazyAreas::note_used(uint64_t pages) {
  if (pages > lazy::kFloor) sizes_.note_used(kmem_port_now_ns());
}

// Onto the stacks, and off ----------------------------------------------------------------------------------------------

void LazyAreas::put(VmArea* area) {
  Links to = links();
  const unsigned own = setup_.counts->here();
  setup_.counts->share(own).lazy_pages.add(area->nr_pages);
  setup_.memory->mark_idle(area);
  area->become(AreaState::Lazy);
  shards_[own].of_class[class_of(area->nr_pages)].push(to, setup_.window->index_of(area));
}

void LazyAreas::defer(VmArea* area) {
  Links to = links();
  note_purged(area->nr_pages);
  setup_.counts->deferred_pages.add(area->nr_pages);
  area->become(AreaState::Lazy);
  deferred_.push(to, setup_.window->index_of(area));
}

VmArea* LazyAreas::take(uint32_t pages, Wait wait) {
  Links from = links();
  const unsigned nr = setup_.counts->nr_shares(), own = setup_.counts->here();
  for (unsigned i = 0; i < nr; ++i) {
    const unsigned s = (own + i) % nr;
    IndexStack& stack = shards_[s].of_class[class_of(pages)];
    if (stack.empty() || !(s == own || has_to_spare(s))) continue;
    const uint32_t index = stack.pop(from);
    if (!index) continue;
    VmArea& area = setup_.window->descriptor(index);
    if (area.nr_pages == pages) {
      wake(area, s);
      return &area;
    }
    // An area of another size on the same stack hides those of this size below it.
    if (wait == Wait::Never) {
      stack.push(from, index);
      continue;
    }
    wake(area, s);
    dispose(&area, Wait::Allowed);
  }
  return nullptr;
}

/// For an area that this task has popped and so owns.
void LazyAreas::wake(VmArea& area, unsigned shard) {
  AreaCounts::Share& share = setup_.counts->share(shard);
  share.lazy_pages.sub(area.nr_pages);
  if (share.told.peek() >= share.lazy_pages.value() + AreaCounts::kBatch) tell(share);
  area.become(AreaState::Busy);
  setup_.memory->mark_used(&area);
}

// Purging ---------------------------------------------------------------------------------------------------------------

void LazyAreas::dispose(VmArea* area, Wait wait) {
  setup_.memory->close(area, 0);
  setup_.memory->drop_frames(area, 0);
  put_addresses_back(area, wait);
}

void LazyAreas::put_addresses_back(VmArea* area, Wait wait) {
  if (setup_.window->release(area, wait)) return;
  Links to = links();
  area->become(AreaState::Busy);
  deferred_.push(to, setup_.window->index_of(area));
}

/// CPUs that took each other's last areas would do so for ever, each of them short by what another has just taken.
bool LazyAreas::has_to_spare(unsigned shard) const {
  return setup_.counts->share(shard).lazy_pages.value() >= AreaCounts::kBatch;
}

void LazyAreas::tell(AreaCounts::Share& share) {
  const uint64_t pages = share.lazy_pages.value();
  setup_.counts->roughly_lazy.add(pages - share.told.exchange(pages));  // what wraps around subtracts
}

/// Sums over all CPUs only near the limit.
bool LazyAreas::are_too_many() {
  const AreaCounts& counts = *setup_.counts;
  const uint64_t unknown = AreaCounts::kBatch * counts.nr_shares();
  return counts.roughly_lazy.value() + unknown > floor() && counts.lazy_pages() > limit();
}

void LazyAreas::purge_surplus() {
  AreaCounts::Share& mine = setup_.counts->mine();
  const bool grown = mine.lazy_pages.value() >= mine.told.peek() + AreaCounts::kBatch;
  if (KMEM_LIKELY(!grown && deferred_.empty())) return;
  if (!may_sleep()) return;
  if (grown) tell(mine);
  if (deferred_.empty() && !are_too_many()) return;
  empty_deferred(Wait::Allowed);
  const uint64_t keep = limit();
  if (setup_.counts->lazy_pages() > keep) purge_until(lazy::target(keep), Wait::Allowed);
}

// One by one: so in the child of a fork at most the area that another task was disposing of is lost, not the whole stack.
void LazyAreas::empty_deferred(Wait wait) {
  Links from = links();
  for (uint32_t index = deferred_.pop(from), before = 0; index; before = index, index = deferred_.pop(from)) {
    // dispose() has deferred it again, because another task holds the window's lock: the next task that may wait does the rest.
    if (index == before) return deferred_.push(from, index);
    VmArea& area = setup_.window->descriptor(index);
    if (area.is() == AreaState::Lazy) {
      setup_.counts->deferred_pages.sub(area.nr_pages);
      area.become(AreaState::Busy);
    }
    dispose(&area, wait);
  }
}

uint64_t LazyAreas::purge_until(uint64_t limit, Wait wait) {
  Links from = links();
  const AreaCounts& counts = *setup_.counts;
  uint64_t sum = 0;
  for (unsigned c = kClasses; c-- && counts.lazy_pages() > limit;)
    for (unsigned s = 0; s < counts.nr_shares(); ++s)
      while (counts.lazy_pages() > limit) {
        const uint32_t index = shards_[s].of_class[c].pop(from);
        if (!index) break;
        VmArea& area = setup_.window->descriptor(index);
        sum += area.nr_pages;
        note_purged(area.nr_pages);
        wake(area, s);
        dispose(&area, wait);
      }
  return sum;
}

uint64_t LazyAreas::purge_all(Wait wait) {
  empty_deferred(wait);
  return purge_until(0, wait);
}

bool LazyAreas::is_deferred(const VmArea* area) const {
  const uint32_t wanted = setup_.window->index_of(area);
  for (uint32_t i = deferred_.top(); i; i = setup_.window->descriptor(i).link.load())
    if (i == wanted) return true;
  return false;
}

}  // namespace kmem
