#pragma once
// A range of addresses that is chosen at once and reserved step by step.

#include "port/memory.h"
#include "port/window.h"

namespace kmem {

/// A part of what kmem_port_window_choose() returned, reserved from its start on.  The unreserved part does not count against
/// the process' limits. Not thread-safe: the window's lock guards it.
class GrowingRange {
 public:
  constexpr GrowingRange() = default;
  GrowingRange(char* start, uint64_t bytes) : start_(start), bytes_(bytes) {}

  char* start() const { return start_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t reserved() const { return reserved_; }
  uint64_t opened() const { return opened_; }

  /// Reserves the first `to` bytes, inaccessible. False: the host has no more addresses now.
  bool reserve(uint64_t to) {
    if (to <= reserved_) return true;
    if (to > bytes_ || !kmem_port_window_take(start_ + reserved_, to - reserved_)) return false;
    reserved_ = to;
    return true;
  }
  /// Makes the first `to` bytes usable memory, initially zero. False: the host has none now.
  bool open(uint64_t to) {
    if (to <= opened_) return true;
    if (!reserve(to) || kmem_port_online(start_ + opened_, to - opened_) != Online::Done) return false;
    opened_ = to;
    return true;
  }

 private:
  char* start_ = nullptr;
  uint64_t bytes_ = 0, reserved_ = 0, opened_ = 0;
};

}  // namespace kmem
