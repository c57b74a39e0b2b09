#pragma once
// The lock under spinlock_t and struct mutex: for users of kmem only, who may hold it as long as they like.  What a handler
// may call in the core takes none (docs/locking.md).

#include "base/atomic.h"
#include "port/port.h"
#include "port/task.h"

namespace kmem {

/// Laid over the caller's 16 bytes, which are zero at first.
///
/// The word is 0 free, 1 held, 2 held and perhaps waited for: whoever unlocks a 2 wakes one, and whoever has waited leaves
/// a 2 behind (Drepper: Futexes are tricky, 2011).
class WaitingLock {
 public:
  bool try_lock() {
    uint32_t free = 0;
    if (!word_.compare_exchange(free, 1)) return false;
    owner_.poke(kmem_port_task());
    return true;
  }
  /// Waits, after a moment of looking: the holder may have lost its CPU.
  void lock() {
    for (unsigned i = 0; i < kLooks; ++i)
      if (!word_.peek() && try_lock()) return;
    while (word_.exchange(2)) kmem_port_wait(reinterpret_cast<const uint32_t*>(&word_), 2, kForever);
    owner_.poke(kmem_port_task());
  }
  void unlock() {
    owner_.poke(nullptr);
    if (word_.exchange(0) == 2) kmem_port_wake(reinterpret_cast<const uint32_t*>(&word_), 1);
  }
  bool is_mine() const { return word_.peek() && owner_.peek() == kmem_port_task(); }
  const void* owner() const { return owner_.peek(); }

 private:
  static constexpr unsigned kLooks = 64;

  Atomic<uint32_t> word_;
  [[maybe_unused]] uint32_t spare_ = 0;
  Atomic<const void*> owner_;
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
