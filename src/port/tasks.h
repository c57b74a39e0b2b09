#pragma once
// Facet tasks: CPUs, time, waiting, interrupts, and the threads and forks of a host that has them.  What the core keeps for
// each task is in port/task.h.

#include "base/types.h"

namespace kmem {
inline constexpr uint64_t kForever = ~uint64_t{0};
/// Which CPUs of the host.
enum class HostCpus : uint8_t { All, Online };
/// What kmem_port_fence_cpus() may do.
enum class Fence : uint8_t {
  Unasked,  // succeed only if no system call is needed that a sandbox may forbid
  Asked,    // it may make the host interrupt the other CPUs
  Later,    // no fence now: returns whether the host can be asked from now on
};
}  // namespace kmem

extern "C" {

/// Nanoseconds on a clock that does not go back.
uint64_t kmem_port_now_ns(void);
/// The same clock, up to some milliseconds late: costs almost nothing.
uint64_t kmem_port_tick_ns(void);
/// Random bits for seeds; may be weak early.
uint64_t kmem_port_entropy(void);
/// Writes CPUs of the host into `mask`: one bit for each CPU, in `words` words
/// of 64 bits. False if the host cannot say.
bool kmem_port_cpus(kmem::HostCpus which, uint64_t* mask, unsigned words);
/// Binds this task, and the tasks that it starts from now on, to the first `nr` of the CPUs that it may run on; the
/// others are not online any more. Returns the number of CPUs, 0 if the host refuses. At boot only.
uint32_t kmem_port_keep_to_cpus(uint32_t nr);
/// Waits until every restartable sequence that ran on any CPU when this was called has ended or will restart.
/// False if the host has no fence, or if it needs a system call that `fence` does not allow.
bool kmem_port_fence_cpus(kmem::Fence fence);
/// Sleeps until another task wakes the word, or the word is not `expected`, or the clock reaches `deadline_ns`
/// (kForever: never). It may also return for no reason, so the caller must check again. Task context only.
void kmem_port_wait(const uint32_t* word, uint32_t expected, uint64_t deadline_ns);
/// Wakes up to `most` tasks that wait on the word, in the order in which they came as far as the host keeps it.
void kmem_port_wake(const uint32_t* word, uint32_t most);
/// Lets other tasks that are ready run on this CPU before the caller goes on. Task context only.
void kmem_port_yield(void);
/// Does the caller run in an interrupt: a signal handler, on any stack? Detected, not declared, so it takes
/// microseconds. Callers that are about to sleep or to report a context use it.
bool kmem_port_in_interrupt(void);
/// Blocks interrupts of this task: the signals that a handler could run for, but not those that an instruction raises.
/// The result is for kmem_port_irq_restore(), which unblocks them and first delivers those that arrived meanwhile.
uint64_t kmem_port_irq_save(void);
void kmem_port_irq_restore(uint64_t flags);
/// Starts a thread of kmem, which takes no signals and runs body(argument) to its end. False if the host cannot. Task
/// context, not before the host's own initialisation is over.
bool kmem_port_spawn(void (*body)(void*), void* argument);
/// The number of the calling process: another number in the child of a fork. 1 on a machine without processes.
uint32_t kmem_port_process_id(void);
/// The number of the calling task, which in a process with one task is the process number, and its name.
uint32_t kmem_port_task_id(void);
size_t kmem_port_task_name(char* out, size_t bytes);
/// Registers functions that run before every fork, and after it in the parent and in the child. Called once, when kmem
/// has booted; not in interrupts.
void kmem_port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));
}
