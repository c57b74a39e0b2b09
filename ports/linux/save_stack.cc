// Registers, stack and mappings, copied for a debugger that unwinds them after the process has ended.

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/attributes.h"
#include "linux_port.h"
#include "port/port.h"
#include "port/saved_stack.h"

namespace {

using kmem::SavedStack;

/// Copies the stack up to its end.
uint32_t copy_stack(uint64_t from, char* to, size_t room) {
  size_t n = 0;
  for (constexpr size_t kPiece = 1024; n + kPiece <= room; n += kPiece) {
    iovec into{to + n, kPiece}, source{reinterpret_cast<void*>(from + n), kPiece};
    // The last argument is passed on the stack, as 64 bits.
    const long got = syscall(SYS_process_vm_readv, kmem_port_process_id(), &into, 1ul, &source, 1ul, 0ul);
    if (got < static_cast<long>(kPiece)) return static_cast<uint32_t>(n + (got > 0 ? static_cast<size_t>(got) : 0));
  }
  return static_cast<uint32_t>(n);
}

uint32_t copy_mappings(char* to, size_t room) {
  const long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  size_t n = 0;
  for (long got; n < room && (got = syscall(SYS_read, fd, to + n, room - n)) > 0;) n += static_cast<size_t>(got);
  syscall(SYS_close, fd);
  while (n == room && n && to[n - 1] != '\n') --n;  // whole lines
  return static_cast<uint32_t>(n);
}

}  // namespace

extern "C" KMEM_NOINLINE bool kmem_port_save_stack(SavedStack* out) {
  uint64_t* r = out->registers;
#if defined(__x86_64__)
  out->machine = EM_X86_64;
  out->nr_registers = 17;
  asm volatile(
      "movq %%rbx, 3*8(%1)\n\tmovq %%rbp, 6*8(%1)\n\tmovq %%rsp, 7*8(%1)\n\t"
      "movq %%r12, 12*8(%1)\n\tmovq %%r13, 13*8(%1)\n\tmovq %%r14, 14*8(%1)\n\tmovq %%r15, 15*8(%1)\n\t"
      "leaq 0f(%%rip), %0\n0:\n\tmovq %0, 16*8(%1)"
      : "=&r"(out->pc)
      : "r"(r)
      : "memory");
  out->stack_start = r[7];
#elif defined(__aarch64__)
  out->machine = EM_AARCH64;
  out->nr_registers = 32;
  asm volatile(
      "stp x19, x20, [%1, 19*8]\n\tstp x21, x22, [%1, 21*8]\n\tstp x23, x24, [%1, 23*8]\n\tstp x25, x26, [%1, 25*8]\n\t"
      "stp x27, x28, [%1, 27*8]\n\tstp x29, x30, [%1, 29*8]\n\tmov %0, sp\n\tstr %0, [%1, 31*8]\n\tadr %0, 0f\n0:"
      : "=&r"(out->pc)
      : "r"(r)
      : "memory");
  out->stack_start = r[31];
#else
  (void)r;
  return false;
#endif
  out->stack_bytes = copy_stack(out->stack_start, out->stack, sizeof out->stack);
  out->mappings_bytes = copy_mappings(out->mappings, sizeof out->mappings);
  return out->stack_bytes && out->mappings_bytes;
}
