#pragma once
// Read-copy-update: readers who hold nobody up, and a way to wait until all of them have gone on.

#include "port/cpu_stack.h"
#include "port/port.h"
#include "port/task.h"

namespace kmem {

/// What waits for a grace period, in the memory that it will free.  As the kernel's struct callback_head.
struct RcuHead {
  RcuHead* next;
  void (*function)(RcuHead* head);
};

/// Readers count themselves in and out, in the counters of the current phase.  A grace period turns the phase twice,
/// and waits each time until as many have left the old phase as had entered it (McKenney: sleepable RCU).  Twice,
/// because a reader may have read the phase just before it turned and count itself in just after.
///
/// Readers are lock-free and may be interrupts.  Grace periods are driven by whoever waits for one, or calls poll():
/// there is no thread of our own.  Whoever finds somebody at it leaves it to them.
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

  /// Calls head->function(head) when all who read now have gone on.  Any context.
  void call(RcuHead* head, void (*function)(RcuHead*));
  /// The same for a block that begins `offset` bytes before its head, less than kFirstFunction: it is freed.
  void call_free(RcuHead* head, size_t offset) { call(head, reinterpret_cast<void (*)(RcuHead*)>(offset)); }
  void set_free(void (*free_block)(void*)) { free_block_ = free_block; }
  /// Goes on with the grace period as far as nobody is to be waited for, and calls what is due.  Task context.
  void poll();
  /// Waits until all who read now have gone on, and all that was call()ed before has been called.  Task context; not by
  /// a reader, and not by what is called.
  void synchronize();
  static constexpr size_t kFirstFunction = 4096;
  uint64_t nr_waiting() const { return nr_waiting_.peek(); }
  void after_fork();

 private:
  static constexpr unsigned kPhaseShift = 15, kDepth = (1u << kPhaseShift) - 1, kStripes = 16;
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
  // Whoever has busy_ writes these:
  RcuHead* due_ = nullptr;  // in the order of calls
  Step step_ = Nothing;
  void (*free_block_)(void*) = nullptr;
};

}  // namespace kmem
