#include "page/zone.h"

#include "base/memory.h"
#include "port/port.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

constexpr uint64_t kKeepFloor = (uint64_t{2} << 20) >> kPageShift;
constexpr uint64_t kEbbFrom = (uint64_t{8} << 20) >> kPageShift;
/// How long ago a want of dirty frames still counts, halved each time: ten times the turn of a program that renders pages.
constexpr uint64_t kWindowNs = 400'000'000;
/// What was lately wanted back stays up to so many times what is in use and a little: a program that has freed all has no
/// swing left but that.
constexpr uint64_t kSwingBound = 3, kSwingFloor = (uint64_t{8} << 20) >> kPageShift;
/// A zone this full of use has its further blocks backed by huge pages: what is wasted at its end is then little.
constexpr uint64_t kHugeFrom = (uint64_t{8} << 20) >> kPageShift;
/// Where others have a part of the memory and less than this is left, huge pages are steps too large: several processes may
/// take one at the same time.
constexpr uint64_t kHugeBesideOthers = (uint64_t{128} << 20) >> kPageShift;
/// Shorter runs go back only when much is dirty: a system call for a few pages costs more than they are worth.
constexpr unsigned kGoodRun = 16;
constexpr unsigned kMostLooks = 64;

}  // namespace

size_t Zone::metadata_bytes(uint64_t nr_frames) {
  const uint64_t sections = (nr_frames + kSectionFrames - 1) / kSectionFrames;
  return FrameBits::metadata_bytes(nr_frames) + round_up(sections, kCacheLine);
}

void Zone::init(const Setup& setup) {
  frames_.init(setup.first, setup.nr_frames, setup.metadata);
  kind_ = setup.kind;
  node_ = setup.node;
  index_ = setup.index;
  direct_map_ = setup.direct_map;
  descriptors_ = setup.descriptors;
  sections_ = reinterpret_cast<Atomic<uint8_t>*>(static_cast<char*>(setup.metadata) +
                                                 FrameBits::metadata_bytes(setup.nr_frames));
}

bool Zone::is_online(Pfn p) const {
  return contains(p) && sections_[(p - first()) / kSectionFrames].load() == Online;
}

// Bringing memory online ------------------------------------------------------------------------------------------------

// Whoever finds the section coming does the same once more: the host minds as little as we do, and who is first has it.
bool Zone::bring_online(uint64_t section) {
  uint8_t state = Offline;
  if (!sections_[section].compare_exchange(state, Coming) && state != Coming) return false;
  const Pfn start = first() + section * kSectionFrames;
  const uint64_t left = nr_frames() - section * kSectionFrames;
  const uint64_t n = left < kSectionFrames ? left : kSectionFrames;
  if (should_fail(FaultPoint::Section, kNoGfp, n << kPageShift) || !kmem_port_online(address(start), n << kPageShift) ||
      !kmem_port_online(descriptors_ + start.value, n * sizeof(Page))) {
    state = Coming;
    sections_[section].compare_exchange(state, Offline);
    return false;
  }
  if (bound_) {
    kmem_port_bind(address(start), n << kPageShift, node_.value);
    kmem_port_bind(descriptors_ + start.value, n * sizeof(Page), node_.value);
  }
  state = Coming;
  filling_.fetch_add(1);  // until free_section()
  if (!sections_[section].compare_exchange(state, Online)) {
    filling_.fetch_sub(1);
    return false;
  }
  // Free before online: whoever adds up what there is sees too much rather than too little.
  nr_free_.fetch_add(static_cast<int64_t>(n - (start.value == 0)));
  nr_online_.fetch_add(n);
  return true;
}

// Frame 0 stays ours: its address is what a driver takes for "none".
void Zone::free_section(uint64_t section) {
  const Pfn start = first() + section * kSectionFrames;
  const uint64_t left = nr_frames() - section * kSectionFrames;
  const uint64_t n = left < kSectionFrames ? left : kSectionFrames;
  const uint64_t skip = start.value == 0;
  frames_.give_back_run(start + skip, n - skip, true);
  filling_.fetch_sub(1);
}

// The last section's frames are just being given by another CPU: look again, but not for ever, for it may be the one that
// we interrupted.
bool Zone::another_fills(unsigned& looks) const { return filling_.load() && ++looks <= kMostLooks; }

bool Zone::grow() {
  uint64_t coming = nr_sections();
  for (uint64_t s = next_section_.peek(); s < nr_sections(); ++s) {
    const uint8_t state = sections_[s].load();
    if (state == Coming) {  // another CPU's, or that of the code that we interrupted
      if (coming == nr_sections()) coming = s;
      continue;
    }
    if (state == Online) {
      if (next_section_.peek() == s) next_section_.poke(s + 1);
      continue;
    }
    if (!bring_online(s)) {
      if (sections_[s].load() == Offline) return false;  // the host has no more
      continue;
    }
    free_section(s);
    return true;
  }
  // The last one: nobody waits for who is at it.
  if (coming == nr_sections() || !bring_online(coming)) return false;
  free_section(coming);
  return true;
}

bool Zone::online_reserved(Pfn start, uint64_t n) {
  for (uint64_t s = (start - first()) / kSectionFrames; s <= (start - first() + n - 1) / kSectionFrames; ++s) {
    if (sections_[s].load() == Online) continue;
    if (!bring_online(s)) return false;
    free_section(s);
  }
  return claim_at(start, n);
}

// Claiming and giving back ---------------------------------------------------------------------------------------------

void Zone::count_claimed(uint64_t n, uint64_t clean) {
  nr_free_.fetch_sub(static_cast<int64_t>(n));
  if (n != clean) nr_dirty_.fetch_sub(static_cast<int64_t>(n - clean));
}

void Zone::note_in_use() {
  const uint64_t in_use = nr_in_use();
  if (KMEM_UNLIKELY(in_use > most_in_use_.peek())) most_in_use_.poke(in_use);
  if (KMEM_UNLIKELY(in_use > flood_.peek())) flood_.poke(in_use);
}

// Fresh blocks are begun: where much is in use already, the host is asked for one huge page each instead of 512 small
// ones, one by one.  The claimed frames are where they are touched for it.
void Zone::make_huge(Pfn at, uint64_t n, uint64_t clean) {
  if (KMEM_LIKELY(clean != n || !huge_ || nr_in_use() < kHugeFrom)) return;
  if (others_.peek() && nr_available() < kHugeBesideOthers) return;
  for (Pfn p = at; p < at + n; p = first() + round_up(p - first() + 1, kBlockFrames)) {
    const uint64_t block = (p - first()) / kBlockFrames;
    // A block that this claim takes whole is fresh; of another one, most must still be.
    const bool all = p - first() == block * kBlockFrames && at + n - p >= kBlockFrames;
    if (!frames_.begin_block(block) && !all) continue;
    kmem_port_huge(address(frames_.block_start(block)), kBlockBytes, address(p));
    if (!all) nr_dirty_.fetch_add(static_cast<int64_t>(frames_.make_dirty(block)));
  }
}

FrameSet Zone::claim_some(unsigned n, unsigned skip) {
  for (unsigned looks = 0;;) {
    const FrameSet set = frames_.claim_some(n, skip);
    if (set.mask) {
      count_claimed(set.count(), count_bits(set.clean));
      note_in_use();
      note_wanted(count_bits(set.clean));
      if (set.clean) make_huge(set.first + lowest_bit(set.clean), 1, 1);
      return set;
    }
    if (!grow() && !another_fills(looks)) return {};
  }
}

Maybe<Pfn> Zone::claim_run(Order order, bool& all_clean) {
  for (unsigned looks = 0;;) {
    uint64_t clean = 0;
    const auto at = frames_.claim_run(order, clean);
    if (at) {
      count_claimed(order.pages(), clean);
      note_in_use();
      note_wanted(clean);
      make_huge(*at, order.pages(), clean);
      all_clean = clean == order.pages();
      return at;
    }
    if (!grow() && !another_fills(looks)) return {};
  }
}

Maybe<Pfn> Zone::claim_span(uint64_t n, bool& all_clean) {
  for (unsigned looks = 0;;) {
    uint64_t clean = 0;
    const auto at = frames_.claim_span(n, clean);
    if (at) {
      count_claimed(n, clean);
      note_wanted(clean);
      make_huge(*at, n, clean);
      all_clean = clean == n;
      return at;
    }
    if (!grow() && !another_fills(looks)) return {};
  }
}

bool Zone::claim_at(Pfn start, uint64_t n) {
  uint64_t clean = 0;
  if (!frames_.claim_at(start, n, clean)) return false;
  count_claimed(n, clean);
  return true;
}

Maybe<Pfn> Zone::claim_bare_run(Order order, uint64_t& clean) {
  for (;;) {
    if (const auto at = frames_.claim_run(order, clean)) {
      count_claimed(order.pages(), clean);
      note_in_use();
      return at;
    }
    if (!grow()) return {};
  }
}

void Zone::give_back(FrameSet set) {
  const uint64_t n = set.count(), clean = count_bits(set.clean);
  nr_free_.fetch_add(static_cast<int64_t>(n));
  if (n != clean) nr_dirty_.fetch_add(static_cast<int64_t>(n - clean));
  frames_.give_back(set);
}

void Zone::give_back_run(Pfn start, uint64_t n, bool clean) {
  nr_free_.fetch_add(static_cast<int64_t>(n));
  if (!clean) nr_dirty_.fetch_add(static_cast<int64_t>(n));
  frames_.give_back_run(start, n, clean);
}

uint64_t Zone::nr_available_with_others() const {
  const uint64_t offline = nr_frames() - nr_online(), there = nr_free() + offline, charged = charged_.peek();
  return there > charged ? there - charged : 0;
}

uint64_t Zone::nr_available() const {
  const uint64_t there = nr_available_with_others(), others = others_.peek();
  return there > others ? there - others : 0;
}

uint64_t Zone::uncharge(uint64_t n) {
  uint64_t seen = charged_.load(), off;
  do off = seen < n ? seen : n;
  while (off && !charged_.compare_exchange(seen, seen - off));
  return off;
}

// Free-page reporting --------------------------------------------------------------------------------------------------

uint64_t Zone::keep_limit() const {
  const uint64_t in_use = nr_in_use(), share = in_use / 4, most = kSwingBound * in_use + kSwingFloor, wanted = wanted_.peek();
  // The block that was begun last is resident as a whole.
  const uint64_t begun = huge_ && in_use >= kHugeFrom ? kBlockFrames : 0;
  uint64_t keep = (share > kKeepFloor ? share : kKeepFloor) + begun;
  const uint64_t swing = wanted < most ? wanted : most;
  if (swing > keep) keep = swing;
  // What was taken elsewhere on our account must not be resident here as well.
  const uint64_t ours = charged_.peek() | others_.peek() ? nr_available() : keep;
  return ours < keep ? ours : keep;
}

// Frames were claimed.  Dirty ones have been worth keeping; of the clean ones, those that the host was given before
// would have been.
void Zone::note_wanted(uint64_t clean) {
  const uint64_t dirty = nr_dirty(), crest = crest_.peek();
  if (crest > dirty + wanted_.peek()) wanted_.poke(crest - dirty);
  const uint64_t missed = missed_.peek();
  if (KMEM_LIKELY(!missed || !clean)) return;
  const uint64_t again = clean < missed ? clean : missed;
  missed_.poke(missed - again);
  wanted_.poke(wanted_.peek() + again);
}

void Zone::begin_window() {
  const uint64_t dirty = nr_dirty(), now = kmem_port_now_ns();
  if (dirty > crest_.peek()) crest_.poke(dirty);
  const uint64_t windows = (now - window_start_.peek()) / kWindowNs;
  if (!windows) return;
  wanted_.poke(windows < 32 ? wanted_.peek() >> windows : 0);
  crest_.poke(dirty);
  window_start_.poke(now);
}

bool Zone::ebbs() {
  const uint64_t in_use = nr_in_use(), flood = flood_.peek();
  if (KMEM_LIKELY(in_use * 4 > flood || flood < kEbbFrom)) return false;
  flood_.poke(in_use);
  return true;
}

void Zone::settle() {
  if (KMEM_LIKELY(nr_dirty() <= kKeepFloor)) return;
  begin_window();
  // What another CPU gave back behind our search, and left to us, is looked for again.
  for (int tries = 0; tries < 8 && nr_dirty() > keep_limit(); ++tries) {
    asked_again_.store(0);
    if (!give_to_host(keep_limit() - keep_limit() / 8) && !asked_again_.load()) return;
  }
}

bool Zone::discard(Pfn start, uint64_t n) {
  const bool refused = should_fail(FaultPoint::Discard, kNoGfp, n << kPageShift);
  const bool gone = !refused && kmem_port_discard(address(start), n << kPageShift);
  nr_returns_.fetch_add(1);
  if (gone) nr_returned_.fetch_add(n);
  if (gone) missed_.poke(missed_.peek() + n);
  return gone;
}

uint64_t Zone::return_block(uint64_t block) {
  uint64_t clean = 0;
  if (!frames_.claim_whole(block, clean)) return 0;
  count_claimed(kBlockFrames, clean);
  const bool gone = discard(frames_.block_start(block), kBlockFrames);
  frames_.forget_begun(block);
  // Descriptors of free frames say nothing: their memory goes too.  Where the host refuses, their contents are unknown.
  Page* descriptors = descriptors_ + frames_.block_start(block).value;
  constexpr size_t kBytes = kBlockFrames * sizeof(Page);
  if (!kmem_port_discard(descriptors, kBytes)) memset(static_cast<void*>(descriptors), 0, kBytes);
  frames_.forget_dirty(block);
  give_back_run(frames_.block_start(block), kBlockFrames, gone);
  return gone ? kBlockFrames - clean : 0;
}

// Runs of at least `least` frames; the others stay dirty.
uint64_t Zone::return_parts(uint64_t block, unsigned least) {
  uint64_t sum = 0;
  unsigned word = 0;
  for (FrameSet set = frames_.claim_dirty(block, word); set.mask; set = frames_.claim_dirty(block, word)) {
    count_claimed(set.count(), count_bits(set.clean));
    for (uint64_t rest = set.mask; rest;) {
      const unsigned from = lowest_bit(rest);
      const uint64_t run = ~(rest >> from) ? lowest_bit(~(rest >> from)) : 64 - from;
      const uint64_t bits = low_mask(static_cast<unsigned>(run)) << from;
      if (run >= least && discard(set.first + from, run)) {
        sum += run - count_bits(set.clean & bits);
        set.clean |= bits;
      }
      rest &= ~bits;
    }
    give_back(set);
    ++word;
  }
  frames_.forget_dirty(block);
  return sum;
}

uint64_t Zone::return_all_parts(uint64_t keep, unsigned least) {
  uint64_t sum = 0;
  const auto last = static_cast<int64_t>(frames_.nr_blocks()) - 1;
  for (int64_t b = last; (b = frames_.find_dirty(b, false)) >= 0 && nr_dirty() > keep; --b)
    sum += return_parts(static_cast<uint64_t>(b), least);
  return sum;
}

// What a search for long runs could not find it will not find the next time, until there is more; short ones, which are
// taken when there is far too much, can always be found.
bool Zone::parts_are_worth_a_search(uint64_t keep) const {
  const uint64_t dirty = nr_dirty(), left = futile_.peek();
  return dirty > keep + keep / 2 || (dirty > keep && (dirty < left || dirty - left > keep / 4));
}

uint64_t Zone::give_to_host(uint64_t keep) {
  if (returning_.exchange(1)) {  // one at a time, and nobody waits: whoever is at it looks again
    asked_again_.store(1);
    if (returning_.exchange(1)) return 0;
  }
  uint64_t sum = 0;
  const auto last = static_cast<int64_t>(frames_.nr_blocks()) - 1;
  for (int64_t b = last; (b = frames_.find_dirty(b, true)) >= 0 && nr_dirty() > keep; --b)
    sum += return_block(static_cast<uint64_t>(b));
  if (!keep || parts_are_worth_a_search(keep)) {
    sum += return_all_parts(keep, kGoodRun);
    sum += return_all_parts(keep + keep / 2, 1);
    futile_.poke(nr_dirty() > keep ? nr_dirty() : 0);
  }
  returning_.store(0);
  return sum;
}

// Checking -------------------------------------------------------------------------------------------------------------

Fault Zone::check() const {
  if (const Fault fault = frames_.check()) return fault;
  const uint64_t free = frames_.count_free(), clean = frames_.count_clean();
  if (nr_free_.peek() != static_cast<int64_t>(free))
    return {"Z1 nr_free is the number of free bits", first().value, free, nr_free()};
  if (nr_dirty_.peek() != static_cast<int64_t>(free - clean))
    return {"Z2 nr_dirty is the number of free frames that are not clean", first().value, free - clean, nr_dirty()};
  for (uint64_t p = 0; p < nr_frames(); ++p)
    if (frames_.is_free(first() + p) && !is_online(first() + p))
      return {"Z3 no frame of an offline section is free", first().value + p};
  return {};
}

}  // namespace kmem
