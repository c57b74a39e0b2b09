// Interrupts of a process: signal handlers.  Blocking them, and detecting whether one runs.
//
// A handler returns to a few instructions of libc, the restorer, which ask the kernel to go back to what was interrupted.
// So above the handler's own frames lies the restorer's address, and behind it the state that the kernel saved: a ucontext. The
// stack is searched for that address from our frame upwards, and then the words behind it are checked.
//
// A handler that has returned leaves the same words behind, below the stack pointer, where a later function may have its
// uninitialised variables. The signal mask distinguishes the two: while a handler runs, at least its own signal is blocked,
// which was not blocked in the saved mask. For handlers installed with SA_NODEFER that does not hold; if there are any, the
// frame is taken as valid. A handler that unblocks its own signal is not detected.
//
// If no such frame is found, which is the usual case, futex is the only system call.

#include "port/port.h"

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "base/attributes.h"
#include "base/types.h"
#include "linux_port.h"

namespace linux_port {
namespace {

constexpr int kLastSignal = 64;
constexpr size_t kMaskBytes = kLastSignal / 8;
constexpr uint64_t bit_of(int signal) { return uint64_t{1} << (signal - 1); }
constexpr uint64_t kRaisedByInstructions =
    bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGFPE) | bit_of(SIGILL) | bit_of(SIGTRAP) | bit_of(SIGSYS);

/// The kernel's form of struct sigaction.
struct KernelAction {
  void* handler;
  unsigned long flags;
  void* restorer;
  uint64_t mask;
};
bool read_action(int signal, KernelAction& action) {
  return syscall(SYS_rt_sigaction, signal, nullptr, &action, kMaskBytes) == 0;
}
[[maybe_unused]] bool has_handler(const KernelAction& action) {
  return action.handler != reinterpret_cast<void*>(SIG_DFL) && action.handler != reinterpret_cast<void*>(SIG_IGN);
}

[[maybe_unused]] uint64_t restorer = 0;

#if defined(__x86_64__)
/// The kernel's layout, from the restorer's address up. The signal's own data and the vector registers follow, less than kMost
/// bytes.
struct Frame {
  uint64_t restorer;
  uint64_t flags, link;
  stack_t stack;
  uint64_t registers[23];
  uint64_t vectors;
  uint64_t reserved[8];
  uint64_t mask;
};
static_assert(offsetof(Frame, registers) - 8 == offsetof(ucontext_t, uc_mcontext) &&
              offsetof(Frame, vectors) - 8 == offsetof(ucontext_t, uc_mcontext.fpregs) &&
              offsetof(Frame, mask) - 8 == offsetof(ucontext_t, uc_sigmask));
constexpr uint64_t kMost = 64 << 10;

bool is_plausible(const Frame& frame, uint64_t at) {
  constexpr uint64_t kUserCode = 0x33, kUserStack = 0x2b, kUserEnd = uint64_t{1} << 57;
  const uint64_t selectors = frame.registers[REG_CSGSFS], stack = selectors >> 48;
  if (frame.flags > 7 || frame.link || (selectors & 0xffff) != kUserCode || (stack && stack != kUserStack)) return false;
  if (!frame.registers[REG_RIP] || frame.registers[REG_RIP] >= kUserEnd || frame.registers[REG_RSP] >= kUserEnd) return false;
  return !frame.vectors || (frame.vectors > at && frame.vectors < at + kMost);
}

/// The signals that are blocked now; all if the host does not tell, to err on the side of detecting a handler.
uint64_t blocked_signals() {
  uint64_t mask = 0;
  return syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, kMaskBytes) == 0 ? mask : ~uint64_t{0};
}

/// Does any handler use SA_NODEFER? Only asynchronous signals are checked here: runtimes often install such handlers for
/// signals raised by instructions, but on an alternate stack, where they are detected otherwise.
bool some_handler_defers_nothing() {
  KernelAction action;
  for (int signal = 1; signal <= kLastSignal; ++signal)
    if (!(bit_of(signal) & kRaisedByInstructions) && read_action(signal, action) && has_handler(action) &&
        (action.flags & SA_NODEFER))
      return true;
  return false;
}

/// Do the frame and the current function lie on the alternate stack that the frame describes? Then a handler is running.
bool on_alternate_stack(const Frame& frame, uint64_t at) {
  const auto start = reinterpret_cast<uint64_t>(frame.stack.ss_sp);
  const auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return at - start < frame.stack.ss_size && here - start < frame.stack.ss_size;
}

bool is_running(const Frame& frame, uint64_t at) {
  return on_alternate_stack(frame, at) || (blocked_signals() & ~frame.mask) || some_handler_defers_nothing();
}

bool frame_at(uint64_t at) {
  Frame frame;
  StackReader stack;
  return stack.read(at, &frame, sizeof frame) == sizeof frame && frame.restorer == restorer && is_plausible(frame, at) &&
         is_running(frame, at);
}

/// How much of the stack is searched.
constexpr uint64_t kLookedAt = 64 << 10;

/// A thread's stack ends below its thread control block, the main thread's at an unmapped page. The search reads the callers'
/// variables, so without sanitizers.
__attribute__((no_sanitize("address", "thread"))) KMEM_NOINLINE bool frame_above(uint64_t at) {
  const auto thread = reinterpret_cast<uint64_t>(__builtin_thread_pointer());
  const uint64_t most = at + kLookedAt, end = thread > at && thread < most ? thread : most;
  for (bool first = true; at < end; first = false) {
    const uint64_t next = (at | (kmem::kPageSize - 1)) + 1;
    if (!first && !is_readable(at)) return false;
    for (const uint64_t stop = next < end ? next : end; at < stop; at += sizeof(uint64_t))
      if (*reinterpret_cast<const volatile uint64_t*>(at) == restorer && frame_at(at)) return true;
  }
  return false;
}
#else
KMEM_NOINLINE bool frame_above(uint64_t) { return false; }
#endif

void nothing(int) {}

}  // namespace

// libc does not reveal its restorer, so a handler is installed for an unused signal, and read back from the kernel. During that
// moment such a signal would be lost.
void find_restorer() {
  const KeepErrno keep;
  for (int signal = kLastSignal; signal > 34 && !restorer; --signal) {
    KernelAction action;
    if (!read_action(signal, action) || action.handler != reinterpret_cast<void*>(SIG_DFL)) continue;
    struct sigaction probe = {}, before;
    probe.sa_handler = nothing;
    if (sigaction(signal, &probe, &before)) continue;
    if (read_action(signal, action)) restorer = reinterpret_cast<uint64_t>(action.restorer);
    sigaction(signal, &before, nullptr);
  }
}

}  // namespace linux_port

extern "C" {

bool kmem_port_in_interrupt() {
  if (linux_port::under_memcheck) return false;  // it would report every word that is read
  using namespace linux_port;
  const KeepErrno keep;
  return restorer && frame_above(reinterpret_cast<uint64_t>(__builtin_frame_address(0)));
}

uint64_t kmem_port_irq_save() {
  using namespace linux_port;
  // Signals raised by an instruction cannot be delayed, and libc uses 32 and 33 between its threads.
  constexpr uint64_t kLeftOn = kRaisedByInstructions | bit_of(32) | bit_of(33);
  const uint64_t all = ~kLeftOn;
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, kMaskBytes);
  return before;
}

void kmem_port_irq_restore(uint64_t flags) {
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &flags, nullptr, linux_port::kMaskBytes);
}
}
