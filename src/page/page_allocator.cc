#include "page/page_allocator.h"

#include "base/memory.h"
#include "watch/fault_injection.h"
#include "watch/free_watch.h"
#include "watch/profile.h"

namespace kmem {
namespace {

static_assert(kFaultGfpNoFail == gfp::kNoFail && kFaultGfpHighMem == gfp::kHighMem && kFaultGfpWait == gfp::kDirectReclaim);

enum class Tails : uint8_t { Mark, Clear };

// Writes into each later frame of a compound block its distance to the first; valid until the block is free.
void set_tails(Page* head, Order order, Tails tails) {
  for (uint32_t i = 1; i < order.pages(); ++i)
    head[i].head.store(tails == Tails::Mark ? Page::pack(PageKind::Tail, 0, {}, i) : 0);
}

/// May page lists serve it?
bool is_plain(Gfp gfp, Order order, int nid) {
  return order.value == 0 && nid < 0 && !(gfp & (gfp::kZoneMask | gfp::kThisNode));
}

}  // namespace

char* PageAllocator::init(const Machine& machine, SheafPool& sheaves, uint64_t min_free_kbytes) {
  char* end = Zones::init(machine, min_free_kbytes);
  reclaim_.init(*this, nr_nodes());
  bound_.init(*this);
  charged_.init(*this);
  lists_.init(*this, sheaves);
  return end;
}

// Claiming -------------------------------------------------------------------------------------------------------------

ClaimedFrames PageAllocator::claim(const FrameRequest& request, int nid) {
  const unsigned node = node_of(nid);
  reclaim_.heed_pressure(request.gfp);
  bound_.heed(request.gfp);
  ClaimedFrames got = claim_within(request, node, {.low = true});
  if (KMEM_UNLIKELY(!got.zone)) {
    lists_.close_if_low(node);
    got = claim_slowly(request, node);
  }
  if (bound_.tight() && got.zone && got.zone->kind() != ZoneKind::HighMem) bound_.make_seen(address(got.first), request.nr());
  return got;
}

Page* PageAllocator::alloc_listed(Gfp gfp) {
  ClaimedFrames got = lists_.pop(gfp);
  if (!got.zone) {
    reclaim_.heed_pressure(gfp);
    bound_.heed(gfp);
    got = lists_.refill_and_take();
  }
  return got.zone ? hand_out(got, {}, gfp) : nullptr;
}

// Only above the low mark: frames below it are for alloc_frames(), which reclaims and checks the request's reach.
Maybe<Pfn> PageAllocator::claim_bare_run(Gfp gfp, Order order, int nid, uint64_t& clean) {
  bound_.heed(gfp);
  return claim_bare({.gfp = gfp, .order = order}, node_of(nid), clean);
}

bool PageAllocator::is_reserve(Pfn pfn) {
  const Zone& zone = *zone_of(pfn);
  return lists_closed() && !zone.marks().let_take(zone.nr_available(), 0, ZoneKind::Normal, {});
}

// Frames came back -----------------------------------------------------------------------------------------------------

// The caches above may be asked to shrink; the frames that they free come through this function again.
void PageAllocator::frames_came_back(Zone& zone) {
  const ReclaimHook& caches = reclaim_.caches();
  if (KMEM_UNLIKELY(zone.counts().use_fell()) && caches.use_fell && !shrinking_.exchange(1)) {
    caches.use_fell(caches.arg);
    drain(OtherCpus::Ask);
    shrinking_.store(0);
  }
  zone.reporting().return_surplus();
  reclaim_.waiters().note_freed();
}

void PageAllocator::lists_changed() {
  const ReclaimHook& caches = reclaim_.caches();
  if (caches.lists_changed) caches.lists_changed(caches.arg);
}

void PageAllocator::caches_answer(CpuId cpu) {
  const ReclaimHook& caches = reclaim_.caches();
  if (caches.answer) caches.answer(caches.arg, cpu);
}

// Blocks by order ------------------------------------------------------------------------------------------------------

Page* PageAllocator::hand_out(const ClaimedFrames& from, Order order, Gfp gfp) {
  Page* page = page_at(from.first);
  const bool compound = (gfp & gfp::kComp) && order.value;
  if (KMEM_UNLIKELY(compound)) set_tails(page, order, Tails::Mark);
  page->head.store(Page::pack(PageKind::Block, from.zone->index(), order, 1) | (compound ? Page::kCompound : 0));
  if (((gfp & gfp::kZero) || clearing_.on_alloc) && !from.zeroed) clear(from.first, order.pages());
  return page;
}

Page* PageAllocator::alloc(Gfp gfp, Order order, int nid) {
  if (order.value > kMaxOrder || should_fail(FaultPoint::Pages, gfp, order.bytes())) return nullptr;
  const FaultExempt exempt(gfp & gfp::kNoFail);
  if (is_plain(gfp, order, nid))
    if (Page* page = alloc_listed(gfp)) return page;
  const ClaimedFrames got = claim({gfp, order}, nid);
  return got.zone ? hand_out(got, order, gfp) : nullptr;
}

bool PageAllocator::free(Page* page, Order order, Heat heat) {
  const Pfn pfn = pfn_of(page);
  const uint64_t head = page->head.peek();
  Zone* zone = zone_of(pfn);
  constexpr uint64_t kMarks = Page::kCompound | Page::kPrivate | Page::kSampled;
  if (!zone || (head & ~kMarks) != Page::pack(PageKind::Block, zone->index(), order, 1)) return false;
  if (KMEM_UNLIKELY(head & Page::kSampled)) kmem_profile.freed(page);
  if (KMEM_UNLIKELY(head & Page::kCompound)) set_tails(page, order, Tails::Clear);
  page->head.poke(Page::pack(PageKind::None, zone->index(), {}, 0));
  wipe(pfn, order.pages());
  if (order.value == 0 && lists_.push(pfn, *zone, heat)) return true;
  zone->give_back_run(pfn, order.pages());
  frames_came_back(*zone);
  return true;
}

Maybe<Pfn> PageAllocator::alloc_frames(Gfp gfp, Order order, int nid, Use use) {
  if (should_fail(FaultPoint::Pages, gfp, order.bytes())) return {};
  const FaultExempt exempt(gfp & gfp::kNoFail);
  if (is_plain(gfp, order, nid))
    if (Page* page = alloc_listed(gfp & ~gfp::kZero)) return pfn_of(page);
  const ClaimedFrames got = claim({.gfp = gfp, .order = order, .use = use}, nid);
  if (!got.zone) return {};
  if (clearing_.on_alloc && !got.zeroed) clear(got.first, order.pages());
  return got.first;
}

void PageAllocator::free_frames(Pfn pfn, Order order) {
  Zone& zone = *zone_of(pfn);
  wipe(pfn, order.pages());
  page_at(pfn)->head.poke(Page::pack(PageKind::None, zone.index(), {}, 0));
  if (order.value == 0 && lists_.push(pfn, zone, Heat::Hot)) return;
  zone.give_back_run(pfn, order.pages());
  frames_came_back(zone);
}

// Runs of any length ---------------------------------------------------------------------------------------------------

Maybe<Pfn> PageAllocator::alloc_span(Gfp gfp, uint64_t nr, Order align, int nid, bool& zeroed) {
  Order order{static_cast<uint8_t>(log2_ceil(nr))};
  if (order.value < align.value) order = align;
  if (order.value > kMaxOrder || should_fail(FaultPoint::Pages, gfp, nr << kPageShift)) return {};
  const FaultExempt exempt(gfp & gfp::kNoFail);
  // A run of exactly this length at any address wastes less than an aligned block that is cut.
  const bool span = nr > 1 && align.value == 0;
  const ClaimedFrames got = claim({gfp, order, span ? nr : 0}, nid);
  if (!got.zone) return {};
  if (!span && order.pages() > nr) got.zone->give_back_run(got.first + nr, order.pages() - nr, frames_are(got.zeroed));
  got.zone->counts().add_sparse(static_cast<int64_t>(nr));
  zeroed = got.zeroed;
  if ((gfp & gfp::kZero) && !zeroed) clear(got.first, nr);
  return got.first;
}

void PageAllocator::free_span(Pfn first, uint64_t nr) {
  Zone& zone = *zone_of(first);
  wipe(first, nr);
  zone.counts().add_sparse(-static_cast<int64_t>(nr));
  zone.give_back_run(first, nr);
  frames_came_back(zone);
}

bool PageAllocator::resize_span(Pfn first, uint64_t old, uint64_t nr) {
  Zone& zone = *zone_of(first);
  if (nr < old) free_span(first + nr, old - nr);
  if (nr <= old) return true;
  const uint64_t more = nr - old;
  if (should_fail(FaultPoint::Pages, kNoGfp, more << kPageShift)) return false;
  if (nr > uint64_t{1} << kMaxOrder || zone.marks().is_low(zone.nr_available(), more) || !zone.claim_at(first + old, more))
    return false;
  zone.counts().add_sparse(static_cast<int64_t>(more));
  if (clearing_.on_alloc) clear(first + old, more);
  return true;
}

Page* PageAllocator::alloc_run(Gfp gfp, uint64_t nr, Order align, int nid, bool& zeroed) {
  const Maybe<Pfn> first = alloc_span(gfp, nr, align, nid, zeroed);
  if (!first) return nullptr;
  Page* page = page_at(*first);
  page->aux = static_cast<uint32_t>(nr);
  page->head.poke(Page::pack(PageKind::Run, zone_of(*first)->index(), {}, 1));
  return page;
}

void PageAllocator::free_run(Page* page) {
  const Pfn pfn = pfn_of(page);
  page->head.poke(Page::pack(PageKind::None, zone_of(pfn)->index(), {}, 0));
  free_span(pfn, page->aux);
}

bool PageAllocator::resize_run(Page* page, uint64_t nr, bool& zeroed) {
  zeroed = false;
  const uint32_t old = page->aux;
  if (nr < old) page->aux = static_cast<uint32_t>(nr);  // before another thread can claim the rest
  if (!resize_span(pfn_of(page), old, nr)) return false;
  page->aux = static_cast<uint32_t>(nr);
  return true;
}

// The rest -------------------------------------------------------------------------------------------------------------

// Called before frames go to a zone or to a list: with init_on_free every free frame reads as zero.
void PageAllocator::wipe(Pfn first, uint64_t nr) const {
  if (KMEM_LIKELY(has_address(first))) tell_freed(address(first), nr << kPageShift);
  if (KMEM_UNLIKELY(clearing_.on_free)) clear(first, nr);
}

uint64_t PageAllocator::trim(uint64_t keep, OtherCpus others) {
  drain(others);
  return give_to_host(keep);
}

void PageAllocator::after_fork() {
  shrinking_.store(0);
  reclaim_.after_fork();
  bound_.after_fork();
  zones_after_fork();
}

Fault PageAllocator::check() {
  if (const Fault fault = reclaim_.check()) return fault;
  if (const Fault fault = check_zones()) return fault;
  return lists_.check();
}

}  // namespace kmem
