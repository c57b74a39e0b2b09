#include "vmap/lazy_areas.h"

#include "watch/context.h"

namespace kmem {

// Limits --------------------------------------------------------------------------------------------------------

uint64_t LazyAreas::limit() const {
  const uint64_t wanted = sizes_.any() ? sizes_.wanted(kmem_port_now_ns()) : 0;
  return lazy::limit(setup_.counts->frames.value(), setup_.counts->lazy_pages.value(), wanted);
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
  setup_.counts->lazy_pages.add(area->nr_pages);
  setup_.memory->mark_idle(area);
  area->become(AreaState::Lazy);
  lazy_[shard()][class_of(area->nr_pages)].push(to, setup_.window->index_of(area));
}

void LazyAreas::defer(VmArea* area) {
  Links to = links();
  note_purged(area->nr_pages);
  setup_.counts->lazy_pages.add(area->nr_pages);
  area->become(AreaState::Lazy);
  deferred_.push(to, setup_.window->index_of(area));
}

VmArea* LazyAreas::take(uint32_t pages, Wait wait) {
  Links from = links();
  for (unsigned i = 0, own = shard(); i < kShards; ++i) {
    IndexStack& stack = lazy_[(own + i) % kShards][class_of(pages)];
    if (stack.empty()) continue;
    const uint32_t index = stack.pop(from);
    if (!index) continue;
    VmArea& area = setup_.window->descriptor(index);
    if (area.nr_pages == pages) {
      wake(area);
      return &area;
    }
    // An area of another size on the same stack hides those of this size below it.
    if (wait == Wait::Never) {
      stack.push(from, index);
      continue;
    }
    wake(area);
    dispose(&area, Wait::Allowed);
  }
  return nullptr;
}

/// For an area that this task has popped and so owns.
void LazyAreas::wake(VmArea& area) {
  setup_.counts->lazy_pages.sub(area.nr_pages);
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

void LazyAreas::purge_surplus() {
  const Counter& pages = setup_.counts->lazy_pages;
  const bool much = pages.value() > lazy::kFloor && pages.value() > limit();
  if (KMEM_LIKELY(!much && deferred_.empty())) return;
  if (!may_sleep()) return;
  empty_deferred(Wait::Allowed);
  const uint64_t keep = limit();
  if (pages.value() > keep) purge_until(lazy::target(keep), Wait::Allowed);
}

// One by one: so in the child of a fork at most the area that another task was disposing of is lost, not the whole stack.
void LazyAreas::empty_deferred(Wait wait) {
  Links from = links();
  for (uint32_t index = deferred_.pop(from), before = 0; index; before = index, index = deferred_.pop(from)) {
    // dispose() has deferred it again, because another task holds the window's lock: the next task that may wait does the rest.
    if (index == before) return deferred_.push(from, index);
    VmArea& area = setup_.window->descriptor(index);
    if (area.is() == AreaState::Lazy) {
      setup_.counts->lazy_pages.sub(area.nr_pages);
      area.become(AreaState::Busy);
    }
    dispose(&area, wait);
  }
}

uint64_t LazyAreas::purge_until(uint64_t limit, Wait wait) {
  Links from = links();
  const Counter& pages = setup_.counts->lazy_pages;
  uint64_t sum = 0;
  for (unsigned c = kClasses; c-- && pages.value() > limit;)
    for (unsigned s = 0; s < kShards; ++s)
      while (pages.value() > limit) {
        const uint32_t index = lazy_[s][c].pop(from);
        if (!index) break;
        VmArea& area = setup_.window->descriptor(index);
        sum += area.nr_pages;
        note_purged(area.nr_pages);
        wake(area);
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
