#include "page/page_lists.h"

#include "page/page_allocator.h"
#include "sync/cpu_words.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

constexpr Slot kLists[] = {kHotPages, kColdPages};

/// A sheaf, or null if there is none.
uint64_t* get_sheaf(SheafPool& pool) { return should_fail(FaultPoint::Sheaf, kNoGfp, kSheafBytes) ? nullptr : pool.get(); }

bool is_low(const Zone& zone, uint64_t beyond = 0) { return zone.marks().is_low(zone.nr_available(), beyond); }

}  // namespace

// Closed below the low mark --------------------------------------------------------------------------------------------

void PageLists::close_if_low(unsigned node) {
  if (is_low(*pages_->preferred_zone(node)) && !closed_.exchange(1)) pages_->lists_changed();
}

// Opened with some frames to spare, so that the next refill does not close them.
bool PageLists::try_open() {
  for (unsigned node = 0; node < pages_->nr_nodes(); ++node)
    if (is_low(*pages_->preferred_zone(node), kPageBatch)) return false;
  if (closed_.exchange(0)) pages_->lists_changed();
  return true;
}

// Taking ---------------------------------------------------------------------------------------------------------------

ClaimedFrames PageLists::pop(Gfp gfp) {
  void* p = nullptr;
  if (gfp & gfp::kCold) p = CpuStack::pop(kColdPages);
  if (!p) p = CpuStack::pop(kHotPages);
  if (!p && !(gfp & gfp::kCold)) p = CpuStack::pop(kColdPages);
  if (!p) return {};
  const Pfn pfn = pages_->pfn_of_address(p);
  return {pfn, pages_->zone_of(pfn), false};
}

ClaimedFrames PageLists::refill_and_take() {
  if (KMEM_UNLIKELY(closed())) try_open();
  Zone& zone = *pages_->preferred_zone(pages_->local_node().value);
  const uint64_t spare = zone.marks().above_low(zone.nr_available());
  const unsigned batch = pages_->bound().batch(kPageBatch);
  uint64_t* words = spare ? get_sheaf(*sheaves_) : nullptr;
  if (!words) return {};
  Sheaf sheaf = Sheaf::empty(words, kSheafCapacity);
  fill(sheaf, zone, spare < batch ? static_cast<unsigned>(spare) : batch);
  void* mine = sheaf.is_empty() ? nullptr : sheaf.take();
  Sheaf old;
  if (!mine || !exchange_if_empty(*sheaves_, kHotPages, sheaf, old)) old = sheaf;
  if (old) give_back_sheaf(old);
  else sheaves_->equip_this_cpu();
  answer_requests();
  return mine ? ClaimedFrames{pages_->pfn_of_address(mine), &zone, false} : ClaimedFrames{};
}

void PageLists::fill(Sheaf& sheaf, Zone& zone, unsigned batch) {
  const unsigned full = kSheafCapacity - batch;
  const CpuId cpu = CpuStack::where();
  Atomic<uint32_t>& last = last_blocks_[cpu.value % kLastBlocks].block;
  ClaimHint hint{last.peek()};
  while (sheaf.room() > full) {
    const FrameSet set = zone.claim_some(sheaf.room() - full, &hint);
    if (!set.mask) break;
    if (pages_->bound().tight()) make_seen(set);
    // Highest first, so that the lowest comes out first.
    for (uint64_t rest = set.mask; rest; rest &= ~(uint64_t{1} << highest_bit(rest)))
      sheaf.put(pages_->address(set.first + highest_bit(rest)));
  }
  if (hint.block != last.peek()) last.poke(hint.block);
}

void PageLists::make_seen(FrameSet set) {
  for (uint64_t rest = set.mask; rest;) {
    const unsigned first = lowest_bit(rest), nr = ones_below(rest >> first);
    pages_->bound().make_seen(pages_->address(set.first + first), nr);
    rest &= ~(low_mask(nr) << first);
  }
}

// Giving back ----------------------------------------------------------------------------------------------------------

bool PageLists::push(Pfn pfn, const Zone& zone, Heat heat) {
  const Slot slot = heat == Heat::Cold ? kColdPages : kHotPages;
  if (KMEM_UNLIKELY(closed()) && !try_open() && is_low(zone)) return false;
  if (&zone != pages_->preferred_zone(pages_->local_node().value)) return false;
  for (int tries = 0; tries < 2; ++tries) {
    if (CpuStack::push(slot, pages_->address(pfn)) == Push::Done) return true;
    uint64_t* words = get_sheaf(*sheaves_);
    if (!words) return false;
    Sheaf old;
    const Sheaf fresh = Sheaf::empty(words, kSheafCapacity);
    if (!exchange_if_full(*sheaves_, slot, fresh, old)) old = fresh;
    if (old) give_back_sheaf(old);
    answer_requests();
  }
  return false;
}

// Neighbours in the sheaf are often neighbours in memory: one atomic operation then serves them all.
void PageLists::give_back_entries(Sheaf sheaf) {
  Zone* zone = nullptr;
  FrameSet set;
  while (!sheaf.is_empty()) {
    const Pfn pfn = pages_->pfn_of_address(sheaf.take());
    const Pfn word{round_down(pfn.value, 64)};
    if (zone && !(set.first == word)) {
      zone->give_back(set);
      set = {};
    }
    if (!zone || !zone->contains(pfn)) zone = pages_->zone_of(pfn);
    set.first = word;
    set.mask |= uint64_t{1} << (pfn.value % 64);
  }
  if (!zone) return;
  zone->give_back(set);
  pages_->frames_came_back(*zone);
}

void PageLists::give_back_sheaf(Sheaf sheaf) {
  give_back_entries(sheaf);
  sheaves_->put(sheaf.words);
}

void PageLists::drain(OtherCpus others) {
  bool all = true;
  for (const Slot slot : kLists) {
    if (const Sheaf sheaf = take_local(*sheaves_, slot)) give_back_sheaf(sheaf);
    if (others == OtherCpus::Leave) continue;
    all = take_everywhere(*sheaves_, slot, others, [this](Sheaf sheaf) { give_back_sheaf(sheaf); }) && all;
  }
  if (all) return;
  asked_.ask_all();
  sheaves_->requests().announce();
}

void PageLists::answer(CpuId cpu) {
  sheaves_->requests().note(cpu);
  pages_->caches_answer(cpu);
  if (asked_.take(cpu)) drain(OtherCpus::Leave);
}

// Checking -------------------------------------------------------------------------------------------------------------

Sheaf PageLists::sheaf_of(CpuId cpu, Slot list) const {
  const uint64_t word = CpuStack::word(cpu, list);
  return word == sheaves_->closed() ? Sheaf{} : Sheaf::of_word(sheaves_->base(), word);
}

uint64_t PageLists::nr_listed(CpuId cpu, Slot list) const {
  const Sheaf sheaf = sheaf_of(cpu, list);
  return sheaf ? sheaf.count() : 0;
}

template <typename Look>
Fault PageLists::each_frame(Look look) const {
  for (uint32_t cpu = 0; cpu < CpuStack::nr_areas(); ++cpu) {
    for (const Slot slot : kLists) {
      const Sheaf sheaf = sheaf_of({cpu}, slot);
      for (unsigned i = sheaf.top; sheaf && sheaf.words[i]; ++i)
        if (const Fault fault = look(pages_->pfn_of_address(reinterpret_cast<void*>(sheaf.words[i])))) return fault;
    }
  }
  return {};
}

void PageLists::visit(void (*what)(void* arg, Pfn pfn), void* arg) const {
  (void)each_frame([=](Pfn pfn) -> Fault { return what(arg, pfn), Fault{}; });
}

// The second walk leaves a mark in each frame's descriptor, the third takes it away.
Fault PageLists::check() const {
  const auto is_owned = [this](Pfn pfn) -> Fault {
    const Zone* zone = pages_->zone_of(pfn);
    if (zone && zone->is_online(pfn) && !zone->frames().is_free(pfn) && pages_->page_at(pfn)->kind() == PageKind::None)
      return {};
    return {"P1 a listed frame is claimed and its descriptor says None", pfn.value};
  };
  const auto is_first = [this](Pfn pfn) -> Fault {
    Page* page = pages_->page_at(pfn);
    if (page->kind() == PageKind::Listed) return {"P2 no frame is listed twice", pfn.value};
    page->head.poke(page->head.peek() | Page::pack(PageKind::Listed, 0, {}, 0));
    return {};
  };
  const auto unmark = [this](Pfn pfn) -> Fault {
    Page* page = pages_->page_at(pfn);
    page->head.poke(page->head.peek() & ~Page::pack(PageKind::Listed, 0, {}, 0));
    return {};
  };
  if (const Fault fault = each_frame(is_owned)) return fault;
  const Fault fault = each_frame(is_first);
  (void)each_frame(unmark);
  return fault;
}

}  // namespace kmem
