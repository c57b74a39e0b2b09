#include "vmap/vmap.h"

#include "base/memory.h"
#include "watch/context.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr uint32_t kPopulatePages = kBlockFrames;  // up to here faults cost more than what populating for nothing may

}  // namespace

void Vmap::init(const Setup& setup) {
  pages_ = setup.pages;
  can_alias_ = setup.can_alias;
  huge_ = setup.huge && !setup.can_alias;
  zero_ = setup.zero;
  window_.init(setup.window_bytes, setup.physical_bytes, setup.host_page_bytes);
}

bool Vmap::may_wait(Gfp gfp) { return (gfp & gfp::kDirectReclaim) && !declared_atomic(); }

/// May the area be anybody's afterwards, and may anybody's be this one?
bool Vmap::is_plain(const VmallocWish& wish, uint32_t nr_nodes) {
  return !(wish.gfp & (gfp::kDma | gfp::kDma32 | gfp::kThisNode)) && (wish.nid < 0 || nr_nodes == 1) && wish.align <= kPageSize;
}

// Frames --------------------------------------------------------------------------------------------------------------

/// Makes claimed frames seen in the window.  Without aliases the window's own pages are the memory, and what the host holds
/// for the frames at home goes.
bool Vmap::show(VmArea* area, uint32_t page, Pfn first, uint64_t n, uint64_t clean, bool zero) {
  char* home = pages_->address(first);
  const size_t bytes = n << kPageShift;
  if (can_alias_) {
    if (!kmem_port_window_alias(window_.address(area, page), home, bytes, Access::ReadWrite)) return false;
    if (zero && clean != n) memset(home, 0, bytes);
  } else if (clean != n && !kmem_port_discard(home, bytes)) {
    memset(home, 0, bytes);
  }
  window_.set_frames(area, page, first, n);
  nr_frames_.add(n);
  return true;
}

/// One run, the longest that there is up to 2^order frames; where there is none, one frame by all means that the page
/// allocator has.
bool Vmap::claim(VmArea* area, uint32_t page, uint32_t left, const VmallocWish& wish, Order& order, uint64_t& got) {
  const Gfp zones = wish.gfp & (gfp::kDma | gfp::kDma32) ? wish.gfp : wish.gfp | gfp::kHighMem;
  while ((uint64_t{1} << order.value) > left) --order.value;
  uint64_t clean = 0;
  Maybe<Pfn> at;
  if (should_fail(FaultPoint::Pages, wish.gfp, order.bytes())) return false;
  for (;; --order.value) {
    at = pages_->claim_bare_run(zones, order, wish.nid, clean);
    if (at || !order.value) break;
  }
  if (!at && purge_all(may_wait(wish.gfp))) at = pages_->claim_bare_run(zones, order, wish.nid, clean);
  if (!at) {
    clean = 0;
    at = pages_->alloc_frames((zones & ~gfp::kZero) | gfp::kNoWarn, order, wish.nid);
  }
  if (!at) return false;
  got = order.pages();
  if (show(area, page, *at, got, clean, (wish.gfp & gfp::kZero) || zero_)) return true;
  pages_->zone_of(*at)->give_back_run(*at, got, false);
  return false;
}

bool Vmap::fill(VmArea* area, uint32_t from, const VmallocWish& wish) {
  Order order{kMaxOrder};
  uint64_t got = 0;
  for (uint32_t page = from; page < area->nr_pages; page += static_cast<uint32_t>(got))
    if (!claim(area, page, area->nr_pages - page, wish, order, got)) return false;
  if (!can_alias_ && area->nr_pages - from < kPopulatePages)
    kmem_port_populate(window_.address(area, from), uint64_t{area->nr_pages - from} << kPageShift);
  return true;
}

/// Gives frames back that nothing is mapped of any more.
void Vmap::drop_frames(VmArea* area, uint32_t from) {
  each_run(area, from, area->nr_pages, [&](uint32_t, Pfn first, uint64_t n) {
    nr_frames_.sub(n);
    while (n) {
      Zone& zone = *pages_->zone_of(first);
      const uint64_t left = zone.nr_frames() - (first - zone.first()), some = n < left ? n : left;
      zone.give_back_run(first, some, !can_alias_);
      if (can_alias_) zone.settle();
      first = first + some;
      n -= some;
    }
  });
  window_.set_frames(area, from, {}, area->nr_pages - from);
}

// Mapping -------------------------------------------------------------------------------------------------------------

/// Access to an area's pages from `from` on, and none to its guard.
bool Vmap::open(VmArea* area, uint32_t from, bool huge) {
  const uint32_t unit = window_.unit_pages();
  char* at = window_.address(area, from);
  char* guard = window_.address(area, area->nr_pages);
  const size_t guard_bytes = size_t{unit} << kPageShift;
  if (should_fail(FaultPoint::Map, kNoGfp, static_cast<size_t>(guard - at))) return false;
  if (!kmem_port_window_open(at, static_cast<size_t>(guard - at) + guard_bytes, Access::ReadWrite, huge)) return false;
  bar_guard(area);
  return true;
}

void Vmap::bar_guard(VmArea* area) {
  char* guard = window_.address(area, area->nr_pages);
  const size_t bytes = size_t{window_.unit_pages()} << kPageShift;
  area->flags.fetch_and(~area::kSoftGuard);
  if (kmem_port_window_guard(guard, bytes)) return;
  // No markers on this host: a hole in the mapping, as long as there are not too many.
  if (nr_live_.value() + lazy_pages_.value() / 64 > kManyAreas || !kmem_port_window_close(guard, bytes))
    area->flags.fetch_or(area::kSoftGuard);
}

void Vmap::close(VmArea* area, uint32_t from) {
  char* at = window_.address(area, from);
  const size_t bytes = size_t{area->span - from} << kPageShift;
  if (area->has(area::kSoftGuard)) {
    kmem_port_discard(at, bytes);
    return;
  }
  const bool many = nr_live_.value() > kManyAreas;
  if (!can_alias_ && (bytes < size_t{kLargePages} << kPageShift || many) && kmem_port_window_guard(at, bytes)) return;
  kmem_port_window_close(at, bytes);
}

// Allocating ----------------------------------------------------------------------------------------------------------

VmArea* Vmap::build(const VmallocWish& wish, bool wait) {
  const bool huge = huge_ && wish.huge && wish.bytes >= kBlockBytes;
  AreaWish addresses{AreaKind::Vmalloc, wish.bytes, wish.align, wish.flags, wish.caller, wait};
  if (huge && addresses.align < kBlockBytes) addresses.align = kBlockBytes;
  if (!is_plain(wish, pages_->nr_nodes())) addresses.flags |= area::kSpecial;
  VmArea* area = window_.reserve(addresses);
  if (!area && purge_all(wait)) area = window_.reserve(addresses);
  if (!area) return nullptr;
  if (!open(area, 0, huge)) {
    static RateLimit limit;
    if (!(wish.gfp & gfp::kNoWarn) && limit.ask().allowed)
      note("vmalloc: the host maps no more; see vm.max_map_count and vm.overcommit_memory");
    close(area, 0);  // a part of it may be open
    put_addresses_back(area, wait);
    return nullptr;
  }
  if (fill(area, 0, wish)) return area;
  dispose(area, wait);
  return nullptr;
}

void* Vmap::alloc(const VmallocWish& wish) {
  if (!wish.bytes || wish.bytes >> kPageShift > pages_->frames_end()) return nullptr;
  if (should_fail(FaultPoint::Vmalloc, wish.gfp, wish.bytes)) return nullptr;
  const FaultExempt exempt(wish.gfp & gfp::kNoFail);
  const uint64_t pages = round_up(round_up(wish.bytes, kPageSize) >> kPageShift, window_.unit_pages());
  const bool wait = may_wait(wish.gfp);
  if (is_plain(wish, pages_->nr_nodes()))
    if (VmArea* area = take_lazy(static_cast<uint32_t>(pages), wait)) return reuse(area, wish);
  if (pages > kKeepFloor) note_missed(pages);
  VmArea* area = build(wish, wait);
  if (!area) return nullptr;
  nr_live_.add();
  window_.publish(area);
  return window_.address(area);
}

// Giving back ---------------------------------------------------------------------------------------------------------

AreaFault Vmap::free(const void* p) {
  VmArea* area = window_.at(p);
  if (!area) return AreaFault::Foreign;
  if (area->is() != AreaState::Live) return AreaFault::Freed;
  if (window_.address(area) != p) return AreaFault::Inside;
  if (area->kind != AreaKind::Vmalloc) return AreaFault::Kind;
  if (!window_.withdraw(area)) return AreaFault::Freed;
  nr_live_.sub();
  if (area->has(area::kSoftGuard)) look_at_guard(area);
  const bool whole = !area->has(area::kExposed) || drop_pages(area);
  if (whole && !area->has(area::kSpecial) && (area->nr_pages <= keep_limit() || area->nr_pages <= kKeepFloor)) {
    free_lazily(area);
  } else {
    note_purged(area->nr_pages);
    Links links{*this};
    lazy_pages_.add(area->nr_pages);
    area->become(AreaState::Lazy);
    deferred_.push(links, window_.index_of(area));
  }
  settle();
  return AreaFault::None;
}

void Vmap::free_lazily(VmArea* area) {
  Links links{*this};
  lazy_pages_.add(area->nr_pages);
  if (!can_alias_) kmem_port_window_idle(window_.address(area), uint64_t{area->nr_pages} << kPageShift, true);
  area->become(AreaState::Lazy);
  lazy_[shard()][class_of(area->nr_pages)].push(links, window_.index_of(area));
}

/// Takes an area that is nobody's apart: its mapping, its frames, its addresses.  Without the lock the addresses wait.
void Vmap::dispose(VmArea* area, bool may_wait) {
  close(area, 0);
  drop_frames(area, 0);
  put_addresses_back(area, may_wait);
}

void Vmap::put_addresses_back(VmArea* area, bool may_wait) {
  if (window_.release(area, may_wait)) return;
  Links links{*this};
  area->become(AreaState::Busy);
  deferred_.push(links, window_.index_of(area));
}

// Using again ---------------------------------------------------------------------------------------------------------

VmArea* Vmap::take_lazy(uint32_t pages, bool may_purge) {
  Links links{*this};
  for (unsigned i = 0, own = shard(); i < kShards; ++i) {
    IndexStack& stack = lazy_[(own + i) % kShards][class_of(pages)];
    if (stack.empty()) continue;
    const uint32_t index = stack.pop(links);
    if (!index) continue;
    VmArea& area = window_.descriptor(index);
    if (area.nr_pages == pages) {
      wake(area);
      return &area;
    }
    // Another size in the same place of the table: it would hide its like below it.
    if (!may_purge) {
      stack.push(links, index);
      continue;
    }
    wake(area);
    dispose(&area, true);
  }
  return nullptr;
}

/// An area that came off a stack is this task's.
void Vmap::wake(VmArea& area) {
  lazy_pages_.sub(area.nr_pages);
  area.become(AreaState::Busy);
  if (!can_alias_) kmem_port_window_idle(window_.address(&area), uint64_t{area.nr_pages} << kPageShift, false);
}

void* Vmap::reuse(VmArea* area, const VmallocWish& wish) {
  char* at = window_.address(area);
  const size_t bytes = size_t{area->nr_pages} << kPageShift;
  if ((wish.gfp & gfp::kZero) || zero_) memset(at, 0, bytes);
  area->bytes = wish.bytes;
  area->caller = wish.caller;
  area->flags.poke((area->flags.peek() & area::kSoftGuard) | wish.flags);
  if (area->nr_pages > kKeepFloor) wanted_until_.poke(kmem_port_now_ns() + kWantedNs);
  nr_reused_.add();
  nr_live_.add();
  window_.publish(area);
  return at;
}

/// A quarter of what is in use, 8 MiB at least; and what was purged and soon wanted again.
uint64_t Vmap::keep_limit() const {
  const uint64_t all = nr_frames_.value(), lazy = lazy_pages_.value(), share = (all > lazy ? all - lazy : 0) / 4;
  uint64_t keep = share > kKeepFloor ? share : kKeepFloor;
  const uint64_t wanted = wanted_pages_.peek();
  if (wanted > keep && kmem_port_now_ns() < wanted_until_.peek()) keep = wanted;
  return keep;
}

void Vmap::note_purged(uint64_t pages) {
  if (pages <= kKeepFloor) return;
  ghost_pages_.poke(pages);
  ghost_ns_.poke(kmem_port_now_ns());
}

void Vmap::note_missed(uint64_t pages) {
  const uint64_t now = kmem_port_now_ns();
  if (now >= wanted_until_.peek()) wanted_pages_.poke(0);
  if (ghost_pages_.peek() != pages || now - ghost_ns_.peek() > kWantedNs) return;
  if (pages > wanted_pages_.peek()) wanted_pages_.poke(pages);
  wanted_until_.poke(now + kWantedNs);
}

// Whoever may not wait leaves it to the next one who may.
void Vmap::settle() {
  const bool much = lazy_pages_.value() > kKeepFloor && lazy_pages_.value() > keep_limit();
  if (KMEM_LIKELY(!much && deferred_.empty())) return;
  if (!may_sleep()) return;
  empty_deferred(true);
  const uint64_t keep = keep_limit();
  if (lazy_pages_.value() > keep) purge_until(keep - keep / 8, true);
}

// One by one: in the child of a fork each other task's is missing, and not all that waited.
void Vmap::empty_deferred(bool may_wait) {
  Links links{*this};
  for (uint32_t index = deferred_.pop(links), before = 0; index; before = index, index = deferred_.pop(links)) {
    // It came back: somebody has the lock of the addresses, and whoever comes next and may wait does the rest.
    if (index == before) return deferred_.push(links, index);
    VmArea& area = window_.descriptor(index);
    if (area.is() == AreaState::Lazy) {
      lazy_pages_.sub(area.nr_pages);
      area.become(AreaState::Busy);
    }
    dispose(&area, may_wait);
  }
}

uint64_t Vmap::purge_until(uint64_t limit, bool may_wait) {
  Links links{*this};
  uint64_t sum = 0;
  for (unsigned c = kClasses; c-- && lazy_pages_.value() > limit;)
    for (unsigned s = 0; s < kShards; ++s)
      while (lazy_pages_.value() > limit) {
        const uint32_t index = lazy_[s][c].pop(links);
        if (!index) break;
        VmArea& area = window_.descriptor(index);
        sum += area.nr_pages;
        note_purged(area.nr_pages);
        wake(area);
        dispose(&area, may_wait);
      }
  return sum;
}

uint64_t Vmap::purge_all(bool may_wait) {
  empty_deferred(may_wait);
  return purge_until(0, may_wait);
}

}  // namespace kmem
