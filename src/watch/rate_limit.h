#pragma once
// Rate limits for reports.

#include "base/atomic.h"
#include "watch/counters.h"

namespace kmem {

/// At most `burst` times in a window; the window opens with the first one that is let through.  The defaults are the
/// kernel's: 10 in 5 seconds.  Lock-free, so an interrupt may report while it interrupted a report.
///
/// Window and count share one word, so each step of the limit is one compare-and-exchange and no race lets an eleventh through.
/// The count of suppressed reports is only a statistic.
class RateLimit {
 public:
  constexpr RateLimit() = default;
  constexpr RateLimit(unsigned burst, unsigned window_ms) : burst_(burst), window_ms_(window_ms) {}

  struct Verdict {
    bool allowed = false;
    uint64_t suppressed = 0;  // in the window that just ended; the caller that is let through reports it
  };
  Verdict ask();

 private:
  // 48 bits: milliseconds at which the window opened, plus one; 16 bits: how many were let through in it.
  static constexpr unsigned kCountBits = 16;
  static constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;

  Atomic<uint64_t> window_;
  Counter suppressed_;
  unsigned burst_ = 10;  // at most 65535
  unsigned window_ms_ = 5000;
};

/// True for the first caller only.
class Once {
 public:
  bool first() { return !done_.peek() && !done_.exchange(true); }

 private:
  Atomic<bool> done_;
};

}  // namespace kmem
