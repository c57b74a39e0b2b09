#pragma once
// Locks that their waiters sleep on.  What a handler may call in the core waits for none (docs/locking.md).

#include "base/atomic.h"
#include "base/attributes.h"
#include "port/port.h"
#include "port/task.h"

namespace kmem {

/// Laid over the caller's 16 bytes, which are zero at first, where it is spinlock_t or struct mutex.
///
/// The word is the holder's name, with kWanted where somebody may sleep: whoever unlocks that wakes one, and whoever has
/// slept leaves it behind (after Drepper: Futexes are tricky, 2011).  Lock and name are one word, so that an interrupt finds
/// its own task's name from the first moment on that it has come over the holder.
class WaitingLock {
 public:
  bool try_lock() {
    uint64_t nobody = 0;
    return word_.compare_exchange(nobody, me());
  }
  /// Waits, after a moment of looking: the holder may have lost its CPU.
  void lock() {
    for (unsigned i = 0; i < kLooks; ++i)
      if (!word_.peek() && try_lock()) return;
    lock_slowly();
  }
  void unlock() {
    if (word_.exchange(0) & kWanted) kmem_port_wake(low_half(), 1);
  }
  bool is_mine() const { return owner() == kmem_port_task(); }
  const void* owner() const { return reinterpret_cast<const void*>(word_.peek() & ~kWanted); }
  /// In the child of a fork, whoever had it.
  void free_in_child() { word_.poke(0); }

 private:
  static constexpr unsigned kLooks = 64;
  static constexpr uint64_t kWanted = 1;

  static uint64_t me() { return reinterpret_cast<uintptr_t>(kmem_port_task()); }
  const uint32_t* low_half() const {
    return reinterpret_cast<const uint32_t*>(&word_) + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 1);
  }
  KMEM_NOINLINE void lock_slowly() {
    for (uint64_t seen = word_.load();;) {
      if (!seen) {
        if (word_.compare_exchange(seen, me() | kWanted)) return;
        continue;
      }
      if (!(seen & kWanted) && !word_.compare_exchange(seen, seen | kWanted)) continue;
      kmem_port_wait(low_half(), static_cast<uint32_t>(seen | kWanted), kForever);
      seen = word_.load();
    }
  }

  Atomic<uint64_t> word_{0};
  [[maybe_unused]] uint64_t spare_ = 0;
};

/// The same for readers and one writer, over 8 bytes.
class WaitingRwLock {
 public:
  bool try_read() {
    uint32_t seen = word_.load();
    while (seen < kWriter - 1)
      if (word_.compare_exchange(seen, seen + 1)) return true;
    return false;
  }
  bool try_write() {
    uint32_t free = 0;
    return word_.compare_exchange(free, kWriter);
  }
  void read() {
    while (!try_read()) wait();
  }
  void write() {
    while (!try_write()) wait();
  }
  /// False: nobody reads, or writes.
  bool end_read() {
    uint32_t seen = word_.load();
    do {
      if (!seen || seen == kWriter) return false;
    } while (!word_.compare_exchange(seen, seen - 1));
    if (seen == 1) wake();
    return true;
  }
  bool end_write() {
    uint32_t writer = kWriter;
    if (!word_.compare_exchange(writer, 0)) return false;
    wake();
    return true;
  }

 private:
  static constexpr uint32_t kWriter = ~uint32_t{0};

  void wait() {
    waiters_.fetch_add(1);
    const uint32_t seen = word_.load();
    if (seen) kmem_port_wait(reinterpret_cast<const uint32_t*>(&word_), seen, kForever);
    waiters_.fetch_sub(1);
  }
  void wake() {
    if (waiters_.load()) kmem_port_wake(reinterpret_cast<const uint32_t*>(&word_), ~uint32_t{0});
  }

  Atomic<uint32_t> word_;
  Atomic<uint32_t> waiters_;
};

}  // namespace kmem
