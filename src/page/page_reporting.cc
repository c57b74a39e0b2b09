#include "page/page_reporting.h"

#include "base/memory.h"
#include "page/gfp.h"
#include "port/port.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

/// Shorter runs go back only when much is dirty: a system call for a few pages costs more than they are worth.
constexpr unsigned kGoodRun = 16;
/// Most rounds of one call while other CPUs free frames in the part that it has searched.
constexpr int kMostRounds = 8;

}  // namespace

// How much is kept -----------------------------------------------------------------------------------------------------

void PageReporting::bound(uint64_t least, uint64_t fixed) {
  least_.store(least);
  fixed_.store(fixed);
}

KeepInputs PageReporting::inputs() const {
  return {.in_use = counts().nr_in_use(),
          .wanted = demand_.wanted(),
          .huge = huge_,
          .least = least_.peek(),
          .fixed = fixed_.peek(),
          .available = counts().owes() ? counts().nr_available() : KeepInputs::kNotBounded};
}

// Frames without an address are a machine's own: there is no host that would take them.
void PageReporting::return_until_below_limit() {
  if (!setup_.addressed) return;
  demand_.advance(counts().nr_in_use(), kmem_port_now_ns());
  for (int round = 0; round < kMostRounds; ++round) {
    const uint64_t keep = limit(), dirty = counts().nr_dirty();
    if (dirty <= keep || !keep::ask_again(dirty, refused_at_.peek())) return;
    asked_again_.store(0);
    if (!give_to_host(keep::target(keep)) && !asked_again_.load()) return;
  }
}

// Giving back ----------------------------------------------------------------------------------------------------------

bool PageReporting::discard(Pfn first, uint64_t n) {
  const bool refused = should_fail(FaultPoint::Discard, kNoGfp, n << kPageShift);
  const bool gone = !refused && kmem_port_discard(setup_.direct_map + (first.value << kPageShift), n << kPageShift);
  nr_calls_.fetch_add(1);
  if (!gone) return refused_ = true, false;
  nr_returned_.fetch_add(n);
  demand_.note_returned(n);
  return true;
}

uint64_t PageReporting::return_block(uint64_t block) {
  uint64_t clean = 0;
  if (!setup_.frames->claim_whole(block, clean)) return 0;
  const Pfn start = bits().block_start(block);
  const bool gone = discard(start, kBlockFrames);
  bits().forget_begun(block);
  // Descriptors of free frames hold no information, so their memory is returned too, or cleared.
  Page* descriptors = setup_.descriptors + start.value;
  constexpr size_t kBytes = kBlockFrames * sizeof(Page);
  if (gone && !kmem_port_discard(descriptors, kBytes)) memset(static_cast<void*>(descriptors), 0, kBytes);
  bits().forget_dirty(block);
  setup_.frames->give_back_run(start, kBlockFrames, frames_are(gone));
  return gone ? kBlockFrames - clean : 0;
}

// Runs of at least `least` frames; the others stay dirty.
uint64_t PageReporting::return_parts(uint64_t block, unsigned least) {
  uint64_t sum = 0;
  unsigned word = 0;
  for (FrameSet set; (set = setup_.frames->claim_dirty(block, word)).mask; ++word) {
    for (uint64_t rest = set.mask; rest;) {
      const unsigned from = lowest_bit(rest), run = ones_below(rest >> from);
      const uint64_t bits = low_mask(run) << from;
      if (run >= least && discard(set.first + from, run)) {
        sum += run - count_bits(set.clean & bits);
        set.clean |= bits;
      }
      rest &= ~bits;
    }
    setup_.frames->give_back(set);
  }
  bits().forget_dirty(block);
  return sum;
}

uint64_t PageReporting::return_all_parts(uint64_t keep, unsigned least) {
  uint64_t sum = 0;
  const auto last = static_cast<int64_t>(bits().nr_blocks()) - 1;
  for (int64_t b = last; (b = bits().find_dirty(b, Blocks::Any)) >= 0 && counts().nr_dirty() > keep; --b)
    sum += return_parts(static_cast<uint64_t>(b), least);
  return sum;
}

uint64_t PageReporting::give_to_host(uint64_t keep) {
  if (!setup_.addressed) return 0;
  if (running_.exchange(1)) {  // makes the running caller check again
    asked_again_.store(1);
    if (running_.exchange(1)) return 0;
  }
  refused_ = false;
  uint64_t sum = 0;
  const auto last = static_cast<int64_t>(bits().nr_blocks()) - 1;
  for (int64_t b = last; (b = bits().find_dirty(b, Blocks::Whole)) >= 0 && counts().nr_dirty() > keep; --b)
    sum += return_block(static_cast<uint64_t>(b));
  if (!keep || keep::search_parts(counts().nr_dirty(), keep, left_by_search_.peek())) {
    sum += return_all_parts(keep, kGoodRun);
    sum += return_all_parts(keep + keep / 2, 1);
    left_by_search_.poke(counts().nr_dirty() > keep ? counts().nr_dirty() : 0);
  }
  refused_at_.poke(refused_ ? counts().nr_dirty() : 0);
  running_.store(0);
  return sum;
}

}  // namespace kmem
