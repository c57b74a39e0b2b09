#pragma once
// How many dirty free frames a zone keeps, and when it looks for some to give to the host: arithmetic only.
// docs/decisions/keep-limit.md says why.

#include "base/atomic.h"
#include "base/attributes.h"
#include "base/types.h"

namespace kmem {

/// What keep_limit() depends on, in frames.
struct KeepInputs {
  static constexpr uint64_t kByUse = ~uint64_t{0}, kNotBounded = ~uint64_t{0};

  uint64_t in_use = 0;
  uint64_t wanted = 0;               // frames that were lately freed and claimed again: RecentDemand
  bool huge = false;                 // dense use is backed by huge pages
  uint64_t least = 0;                // keep at least so many
  uint64_t fixed = kByUse;           // keep so many instead of the number that follows from use
  uint64_t available = kNotBounded;  // frames that ordinary requests may still claim, if memory is charged to the zone
};

namespace keep {

constexpr uint64_t frames_of_mib(uint64_t mib) { return (mib << 20) >> kPageShift; }

/// The lowest limit, however little is in use.
inline constexpr uint64_t kFloor = frames_of_mib(2);
/// At most so many of the lately reused frames are kept: three times the frames in use, plus 8 MiB.  A program that has freed
/// everything thus keeps at most 8 MiB.
inline constexpr uint64_t kDemandTimesUse = 3, kDemandBeyondUse = frames_of_mib(8);
/// From so much dense use on, its fresh blocks are backed by huge pages. The unused end of the last one is wasted: usually a
/// quarter of the dense use at this threshold, and a smaller share as it grows.
inline constexpr uint64_t kHugeFrom = frames_of_mib(4);
/// From so much dense use on, its fresh frames are made resident together, at most a 16th of it at a time.
inline constexpr uint64_t kPopulateFrom = frames_of_mib(1), kPopulateShare = 16;

constexpr uint64_t least_of(uint64_t a, uint64_t b) { return a < b ? a : b; }
constexpr uint64_t most_of(uint64_t a, uint64_t b) { return a > b ? a : b; }

/// The keep limit: a quarter of the frames in use, at least 2 MiB; or, if that is more, as many as were lately reused, up to
/// three times the frames in use plus 8 MiB. So the limit falls with use.
constexpr uint64_t limit(const KeepInputs& in) {
  // The block that was begun last is completely resident.
  const uint64_t begun = in.huge && in.in_use >= kHugeFrom ? kBlockFrames : 0;
  const uint64_t by_use = most_of(in.in_use / 4, kFloor) + begun;
  const uint64_t by_demand = least_of(in.wanted + in.wanted / 8, kDemandTimesUse * in.in_use + kDemandBeyondUse);
  const uint64_t keep = in.fixed == KeepInputs::kByUse ? most_of(by_use, by_demand) : in.fixed;
  // Memory that is charged to the zone must not also be resident as free frames.
  return least_of(most_of(keep, in.least), in.available);
}

/// How many fresh frames of dense use are made resident in one step.
constexpr uint64_t populated_step(uint64_t dense) { return dense < kPopulateFrom ? 0 : dense / kPopulateShare; }

/// Above the limit, frames are given to the host until so many are left, an eighth below the limit, so that the next frees do
/// not exceed it at once.
constexpr uint64_t target(uint64_t limit) { return limit - limit / 8; }

/// Is it worth while to search partly used blocks for runs of dirty frames? Yes if far too many frames are dirty. Otherwise not
/// until a quarter of the limit has come on top of the `left` dirty frames that the last search could not give back.
constexpr bool search_parts(uint64_t dirty, uint64_t keep, uint64_t left) {
  return dirty > keep + keep / 2 || (dirty > keep && (dirty < left || dirty - left > keep / 4));
}

/// After the host refused some of `refused_at` dirty frames (0: it did not), is it worth while to ask for `dirty` ones?  So the
/// cost of being refused is a constant part of the cost of freeing.
constexpr bool ask_again(uint64_t dirty, uint64_t refused_at) {
  return !refused_at || dirty > refused_at + refused_at / 4 || dirty < refused_at / 2;
}

}  // namespace keep

/// How far use lately rose again after a fall: so many freed frames were worth keeping. A rise above the earlier peak does not
/// count, because it needed fresh memory. Frames that were given to the host and claimed again count in addition: other free
/// frames did not fit the request. These are estimates: updates may be lost.
///
/// Time is divided into windows of 0.4 s: ten times the period of a program that renders pages. Peak and low are those of this
/// window and the last. A window's rise counts in full until the next one ends, and is halved after each later one: so for a
/// program whose period is shorter than a window the whole rise counts.
class RecentDemand {
 public:
  static constexpr uint64_t kWindowNs = 400'000'000;

  /// nr frames were claimed, `clean` of them clean, and in_use are in use now.
  void note_claimed(uint64_t in_use, uint64_t nr, uint64_t clean) {
    note_rise(in_use, nr);
    const uint64_t again = keep::least_of(clean, missed_.peek());
    if (KMEM_LIKELY(!again)) return;
    missed_.poke(missed_.peek() - again);
    seen_.poke(seen_.peek() + again);
  }
  void note_returned(uint64_t nr) { missed_.poke(missed_.peek() + nr); }
  /// After frames were freed.
  void advance(uint64_t in_use, uint64_t now_ns) {
    const uint64_t windows = (now_ns - window_start_.peek()) / kWindowNs;
    if (!windows) return;
    wanted_.poke(keep::most_of(halved(seen_.peek(), windows - 1), halved(wanted_.peek(), windows)));
    seen_.poke(0);
    low_.advance(in_use);
    peak_.advance(in_use);
    window_start_.poke(now_ns);
  }
  uint64_t wanted() const { return keep::most_of(seen_.peek(), wanted_.peek()); }

 private:
  void note_rise(uint64_t in_use, uint64_t nr) {
    const uint64_t before = in_use > nr ? in_use - nr : 0;
    if (before < low_.now.peek()) low_.now.poke(before);
    const uint64_t low = keep::least_of(low_.now.peek(), low_.last.peek());
    const uint64_t peak = keep::most_of(peak_.now.peek(), peak_.last.peek());
    const uint64_t reached = keep::least_of(in_use, peak);
    if (reached > low + seen_.peek()) seen_.poke(reached - low);
    if (in_use > peak) low_.set(in_use);  // a rise above the peak: the next rise is measured from here
    if (in_use > peak_.now.peek()) peak_.now.poke(in_use);
  }
  static uint64_t halved(uint64_t nr, uint64_t times) { return times < 32 ? nr >> times : 0; }

  /// An extreme of the frames in use, in this window and in the last.
  struct Extreme {
    Atomic<uint64_t> now{0}, last{0};
    void set(uint64_t nr) { now.poke(nr), last.poke(nr); }
    void advance(uint64_t nr) { last.poke(now.peek()), now.poke(nr); }
  };
  Extreme low_, peak_;
  Atomic<uint64_t> missed_{0};  // frames given to the host and not claimed since
  Atomic<uint64_t> seen_{0};    // the rise in this window
  Atomic<uint64_t> wanted_{0};  // that of earlier windows
  Atomic<uint64_t> window_start_{0};
};

}  // namespace kmem
