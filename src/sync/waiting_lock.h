#pragma once
// Locks that tasks sleep on. Functions of the core that a signal handler may call wait for none of them
// (docs/locking.md).

#include "base/attributes.h"
#include "port/task.h"
#include "sync/wait_word.h"

namespace kmem {

/// Laid over the caller's 16 bytes, which are zero at first, where it is spinlock_t or struct mutex.
///
/// The word names the holder, with the bit kWanted if a task may sleep on it: unlocking such a word wakes one task, and
/// a task that has slept sets the bit again (after Drepper: Futexes are tricky, 2011). Lock and name are one word, so
/// that an interrupt on top of the holder always finds its own task's name.
class WaitingLock {
 public:
  bool try_lock() {
    uint64_t unlocked = 0;
    return word_.compare_exchange(unlocked, me());
  }
  /// Tries for a moment, then sleeps, because the holder may have lost its CPU.
  void lock() {
    for (unsigned i = 0; i < kLooks; ++i)
      if (!word_.peek() && try_lock()) return;
    lock_slowly();
  }
  void unlock() {
    if (word_.exchange(0) & kWanted) word_.wake_one();
  }
  bool is_mine() const { return owner() == kmem_port_task(); }
  const void* owner() const { return reinterpret_cast<const void*>(word_.peek() & ~kWanted); }
  /// In the child of a fork: frees the lock, whichever thread held it.
  void free_in_child() { word_.poke(0); }

 private:
  static constexpr unsigned kLooks = 64;
  static constexpr uint64_t kWanted = 1;

  static uint64_t me() { return reinterpret_cast<uintptr_t>(kmem_port_task()); }
  KMEM_NOINLINE void lock_slowly() {
    for (uint64_t seen = word_.load();;) {
      if (!seen) {
        if (word_.compare_exchange(seen, me() | kWanted)) return;
        continue;
      }
      if (!(seen & kWanted) && !word_.compare_exchange(seen, seen | kWanted)) continue;
      word_.wait(seen | kWanted);
      seen = word_.load();
    }
  }

  WaitWord<uint64_t> word_{0};
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
  /// False: there was no reader, or no writer.
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
    if (seen) word_.wait(seen);
    waiters_.fetch_sub(1);
  }
  void wake() {
    if (waiters_.load()) word_.wake_all();
  }

  WaitWord<uint32_t> word_;
  Atomic<uint32_t> waiters_;
};

}  // namespace kmem
