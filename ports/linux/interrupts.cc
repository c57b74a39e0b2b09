// Interrupts of a process: signal handlers.  Keeping them off, and finding out whether one runs.
//
// A handler returns to a few instructions of libc, the restorer, which ask the kernel to go back to what was interrupted.
// So above the handler's own frames lies the restorer's address, and behind it what the kernel saved: a ucontext.  We look
// for that address from our frame upwards, and then at what lies behind it.
//
// A handler that has returned leaves the same things behind, below the stack pointer, and a later function may have its
// uninitialised variables there.  What tells them apart is the signal mask: while a handler runs, its signal at least is
// blocked that was not when it came; unless it was installed with SA_NODEFER, and then we believe what we found.  A handler
// that unblocks its own signal by itself is not seen.

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

/// As the kernel takes it.
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
/// From the restorer's address up, as the kernel lays it out.  Behind it follow the signal's own data and the vector
/// registers, less than kMost bytes of them.
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

uint64_t blocked_signals() {
  uint64_t mask = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, kMaskBytes);
  return mask;
}

/// Of the signals that come from outside: those that an instruction raises are often installed so, by runtimes that have
/// an alternate stack for them, and there we see them.
bool some_handler_defers_nothing() {
  KernelAction action;
  for (int signal = 1; signal <= kLastSignal; ++signal)
    if (!(bit_of(signal) & kRaisedByInstructions) && read_action(signal, action) && has_handler(action) &&
        (action.flags & SA_NODEFER))
      return true;
  return false;
}

bool on_alternate_stack() {
  stack_t stack;
  return sigaltstack(nullptr, &stack) == 0 && (stack.ss_flags & SS_ONSTACK);
}

bool is_running(const Frame& frame) {
  return (blocked_signals() & ~frame.mask) || on_alternate_stack() || some_handler_defers_nothing();
}

bool frame_at(uint64_t at) {
  Frame frame;
  return safe_read(at, &frame, sizeof frame) == sizeof frame && frame.restorer == restorer && is_plausible(frame, at) &&
         is_running(frame);
}

/// How much of the stack is looked at; whoever is deeper in a handler must be on an alternate stack to be found out.
constexpr uint64_t kLookedAt = 64 << 10;

/// Is the page there?  The kernel reads the mask before it sees that there is nothing it could do with it.
bool is_readable(uint64_t page) {
  constexpr int kNothing = -1;
  return syscall(SYS_rt_sigprocmask, kNothing, page, nullptr, kMaskBytes) != 0 && errno == EINVAL;
}

/// A thread's own data lies above its stack, and there the stack ends; the main thread's ends where the page after it is
/// not there.  Variables of our callers lie between, which are none of ours: hence no sanitizer.
__attribute__((no_sanitize("address", "thread"))) KMEM_NOINLINE bool frame_above(uint64_t at) {
  const auto thread = reinterpret_cast<uint64_t>(__builtin_thread_pointer());
  const uint64_t most = at + kLookedAt, end = thread > at && thread < most ? thread : most;
  for (bool first = true; at < end; first = false) {
    const uint64_t next = (at | (kmem::kPageSize - 1)) + 1;
    if (!first && !is_readable(at)) return false;
    for (const uint64_t stop = next < end ? next : end; at < stop; at += sizeof(uint64_t))
      if (*reinterpret_cast<const volatile uint64_t*>(at) == restorer && frame_at(at)) return true;
  }
  return end == most && on_alternate_stack();
}
#else
KMEM_NOINLINE bool frame_above(uint64_t) { return false; }
#endif

void nothing(int) {}

}  // namespace

// libc does not tell its restorer; so a handler is installed for a signal that nobody uses, and read back as the kernel has
// it.  For that moment such a signal would be lost.
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
  if (linux_port::under_memcheck) return false;  // it would complain of every word that is looked at
  using namespace linux_port;
  const KeepErrno keep;
  return restorer && frame_above(reinterpret_cast<uint64_t>(__builtin_frame_address(0)));
}

uint64_t kmem_port_irq_save() {
  using namespace linux_port;
  // What an instruction raises cannot wait, and libc needs 32 and 33 between its threads.
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
