#pragma once
// A yardstick: frames by order as kernels have kept them for decades, free lists of buddies under one lock, with a
// descriptor of one cache line for each frame.  No per-CPU lists: those are what the comparison is about.

#include <sched.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace kmem::bench {

/// Spins, and lets others run when that takes long: the holder may have lost its CPU.
class SpinLock {
 public:
  void lock() {
    for (unsigned spins = 1; held_.exchange(true, std::memory_order_acquire); ++spins) {
      while (held_.load(std::memory_order_relaxed)) {
        if (spins++ % 128 == 0) sched_yield();
        __builtin_ia32_pause();
      }
    }
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  alignas(64) std::atomic<bool> held_{false};
};

/// Invariants while nobody holds the lock:
///   B1  a free block of order k lies at a multiple of 2^k frames, on the list of its order, and nowhere else
///   B2  two free buddies of the same order do not exist: they were merged
class LockedBuddy {
 public:
  static constexpr unsigned kOrders = 11;
  struct alignas(64) Frame {
    Frame* next = nullptr;
    Frame* prev = nullptr;
    uint8_t order = 0;
    bool free = false;
  };

  /// A number of frames that is rounded down to a multiple of the largest block.  All are free.
  explicit LockedBuddy(uint64_t nr_frames) : frames_(nr_frames & ~uint64_t{kLargest - 1}) {
    for (Frame& list : lists_) list.next = list.prev = &list;
    for (uint64_t i = frames_.size(); i; i -= kLargest) link(frames_[i - kLargest], kOrders - 1);
  }
  LockedBuddy(const LockedBuddy&) = delete;

  /// 2^order frames, or null.
  Frame* alloc(unsigned order) {
    const std::lock_guard guard(lock_);
    unsigned from = order;
    while (from < kOrders && lists_[from].next == &lists_[from]) ++from;
    if (from == kOrders) return nullptr;
    Frame& block = *lists_[from].next;
    unlink(block);
    while (from > order) {  // the lower half is the caller's, the upper stays
      --from;
      link(*(&block + (uint64_t{1} << from)), from);
    }
    block.order = static_cast<uint8_t>(order);
    return &block;
  }

  void free(Frame* block, unsigned order) {
    const std::lock_guard guard(lock_);
    uint64_t at = static_cast<uint64_t>(block - frames_.data());
    for (; order + 1 < kOrders; ++order) {
      Frame& buddy = frames_[at ^ (uint64_t{1} << order)];
      if (!buddy.free || buddy.order != order) break;
      unlink(buddy);
      at &= ~(uint64_t{1} << order);
    }
    link(frames_[at], order);
  }

 private:
  static constexpr uint64_t kLargest = uint64_t{1} << (kOrders - 1);

  void link(Frame& block, unsigned order) {
    Frame& list = lists_[order];
    block.order = static_cast<uint8_t>(order);
    block.free = true;
    block.prev = &list;
    block.next = list.next;
    list.next->prev = &block;
    list.next = &block;
  }
  static void unlink(Frame& block) {
    block.free = false;
    block.prev->next = block.next;
    block.next->prev = block.prev;
  }

  SpinLock lock_;
  std::array<Frame, kOrders> lists_;
  std::vector<Frame> frames_;
};

}  // namespace kmem::bench
