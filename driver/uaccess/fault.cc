// Faulting accesses: a fault in copy_guarded() continues at its end.

#include "uaccess/fault.h"

#if defined(__x86_64__) || (defined(KMEM_BARE) && (defined(__i386__) || defined(__aarch64__)))
#define KMEM_FIX_UPS 1
#else
#define KMEM_FIX_UPS 0
#include <sys/uio.h>
#include <unistd.h>
#endif

#include "host/host.h"

namespace kmem_driver {
namespace {

FaultHandler mapped_fault = nullptr;

#if KMEM_FIX_UPS
// A register counts the bytes that were not copied; the handler goes on at the end.
extern "C" {
size_t kmem_driver_copy_code(void* to, const void* from, size_t n);
size_t kmem_driver_clear_code(void* to, size_t n);
extern const char kmem_driver_copy_first[], kmem_driver_copy_last[], kmem_driver_clear_first[], kmem_driver_clear_last[];
}
#if defined(__x86_64__)
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
#elif defined(__i386__)
__asm__(
    ".text\n"
    "kmem_driver_copy_code:\n"
    "  pushl %esi\n"
    "  pushl %edi\n"
    "  movl 12(%esp), %edi\n"
    "  movl 16(%esp), %esi\n"
    "  movl 20(%esp), %ecx\n"
    "kmem_driver_copy_first:\n"
    "  rep movsb\n"
    "kmem_driver_copy_last:\n"
    "  movl %ecx, %eax\n"
    "  popl %edi\n"
    "  popl %esi\n"
    "  ret\n"
    "kmem_driver_clear_code:\n"
    "  pushl %edi\n"
    "  movl 8(%esp), %edi\n"
    "  movl 12(%esp), %ecx\n"
    "  xorl %eax, %eax\n"
    "kmem_driver_clear_first:\n"
    "  rep stosb\n"
    "kmem_driver_clear_last:\n"
    "  movl %ecx, %eax\n"
    "  popl %edi\n"
    "  ret\n");
#else
extern "C" const char kmem_driver_copy_store[];
__asm__(
    ".text\n"
    ".balign 4\n"
    "kmem_driver_copy_code:\n"
    "  cbz x2, kmem_driver_copy_last\n"
    "kmem_driver_copy_first:\n"
    "  ldrb w3, [x1], #1\n"
    "kmem_driver_copy_store:\n"
    "  strb w3, [x0], #1\n"
    "  subs x2, x2, #1\n"
    "  b.ne kmem_driver_copy_first\n"
    "kmem_driver_copy_last:\n"
    "  mov x0, x2\n"
    "  ret\n"
    "kmem_driver_clear_code:\n"
    "  cbz x1, kmem_driver_clear_last\n"
    "kmem_driver_clear_first:\n"
    "  strb wzr, [x0], #1\n"
    "  subs x1, x1, #1\n"
    "  b.ne kmem_driver_clear_first\n"
    "kmem_driver_clear_last:\n"
    "  mov x0, x1\n"
    "  ret\n");
#endif

const host::FixUp fix_ups[] = {
    {kmem_driver_copy_first, kmem_driver_copy_last},
    {kmem_driver_clear_first, kmem_driver_clear_last},
#if defined(__aarch64__)
    {kmem_driver_copy_store, kmem_driver_copy_last},
#endif
};
constexpr int kNrFixUps = sizeof fix_ups / sizeof *fix_ups;
#else
const host::FixUp* fix_ups = nullptr;
constexpr int kNrFixUps = 0;
#endif

}  // namespace

void set_fault_handler(FaultHandler handler) { mapped_fault = handler; }

void watch_faults() {
  static bool watched = false;  // once, because the system call costs more than most copies
  if (!__atomic_exchange_n(&watched, true, __ATOMIC_RELAXED)) host::watch_faults(fix_ups, kNrFixUps, &mapped_fault);
}

#if KMEM_FIX_UPS
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
