#pragma once
// Who brings kmem up: one task of the process, while the others wait for it.

#include "base/atomic.h"
#include "port/port.h"
#include "port/task.h"
#include "watch/context.h"

namespace kmem {

/// One word: Down, Up, Failed, or the process and the task that are at it.  In one word, so that a handler which comes right
/// behind the exchange finds its own task, and the child of a fork finds that whoever was at it is its parent's, and will
/// not go on.
class BootClaim {
 public:
  enum Answer { IsUp, IsNot, Begin, BeginAnew };

  bool is_up() const { return word_.load() == kUp; }
  bool is_mine() const { return is_own(word_.load(), own_word()); }
  /// Begin: boot is the caller's, and finish() follows.  BeginAnew: the same after a boot that a fork cut short.  IsNot:
  /// there will be no kmem, or not yet: the caller interrupted the boot, or must not wait for it.
  Answer claim() {
    for (uint64_t seen = word_.load();;) {
      if (seen == kUp || seen == kFailed) return seen == kUp ? IsUp : IsNot;
      const uint64_t own = own_word();
      if (is_own(seen, own)) return IsNot;
      if (seen == kDown || process_of(seen) != process_of(own)) {
        const bool first = seen == kDown;
        if (word_.compare_exchange(seen, own)) return first ? Begin : BeginAnew;
      } else {
        if (declared_atomic()) return IsNot;
        seen = word_.load();
      }
    }
  }
  void finish(bool up) { word_.store(up ? kUp : kFailed); }
  void reset() { word_.poke(kDown); }

 private:
  static constexpr uint64_t kDown = 0, kUp = 1, kFailed = 2;
  /// Tasks have addresses below 2^48, at multiples of 8; what is left has room for 19 bits of the process' number.
  static constexpr unsigned kTaskBits = 45;

  static uint64_t task_of(uint64_t word) { return word & ((uint64_t{1} << kTaskBits) - 1); }
  static uint64_t process_of(uint64_t word) { return word >> kTaskBits; }
  static uint64_t own_word() {
    const uint64_t task = reinterpret_cast<uint64_t>(kmem_port_task()) >> 3;
    return uint64_t{kmem_port_process_id()} << kTaskBits | task_of(task);
  }
  /// The task itself, also in a child that it forked in the middle of boot.  Another task of such a child may stand where
  /// its parent's stood: the one that forked has the process' number.
  static bool is_own(uint64_t word, uint64_t own) {
    if (word == own) return true;
    return task_of(word) == task_of(own) && word > kFailed && kmem_port_task_id() == kmem_port_process_id();
  }

  Atomic<uint64_t> word_;
};

}  // namespace kmem
