#pragma once
// Read-copy-update: readers take no lock, and writers can wait until all current readers have ended.

#include "port/cpu_stack.h"
#include "port/task.h"
#include "sync/rcu_head.h"

namespace kmem {

/// Readers count themselves in and out, in the counters of the current phase.  A grace period changes the phase twice,
/// and waits each time until as many have left the old phase as had entered it (McKenney: sleepable RCU). Twice,
/// because a reader may have read the phase just before the change and count itself just after it.
///
/// Readers are lock-free and may be interrupts. Tasks that wait for a grace period, or call poll(), advance it: there
/// is no thread for it. If another task is advancing it already, a caller leaves it to that task.
class Rcu {
 public:
  void read_lock() {
    Atomic<uint16_t>& task = kmem_port_task()->rcu;
    const uint16_t state = task.peek();
    if (state & kDepth) return task.poke(static_cast<uint16_t>(state + 1));
    const uint32_t phase = phase_.load() & 1;
    here().entered[phase].fetch_add(1);
    task.poke(static_cast<uint16_t>(phase << kPhaseShift | 1));
  }
  void read_unlock() {
    Atomic<uint16_t>& task = kmem_port_task()->rcu;
    const uint16_t state = task.peek();
    if ((state & kDepth) > 1) return task.poke(static_cast<uint16_t>(state - 1));
    task.poke(0);
    here().left[state >> kPhaseShift].fetch_add(1);
  }
  static bool is_reader() { return kmem_port_task()->rcu.peek() & kDepth; }

  /// Calls head->function(head) when all current readers have ended. Any context.
  void call(RcuHead* head, void (*function)(RcuHead*));
  /// The same for a block that begins `offset` bytes before its head, less than kFirstFunction: it is freed.
  void call_free(RcuHead* head, size_t offset) { call(head, reinterpret_cast<void (*)(RcuHead*)>(offset)); }
  void set_free(void (*free_block)(void*)) { free_block_ = free_block; }
  /// Advances the grace period as far as possible without waiting, and runs the callbacks that are due. Task context.
  void poll();
  /// Waits until all current readers have ended and all earlier callbacks have run. Task context; not by a reader, and
  /// not in a callback.
  void synchronize();
  static constexpr size_t kFirstFunction = 4096;
  /// Is this task running a callback? Then it would wait for itself.
  bool is_calling() const { return calling_.load() == reinterpret_cast<uintptr_t>(kmem_port_task()); }
  uint64_t nr_waiting() const { return nr_waiting_.peek(); }
  void after_fork();

 private:
  static constexpr unsigned kPhaseShift = 15, kDepth = kRcuDepth, kStripes = 16;
  struct alignas(kCacheLine) Stripe {
    Atomic<uint64_t> entered[2], left[2];
  };
  enum Step : uint8_t { Nothing, BeforeTurn, AfterTurn };

  Stripe& here() { return stripes_[CpuStack::where().value % kStripes]; }
  bool all_have_left(uint32_t phase) const;
  bool advance();
  void begin();
  void call_due();

  Stripe stripes_[kStripes];
  Atomic<uint32_t> phase_;
  Atomic<uint32_t> busy_;
  Atomic<RcuHead*> coming_;  // called last, first
  Atomic<uint64_t> nr_waiting_;
  Atomic<uintptr_t> calling_;  // the task that runs callbacks
  // Only the holder of busy_ writes these:
  RcuHead* due_ = nullptr;  // in the order of calls
  Step step_ = Nothing;
  void (*free_block_)(void*) = nullptr;
};

}  // namespace kmem
