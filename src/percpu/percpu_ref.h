#pragma once
// A reference count that is cheap while the object lives: each CPU counts in its own part, and only after percpu_ref_kill() do
// all use one counter, so that the last put is detected.

#include "percpu/copies.h"

namespace kmem {

/// The struct percpu_ref of <linux/percpu-refcount.h>.
///
///   mode              references are
///   ───────────────   ───────────────────────────────────────────────────────────────────────────────────────────────
///   0                 the sum of the parts and of count - kBias; reaching zero is not detected
///   kAtomic           count, when the switch has ended; until then count is too large by kBias
///   kAtomic | kDead   the same, and the first reference has been given up
///
/// A step on a part checks the mode within its sequence (CpuLocal::try_add_while). So after a change of the mode and a fence of
/// the CPUs no part changes any more, and they can be added up without a grace period. If a step is impossible (in a section,
/// or without sequences), the count is changed instead, which is correct in every mode.
struct PercpuRef {
  static constexpr uint64_t kAtomic = 1, kDead = 2, kStaysAtomic = 4;
  static constexpr int64_t kBias = int64_t{1} << 62;
  using Release = void (*)(PercpuRef*);

  Atomic<uint64_t> mode;
  Atomic<int64_t> count;
  char* parts;  // a per-CPU variable of 8 bytes
  Release release;
  WaitWord<uint32_t> switching;

  struct Begin {
    bool atomic = false;  // and stays so
    bool dead = false;    // and without a reference
  };
  /// `variable` null: always atomic.
  void init(char* variable, Release last, Begin begin);
  void get(Copies& copies, int64_t n) { change(copies, n); }
  void put(Copies& copies, int64_t n);
  /// False if no reference is left.
  bool try_get(Copies& copies, int64_t n);
  bool try_get_live(Copies& copies, int64_t n);
  /// From now on try_get_live() fails and all use one counter; the caller must then put the initial reference. False if it was
  /// dead already.
  bool mark_dead(Copies& copies);
  /// Makes it live again.
  void resurrect(Copies& copies);
  void switch_to_atomic(Copies& copies);
  void switch_to_percpu(Copies& copies);
  bool is_dead() const { return mode.load() & kDead; }
  bool is_zero() const { return (mode.load() & kAtomic) && count.load() == 0; }

 private:
  bool change_part(Copies& copies, int64_t n);
  int64_t change(Copies& copies, int64_t n) { return change_part(copies, n) ? kBias : count.fetch_add(n) + n; }
  void lock_switch();
  void unlock_switch();
  void fold(Copies& copies);
};

}  // namespace kmem
