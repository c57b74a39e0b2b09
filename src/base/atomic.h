#pragma once
// Atomic words.  std::atomic is not freestanding in practice (libstdc++ 12's <atomic> needs <string>),
// and here the sim port can intervene at each step of an algorithm.

#include "base/attributes.h"
#include "base/types.h"

#ifdef KMEM_SIM
/// A point at which the sim port may switch tasks or deliver an interrupt.
extern "C" void kmem_sim_step();
#define KMEM_STEP() kmem_sim_step()
#else
#define KMEM_STEP() (void)0
#endif

namespace kmem {

/// Shows the alignment of a member.
template <typename T>
struct Probe {
  char before;
  T value;
};

/// One word that several CPUs, and interrupts, change at once.  A call may name the memory order; the defaults are acquire for
/// loads, release for stores, both for read-modify-write.
template <typename T>
class Atomic {
 public:
  constexpr Atomic() = default;
  constexpr explicit Atomic(T value) : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load() const {
    KMEM_STEP();
    return __atomic_load_n(&value_, __ATOMIC_ACQUIRE);
  }
  /// A relaxed load: for hints, statistics, and words that one owner writes.
  T peek() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  void store(T value) {
    KMEM_STEP();
    __atomic_store_n(&value_, value, __ATOMIC_RELEASE);
  }
  void poke(T value) { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }
  T exchange(T value) {
    KMEM_STEP();
    return __atomic_exchange_n(&value_, value, __ATOMIC_ACQ_REL);
  }
  /// On failure `expected` becomes the value that the word has.
  bool compare_exchange(T& expected, T desired) {
    KMEM_STEP();
    return __atomic_compare_exchange_n(&value_, &expected, desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  }
  T fetch_add(T n) {
    KMEM_STEP();
    return __atomic_fetch_add(&value_, n, __ATOMIC_ACQ_REL);
  }
  T fetch_sub(T n) {
    KMEM_STEP();
    return __atomic_fetch_sub(&value_, n, __ATOMIC_ACQ_REL);
  }
  T fetch_or(T bits) {
    KMEM_STEP();
    return __atomic_fetch_or(&value_, bits, __ATOMIC_ACQ_REL);
  }
  T fetch_and(T bits) {
    KMEM_STEP();
    return __atomic_fetch_and(&value_, bits, __ATOMIC_ACQ_REL);
  }

 private:
  static_assert(sizeof(T) < 8 || offsetof(Probe<T>, value) == 8, "32-bit processors: compile with -malign-double");
  T value_{};
};

}  // namespace kmem
