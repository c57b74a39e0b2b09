#pragma once
// What the core remembers of each task: a thread of a process, a task of a kernel.

#include "base/atomic.h"
#include "base/types.h"

namespace kmem {

/// Bits of TaskState::flags: the kernel's PF_MEMALLOC and its scopes, with its numbers.
namespace task_flag {
inline constexpr uint32_t kMemAlloc = 0x800;      // it frees memory: watermarks do not apply to it, and it does not reclaim
inline constexpr uint32_t kNoFs = 0x40000;        // its allocations are GFP_NOFS
inline constexpr uint32_t kNoIo = 0x80000;        // its allocations are GFP_NOIO
inline constexpr uint32_t kOutOfMemory = 0x1000;  // ours: it runs an out-of-memory notifier
}  // namespace task_flag

/// The bits of TaskState::rcu that count.
inline constexpr uint16_t kRcuDepth = 0x7fff;

/// One for each task, zero when the task begins.  Written only by its own task and by interrupts on top of it, which restore
/// its values; so plain loads and stores suffice.
struct TaskState {
  /// How deep the task is in sections that must not sleep, laid out as the kernel does (include/linux/preempt.h):
  /// bits 0-7 preempt_disable() and spinlocks, 8-15 softirq, 16-19 hardirq, 20-23 NMI.
  Atomic<uint32_t> preempt_count;
  /// Scopes: the kernel's PF_MEMALLOC, PF_MEMALLOC_NOIO, PF_MEMALLOC_NOFS.
  Atomic<uint32_t> flags;
  /// Fault injection: the n-th allocation from now fails; 0 for none.
  Atomic<uint32_t> fail_nth;
  /// Fault injection: bit 0 this task is counted among those with a fail_nth, bit 1 make-it-fail, from bit 8 on the number of
  /// FaultExempt objects.
  Atomic<uint32_t> faults;
  /// Interrupts are off: not 0 between local_irq_disable() and local_irq_enable().
  Atomic<uint16_t> irqs_off;
  /// The last number that watch/context.cc drew for the task.
  Atomic<uint16_t> draws;
  /// How deep the task is in non_block_start().
  Atomic<uint32_t> non_block;
  /// What kmem_port_irq_save() answered when interrupts were switched off.
  Atomic<uint64_t> irq_flags;
  /// The pages that the task has mapped by kmap_local_page(): vmap/kmap.cc.
  Atomic<uint64_t> words[2];
  /// The per-CPU copy that the task owns (percpu/copies.cc): its number + 1, the one that it is about to take, the last one
  /// that it owned.
  Atomic<uint16_t> copy_held, copy_intent, copy_last;
  /// How deep the task is in rcu_read_lock(), in kRcuDepth, and in bit 15 the phase that it is counted in (sync/rcu.h).
  Atomic<uint16_t> rcu;
  /// When the turn began after which the task should let others run (need_resched()), by kmem_port_now_ns(); 0: need_resched()
  /// was not called since the task slept.
  Atomic<uint64_t> turn_began;
};
static_assert(sizeof(TaskState) == 64, "ports reserve static thread storage for it");

}  // namespace kmem

/// The state of the task that calls, or that an interrupt interrupted.  Never null; any context.
extern "C" kmem::TaskState* kmem_port_task(void);
