#pragma once
// One task of the process boots kmem, while the others wait.

#include "base/atomic.h"
#include "port/port.h"
#include "port/task.h"
#include "watch/context.h"

namespace kmem {

/// A word: Down, Up, Failed, or the process and task that are booting. It is one word so that a handler right after the
/// exchange finds its own task, and so that a forked child sees that the booting task is its parent's and does not exist in the
/// child.
class BootClaim {
 public:
  enum Answer { IsUp, IsNot, Begin, BeginAnew };

  bool is_up() const { return word_.load() == kUp; }
  bool is_mine() const { return is_own(word_.load(), own_word()); }
  /// Begin: the caller must boot and then call finish(). BeginAnew: the same after a boot that a fork cut short. IsNot: boot
  /// has failed, or has not ended and the caller interrupted it or must not wait for it.
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
  /// Task addresses are multiples of 8 below 2^48; the other bits hold 19 bits of the process number.
  static constexpr unsigned kTaskBits = 45;

  static uint64_t task_of(uint64_t word) { return word & ((uint64_t{1} << kTaskBits) - 1); }
  static uint64_t process_of(uint64_t word) { return word >> kTaskBits; }
  static uint64_t own_word() {
    const uint64_t task = reinterpret_cast<uint64_t>(kmem_port_task()) >> 3;
    return uint64_t{kmem_port_process_id()} << kTaskBits | task_of(task);
  }
  /// Is the booting task the caller, perhaps in a child that it forked in the middle of boot? Another task of the child may
  /// have the same address; the task that forked is the one whose number is the process number.
  static bool is_own(uint64_t word, uint64_t own) {
    if (word == own) return true;
    return task_of(word) == task_of(own) && word > kFailed && kmem_port_task_id() == kmem_port_process_id();
  }

  Atomic<uint64_t> word_;
};

inline constinit BootClaim boot_claim;

}  // namespace kmem
