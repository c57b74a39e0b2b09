// Faulting accesses: a fault in copy_guarded() continues at its end.

#include "uaccess/fault.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

namespace kmem_driver {
namespace {

struct sigaction before_segv, before_bus;
FaultHandler mapped_fault = nullptr;

#if defined(__x86_64__)
// rcx counts the bytes that were not copied; the handler moves rip to the end.
extern "C" {
size_t kmem_driver_copy_code(void* to, const void* from, size_t n);
size_t kmem_driver_clear_code(void* to, size_t n);
extern const char kmem_driver_copy_first[], kmem_driver_copy_last[], kmem_driver_clear_first[], kmem_driver_clear_last[];
}
__asm__(
    ".text\n"
    ".hidden kmem_driver_copy_code\n.globl kmem_driver_copy_code\n.type kmem_driver_copy_code, @function\n"
    ".hidden kmem_driver_copy_first\n.globl kmem_driver_copy_first\n.hidden kmem_driver_copy_last\n.globl kmem_driver_copy_last\n"
    "kmem_driver_copy_code:\n"
    "  movq %rdx, %rcx\n"
    "kmem_driver_copy_first:\n"
    "  rep movsb\n"
    "kmem_driver_copy_last:\n"
    "  movq %rcx, %rax\n"
    "  ret\n"
    ".size kmem_driver_copy_code, . - kmem_driver_copy_code\n"
    ".hidden kmem_driver_clear_code\n.globl kmem_driver_clear_code\n.type kmem_driver_clear_code, @function\n"
    ".hidden kmem_driver_clear_first\n.globl kmem_driver_clear_first\n.hidden kmem_driver_clear_last\n.globl "
    "kmem_driver_clear_last\n"
    "kmem_driver_clear_code:\n"
    "  movq %rsi, %rcx\n"
    "  xorl %eax, %eax\n"
    "kmem_driver_clear_first:\n"
    "  rep stosb\n"
    "kmem_driver_clear_last:\n"
    "  movq %rcx, %rax\n"
    "  ret\n"
    ".size kmem_driver_clear_code, . - kmem_driver_clear_code\n");

/// Ends a guarded copy that this fault interrupted.
bool fix_up(ucontext_t* context) {
  auto& ip = context->uc_mcontext.gregs[REG_RIP];
  const auto is_at = [&](const char* first) { return ip == static_cast<greg_t>(reinterpret_cast<unsigned long>(first)); };
  if (is_at(kmem_driver_copy_first))
    return ip = static_cast<greg_t>(reinterpret_cast<unsigned long>(kmem_driver_copy_last)), true;
  if (is_at(kmem_driver_clear_first))
    return ip = static_cast<greg_t>(reinterpret_cast<unsigned long>(kmem_driver_clear_last)), true;
  return false;
}
bool is_write(const ucontext_t* context) { return (context->uc_mcontext.gregs[REG_ERR] & 2) != 0; }
#else
bool fix_up(ucontext_t*) { return false; }
bool is_write(const ucontext_t*) { return false; }
#endif

void tell_other(const struct sigaction& other, int signal, siginfo_t* info, void* context) {
  if (other.sa_flags & SA_SIGINFO) return other.sa_sigaction(signal, info, context);
  if (other.sa_handler == SIG_IGN) return;
  if (other.sa_handler != SIG_DFL) return other.sa_handler(signal);
  sigaction(signal, &other, nullptr);  // the instruction faults again, with the previous action
}

void handle(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  auto* where = static_cast<ucontext_t*>(context);
  const bool done = (mapped_fault && mapped_fault(info->si_addr, is_write(where))) || fix_up(where);
  errno = saved;
  if (!done) tell_other(signal == SIGSEGV ? before_segv : before_bus, signal, info, context);
}

void take(int signal, struct sigaction& before) {
  struct sigaction now;
  if (sigaction(signal, nullptr, &now) || ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle)) return;
  before = now;
  struct sigaction ours = {};
  ours.sa_sigaction = handle;
  ours.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sigaction(signal, &ours, nullptr);
}

}  // namespace

void set_fault_handler(FaultHandler handler) { mapped_fault = handler; }

void watch_faults() {
  static bool watched = false;  // once, because the system call costs more than most copies
  if (__atomic_exchange_n(&watched, true, __ATOMIC_RELAXED)) return;
  take(SIGSEGV, before_segv);
  take(SIGBUS, before_bus);
}

#if defined(__x86_64__)
// Sanitizers do not see its accesses; the callers check the driver's side.
size_t copy_guarded(void* to, const void* from, size_t n) { return kmem_driver_copy_code(to, from, n); }
size_t clear_guarded(void* to, size_t n) { return kmem_driver_clear_code(to, n); }
#else
size_t copy_guarded(void* to, const void* from, size_t n) {
  const iovec local = {to, n}, remote = {const_cast<void*>(from), n};
  const ssize_t done = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  return done < 0 ? n : n - static_cast<size_t>(done);
}
size_t clear_guarded(void* to, size_t n) {
  static const char zeros[256] = {};
  for (size_t at = 0; at < n;) {
    const size_t part = n - at < sizeof(zeros) ? n - at : sizeof(zeros);
    const size_t left = copy_guarded(static_cast<char*>(to) + at, zeros, part);
    at += part - left;
    if (left) return n - at;
  }
  return 0;
}
#endif

}  // namespace kmem_driver
