#pragma once
// Statistics: counters that do not influence any decision.

#include "base/types.h"

namespace kmem {

/// A relaxed counter: it orders nothing, and two counters read one after the other need not be consistent.
class Counter {
 public:
  constexpr Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void add(uint64_t n = 1) { __atomic_fetch_add(&value_, n, __ATOMIC_RELAXED); }
  void sub(uint64_t n = 1) { __atomic_fetch_sub(&value_, n, __ATOMIC_RELAXED); }
  /// For a counter that one thread writes: no locked instruction.  A signal handler that counts the same word may
  /// lose what it added.
  void add_alone(uint64_t n = 1) { __atomic_store_n(&value_, value() + n, __ATOMIC_RELAXED); }
  /// Keeps the highest value seen.
  void raise_to(uint64_t n) {
    uint64_t seen = value();
    while (seen < n && !__atomic_compare_exchange_n(&value_, &seen, n, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
  }
  uint64_t value() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  /// Resets it to zero; returns the old value.
  uint64_t take() { return __atomic_exchange_n(&value_, 0, __ATOMIC_RELAXED); }

 private:
  uint64_t value_ = 0;
};

}  // namespace kmem
