#pragma once
// Direct system calls, for libc functions that other preloaded libraries replace: libfaketime's getpid() and clock_gettime()
// allocate at their first call, and so would re-enter kmem during boot.

#include <sys/syscall.h>

namespace linux_port {

/// The kernel's result, or a negative error number. errno does not change.
inline long host_call(long number, long a = 0, long b = 0) {
#if defined(__x86_64__)
  long answer = number;
  asm volatile("syscall" : "+a"(answer) : "D"(a), "S"(b) : "rcx", "r11", "memory");
  return answer;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
  return x0;
#else
#error "this port knows x86-64 and arm64"
#endif
}

}  // namespace linux_port
