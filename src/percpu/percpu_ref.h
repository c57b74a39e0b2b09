#pragma once
// A reference count that costs nothing while the object lives: each CPU counts for itself, and only when the end is
// near do all count together, so that the last one is seen.

#include "percpu/copies.h"

namespace kmem {

/// What <linux/percpu-refcount.h> shows as struct percpu_ref.
///
///   mode              references are
///   ───────────────   ───────────────────────────────────────────────────────────────────────────────────────────────
///   0                 the sum of the parts and of count - kBias; nobody sees it reach zero
///   kAtomic           count, when the switch has ended; until then count is too large by kBias
///   kAtomic | kDead   the same, and the first reference has been given up
///
/// A step on a part looks at the mode within its sequence (CpuLocal::try_add_while).  So after the mode has been
/// changed and the CPUs have been fenced, no part changes any more, and they can be added up: no grace period has to be
/// waited for. Where a step cannot be had (in a section, without sequences) the count is changed, which is right in
/// every mode.
struct PercpuRef {
  static constexpr uint64_t kAtomic = 1, kDead = 2, kStaysAtomic = 4;
  static constexpr int64_t kBias = int64_t{1} << 62;
  using Release = void (*)(PercpuRef*);

  Atomic<uint64_t> mode;
  Atomic<int64_t> count;
  char* parts;  // a per-CPU variable of 8 bytes
  Release release;
  Atomic<uint32_t> switching;

  /// One reference, or none where it is dead.  Parts that are null: always atomic.
  void init(char* variable, Release last, bool atomic, bool dead);
  void get(Copies& copies, int64_t n) { change(copies, n); }
  void put(Copies& copies, int64_t n);
  /// False where there is none left.
  bool try_get(Copies& copies, int64_t n);
  bool try_get_live(Copies& copies, int64_t n);
  /// From now on no references for who asks for a live one, and all count together; who calls this puts the first one.
  /// False where it was dead already.
  bool mark_dead(Copies& copies);
  /// Lives again.
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
