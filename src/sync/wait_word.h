#pragma once
// A word that tasks sleep on: a futex.

#include "base/atomic.h"
#include "port/port.h"

namespace kmem {

/// An atomic word with a queue of tasks that sleep until it changes. The thread that changes it wakes them. Of a 64-bit
/// word the low 32 bits count.  wait() is for tasks; the rest may be called in any context.
template <typename T>
class WaitWord : public Atomic<T> {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);

 public:
  using Atomic<T>::Atomic;

  /// Sleeps until a wake-up, the deadline, or, at once, because the word is not `expected`.  It may also return for no
  /// reason: look again.
  void wait(T expected, uint64_t deadline_ns = kForever) const {
    kmem_port_wait(low_half(), static_cast<uint32_t>(expected), deadline_ns);
  }
  /// The same for at most `ns` from now on.
  void wait_for(T expected, uint64_t ns) const { wait(expected, kmem_port_now_ns() + ns); }
  void wake_one() const { kmem_port_wake(low_half(), 1); }
  void wake_all() const { kmem_port_wake(low_half(), ~uint32_t{0} >> 1); }

  /// Stores, then wakes one task.  The word may be gone as soon as its sleeper sees the value: only its address is used
  /// after the store, and waking an address on which no task sleeps is harmless.
  void store_and_wake_one(T value) {
    const uint32_t* const word = low_half();
    this->store(value);
    kmem_port_wake(word, 1);
  }

 private:
  const uint32_t* low_half() const {
    constexpr unsigned kLow = sizeof(T) == 8 && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return reinterpret_cast<const uint32_t*>(this) + kLow;
  }
};

/// Sleeps until the clock reaches that time, or a little less. Task context.
inline void sleep_until(uint64_t deadline_ns) { WaitWord<uint32_t>{}.wait(0, deadline_ns); }

}  // namespace kmem
