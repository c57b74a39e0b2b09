#include "page/zone.h"

#include "port/port.h"

namespace kmem {
namespace {

/// If other processes share the memory and less than this is left, frames are not made resident in advance, because several
/// processes may do so at the same time.
constexpr uint64_t kAheadBesideOthers = keep::frames_of_mib(128);
/// For fewer frames a system call is not worth while: page faults cost no more.
constexpr unsigned kFewestPopulated = 8;
constexpr unsigned kMostLooks = 64;

bool is_tight(const Zone& zone) { return zone.counts().nr_others() && zone.nr_available() < kAheadBesideOthers; }

// For zones with too little dense use for huge pages, and for blocks that no huge page can back. The lowest frames of the set
// come first, because they are used first.
void populate(const Zone& zone, FrameSet set) {
  uint64_t left = keep::populated_step(zone.counts().nr_dense());
  if (left < kFewestPopulated || count_bits(set.clean) < kFewestPopulated || is_tight(zone)) return;
  for (uint64_t rest = set.clean; rest && left;) {
    const unsigned first = lowest_bit(rest), run = ones_below(rest >> first);
    const uint64_t nr = keep::least_of(run, left);
    if (nr >= kFewestPopulated) kmem_port_populate(zone.address(set.first + first), nr << kPageShift);
    rest &= ~(low_mask(run) << first);
    left -= nr;
  }
}

}  // namespace

size_t Zone::metadata_bytes(uint64_t nr_frames) {
  return FrameBits::metadata_bytes(nr_frames) + Sections::metadata_bytes(nr_frames);
}

void Zone::init(const Setup& setup) {
  setup_ = setup;
  frames_.init(setup.first, setup.nr_frames, setup.metadata);
  sections_.init({.node = setup.node,
                  .first = setup.first,
                  .nr_frames = setup.nr_frames,
                  .metadata = static_cast<char*>(setup.metadata) + FrameBits::metadata_bytes(setup.nr_frames),
                  .direct_map = setup.direct_map,
                  .descriptors = setup.descriptors,
                  .known = setup.known,
                  .counts = &frames_.counts(),
                  .addressed = setup.addressed});
  reporting_.init(
      {.frames = &frames_, .direct_map = setup.direct_map, .descriptors = setup.descriptors, .addressed = setup.addressed});
}

// Bringing memory online ------------------------------------------------------------------------------------------------

bool Zone::take_in(const Sections::Arrival& arrival) {
  if (!arrival.nr) return false;
  // Frame 0 stays claimed: to drivers its address means "none".
  frames_.give_new(arrival.first, arrival.nr, arrival.first.value == 0);
  sections_.finish();
  return true;
}

// True: search for a frame again. That is also worth while when another CPU is just freeing the last section's frames, but not
// without limit, because it may be the code that we interrupted.
bool Zone::grow_or_wait(unsigned& looks) {
  return take_in(sections_.bring_next()) || (sections_.has_arriving() && ++looks <= kMostLooks);
}

bool Zone::online_reserved(Pfn start, uint64_t n) {
  for (uint64_t s = (start - first()) / kSectionFrames; s <= (start - first() + n - 1) / kSectionFrames; ++s)
    if (!sections_.is_online(s) && !take_in(sections_.bring(s))) return false;
  return claim_at(start, n);
}

// Claiming -------------------------------------------------------------------------------------------------------------

// If there is much dense use already, asks the host to back each fresh block of it with a huge page instead of 512 small ones.
bool Zone::make_huge(Pfn at, uint64_t n, uint64_t clean) {
  if (KMEM_LIKELY(clean != n || huge_ == HugePages::Never || counts().nr_dense() < keep::kHugeFrom) || is_tight(*this))
    return false;
  bool made = false;
  FrameBits& bits = frames_.bits();
  for (Pfn p = at; p < at + n; p = first() + round_up(p - first() + 1, kBlockFrames)) {
    const uint64_t block = (p - first()) / kBlockFrames;
    // A block that this claim takes completely is fresh; of a partly claimed one the other frames must be.
    const bool all = p == bits.block_start(block) && at + n - p >= kBlockFrames;
    if (!bits.begin_block(block, n) && !all) continue;
    if (!kmem_port_huge(address(bits.block_start(block)), kBlockBytes)) continue;
    if (!all) frames_.make_dirty(block);
    made = true;
  }
  return made;
}

// A block that has a huge page is kept for dense use, because sparse use would leave most of it unused; unless there is no
// other block.
FrameBits::Where Zone::where(Use use) const {
  const bool dense = use == Use::Dense || huge_ == HugePages::Everywhere;
  return dense ? FrameBits::Where::Anywhere : FrameBits::Where::NotFilling;
}

FrameSet Zone::claim_some(unsigned n, ClaimHint* hint) {
  for (unsigned looks = 0;;) {
    const FrameSet set = frames_.claim_some(n, hint);
    if (set.mask) {
      note_claimed(set.count(), count_bits(set.clean));
      const Pfn first = set.first + lowest_bit(set.mask);
      if (!make_huge(first, set.count(), count_bits(set.clean)) && setup_.addressed) populate(*this, set);
      return set;
    }
    if (!grow_or_wait(looks)) return {};
  }
}

Maybe<Pfn> Zone::claim_run(Order order, Use use, bool& all_clean) {
  auto from = where(use);
  const bool dense = from == FrameBits::Where::Anywhere;
  for (unsigned looks = 0;;) {
    uint64_t clean = 0;
    if (const auto at = frames_.claim_run(order, clean, from)) {
      note_claimed(order.pages(), clean);
      if (dense) make_huge(*at, order.pages(), clean);
      all_clean = clean == order.pages();
      return at;
    }
    if (grow_or_wait(looks)) continue;
    if (from == FrameBits::Where::Anywhere) return {};
    from = FrameBits::Where::Anywhere;
  }
}

Maybe<Pfn> Zone::claim_span(uint64_t n, bool& all_clean) {
  auto from = where(Use::Unknown);
  const bool dense = from == FrameBits::Where::Anywhere;
  for (unsigned looks = 0;;) {
    uint64_t clean = 0;
    if (const auto at = frames_.claim_span(n, clean, from)) {
      note_claimed(n, clean);
      if (dense) make_huge(*at, n, clean);
      all_clean = clean == n;
      return at;
    }
    if (grow_or_wait(looks)) continue;
    if (from == FrameBits::Where::Anywhere) return {};
    from = FrameBits::Where::Anywhere;
  }
}

Maybe<Pfn> Zone::claim_bare_run(Order order, uint64_t& clean) {
  for (;;) {
    if (const auto at = frames_.claim_run(order, clean, FrameBits::Where::Anywhere)) {
      frames_.counts().note_peak();
      return at;
    }
    if (!take_in(sections_.bring_next())) return {};
  }
}

// Checking -------------------------------------------------------------------------------------------------------------

Fault Zone::check() const {
  if (const Fault fault = frames_.check()) return fault;
  for (uint64_t p = 0; p < nr_frames(); ++p)
    if (frames().is_free(first() + p) && !is_online(first() + p))
      return {"Z3 no frame of an offline section is free", first().value + p};
  return {};
}

}  // namespace kmem
