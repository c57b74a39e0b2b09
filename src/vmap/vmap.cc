#include "vmap/vmap.h"

#include "base/memory.h"
#include "watch/context.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
namespace {

/// May a lazy area serve the request, and may the area become lazy afterwards?
bool is_plain(const VmallocWish& wish, uint32_t nr_nodes) {
  return !(wish.gfp & (gfp::kDma | gfp::kDma32 | gfp::kThisNode)) && (wish.nid < 0 || nr_nodes == 1) && wish.align <= kPageSize;
}

}  // namespace

void Vmap::init(const Setup& setup) {
  pages_ = setup.pages;
  counts_.init(setup.nr_cpus);
  huge_ = setup.huge && !setup.can_alias;
  zero_ = setup.zero;
  window_.init(setup.window_bytes, setup.physical_bytes, setup.host_page_bytes);
  memory_.init({setup.pages, &window_, &counts_, setup.can_alias, setup.zero});
  lazy_.init({&memory_, &window_, &counts_});
  shown_.init(*setup.pages, window_, setup.can_alias);
}

Wait Vmap::wait_by(Gfp gfp) { return gfp & gfp::kDirectReclaim ? wait_by_context() : Wait::Never; }

// Frames --------------------------------------------------------------------------------------------------------------

/// Claims the longest available run of up to 2^order frames; if there is none, a single frame by the full path of the page
/// allocator. Returns the number of frames; 0 for none.
uint64_t Vmap::claim(VmArea* area, uint32_t page, Order& order, const VmallocWish& wish) {
  const Gfp zones = wish.gfp & (gfp::kDma | gfp::kDma32) ? wish.gfp : wish.gfp | gfp::kHighMem;
  while (order.pages() > area->nr_pages - page) --order.value;
  uint64_t clean = 0;
  Maybe<Pfn> at;
  if (should_fail(FaultPoint::Pages, wish.gfp, order.bytes())) return 0;
  for (;; --order.value) {
    at = pages_->claim_bare_run(zones, order, wish.nid, clean);
    if (at || !order.value) break;
  }
  if (!at && purge_all(wait_by(wish.gfp))) at = pages_->claim_bare_run(zones, order, wish.nid, clean);
  if (!at) {
    clean = 0;
    at = pages_->alloc_frames((zones & ~gfp::kZero) | gfp::kNoWarn, order, wish.nid, Use::Unknown);
  }
  if (!at) return 0;
  if (memory_.add_frames(area, page, *at, order.pages(), clean, wish.gfp)) return order.pages();
  pages_->zone_of(*at)->give_back_run(*at, order.pages());
  return 0;
}

bool Vmap::fill(VmArea* area, uint32_t from, const VmallocWish& wish) {
  Order order{kMaxOrder};
  uint64_t got = 0;
  for (uint32_t page = from; page < area->nr_pages; page += static_cast<uint32_t>(got))
    if (got = claim(area, page, order, wish); !got) return false;
  memory_.populate(area, from);
  return true;
}

// Allocating ----------------------------------------------------------------------------------------------------------

VmArea* Vmap::build(const VmallocWish& wish, Wait wait) {
  const bool huge = huge_ && wish.huge && wish.bytes >= kBlockBytes;
  AreaWish addresses{AreaKind::Vmalloc, wish.bytes, wish.align, wish.flags, wish.caller, wait};
  if (huge && addresses.align < kBlockBytes) addresses.align = kBlockBytes;
  if (!is_plain(wish, pages_->nr_nodes())) addresses.flags |= area::kSpecial;
  VmArea* area = window_.reserve(addresses);
  if (!area && purge_all(wait)) area = window_.reserve(addresses);
  if (!area) return nullptr;
  if (!memory_.open(area, 0, huge ? WindowPages::MayBeHuge : WindowPages::Small)) {
    static RateLimit limit;
    if (!(wish.gfp & gfp::kNoWarn) && limit.ask().allowed)
      note("vmalloc: the host allows no more mappings; see vm.max_map_count and vm.overcommit_memory");
    memory_.close(area, 0);  // a part of it may be open
    lazy_.put_addresses_back(area, wait);
    return nullptr;
  }
  if (fill(area, 0, wish)) return area;
  lazy_.dispose(area, wait);
  return nullptr;
}

void* Vmap::publish(VmArea* area) {
  counts_.mine().live.add();
  window_.publish(area);
  return window_.address(area);
}

void* Vmap::alloc(const VmallocWish& wish) {
  if (!wish.bytes || wish.bytes >> kPageShift > pages_->nr_frames()) return nullptr;
  if (should_fail(FaultPoint::Vmalloc, wish.gfp, wish.bytes)) return nullptr;
  const FaultExempt exempt(wish.gfp & gfp::kNoFail);
  const uint64_t pages = round_up(round_up(wish.bytes, kPageSize) >> kPageShift, window_.unit_pages());
  const Wait wait = wait_by(wish.gfp);
  if (is_plain(wish, pages_->nr_nodes()))
    if (VmArea* area = lazy_.take(static_cast<uint32_t>(pages), wait)) return reuse(area, wish);
  lazy_.note_missed(pages);
  VmArea* area = build(wish, wait);
  return area ? publish(area) : nullptr;
}

void* Vmap::reuse(VmArea* area, const VmallocWish& wish) {
  if ((wish.gfp & gfp::kZero) || zero_) memset(window_.address(area), 0, size_t{area->nr_pages} << kPageShift);
  area->bytes = wish.bytes;
  area->caller = wish.caller;
  area->flags.poke((area->flags.peek() & area::kSoftGuard) | wish.flags);
  lazy_.note_used(area->nr_pages);
  counts_.mine().reused.add();
  return publish(area);
}

// Giving back ---------------------------------------------------------------------------------------------------------

AreaFault Vmap::free(const void* p) {
  VmArea* area = window_.at(p);
  if (!area) return AreaFault::Foreign;
  if (area->is() != AreaState::Live) return AreaFault::Freed;
  if (window_.address(area) != p) return AreaFault::Inside;
  if (area->kind != AreaKind::Vmalloc) return AreaFault::Kind;
  if (!window_.withdraw(area)) return AreaFault::Freed;
  counts_.mine().live.sub();
  if (area->has(area::kSoftGuard)) look_at_guard(area);
  const bool whole = !area->has(area::kExposed) || drop_exposed(area);
  // Lazy areas are reused without a check of the watermarks, so none is kept while memory is low.
  const bool kept = whole && KMEM_LIKELY(!pages_->lists_closed());
  if (kept && !area->has(area::kSpecial) && lazy_.keeps(area->nr_pages)) {
    if (KMEM_UNLIKELY(pages_->wipes())) memory_.wipe(area);
    lazy_.put(area);
  } else {
    lazy_.defer(area);
  }
  lazy_.purge_surplus();
  return AreaFault::None;
}

/// Takes the descriptors of its pages back. False: a page that a caller still holds has moved home with its contents, and left
/// a hole in the area.
bool Vmap::drop_exposed(VmArea* area) {
  return shown_.withdraw(area, [&](uint32_t i, Page* page) {
    if (!can_alias()) memory_.move_home(area, i, pages_->pfn_of(page), 1);
    window_.set_frames(area, i, {}, 1);
    counts_.frames.sub();
  });
}

// Another size --------------------------------------------------------------------------------------------------------

bool Vmap::resize(const void* p, const VmallocWish& wish) {
  VmArea* area = window_.find(p);
  if (!area || !wish.bytes || wish.bytes >> kPageShift > pages_->nr_frames() || (can_alias() && area->has(area::kExposed)))
    return false;
  const uint32_t old = area->nr_pages, unit = window_.unit_pages();
  const auto pages = static_cast<uint32_t>(round_up(round_up(wish.bytes, kPageSize) >> kPageShift, unit));
  if (pages > old) {
    const uint32_t room = area->span - unit;
    if (pages > room && !window_.extend(area, pages - room, wait_by(wish.gfp))) return false;
    area->nr_pages = pages;
    if (!memory_.open(area, old, WindowPages::Small) || !fill(area, old, wish)) {
      memory_.close(area, old);
      memory_.drop_frames(area, old);
      area->nr_pages = old;
      return false;
    }
  } else if (pages < old && !area->has(area::kExposed)) {
    memory_.close(area, pages);
    memory_.drop_frames(area, pages);
    area->nr_pages = pages;
  }
  area->bytes = wish.bytes;
  return true;
}

}  // namespace kmem
