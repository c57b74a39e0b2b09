// Children of vfork() and clone(CLONE_VM), which share their parent's memory.
//
// The kernel gives such a child no restartable sequences.  But it sees its parent's thread-local storage, with the CPU number
// that the parent had when it went to sleep: with that number the child would work on a CPU's words unprotected. The functions
// here (faces/libc has the names) hide the number from the child: cpu_id of the rseq area becomes -1, which the ABI defines for
// a thread without sequences, so that kmem's fast paths, libc's sched_getcpu() and other code take their slow paths. In the
// parent the number is restored.

#include "vfork.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/rseq.h>
#include <unistd.h>

#include <sys/syscall.h>

#include <kmem/rseq_descriptor.h>

#include "linux_port.h"
#include "shadows.h"

extern "C" {
/// libc's clone(), under its internal name.
int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);

/// Called by kmem_vfork() before the system call and after it, in both processes.
__attribute__((visibility("hidden"))) int kmem_before_vfork();
__attribute__((visibility("hidden"))) long kmem_after_vfork(long result, int was_child);
}

namespace linux_port {
bool has_hidden_tasks = false;

namespace {

constexpr int32_t kNone = -1;

volatile int32_t& cpu_id(const char* area) { return *reinterpret_cast<volatile int32_t*>(const_cast<char*>(area) + 4); }

char* area_of_thread() { return static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset; }

/// cpu_id = cpu_id_start, in one restartable sequence, because the kernel may write both at any time. False: the sequence was
/// aborted.
bool copy_cpu_id(char* area) {
#if defined(__x86_64__)
  asm volatile goto(KMEM_RSEQ_DESCRIPTOR(aborted)
                    "leaq 3b(%%rip), %%rcx\n\t"
                    "movq %%rcx, 8(%[area])\n\t"
                    "1:\n\t"
                    "movl (%[area]), %%ecx\n\t"
                    "movl %%ecx, 4(%[area])\n\t"
                    "2:\n\t"
                    :
                    : [area] "r"(area)
                    : "rcx", "memory"
                    : aborted);
#elif defined(__aarch64__)
  asm volatile goto(KMEM_RSEQ_DESCRIPTOR(aborted)
                    "adrp x16, 3b\n\t"
                    "add x16, x16, :lo12:3b\n\t"
                    "str x16, [%[area], 8]\n\t"
                    "1:\n\t"
                    "ldr w16, [%[area]]\n\t"
                    "str w16, [%[area], 4]\n\t"
                    "2:\n\t"
                    :
                    : [area] "r"(area)
                    : "x16", "memory"
                    : aborted);
#endif
  return true;
aborted:
  return false;
}

/// Runs in a child whose parent sleeps until the child exits or calls exec.
void become_child() {
  char* area = area_of_thread();
  if (__rseq_size && cpu_id(area) >= 0) cpu_id(area) = kNone;
  thread_marks().is_child = true;
}

// Usually the kernel has written the number when the parent woke up. If the parent did not sleep, or is on the same CPU, it may
// not have. Under a debugger that single-steps, the number stays -1 until the thread migrates.
void become_parent() {
  thread_marks().is_child = false;
  constexpr int kTries = 3;
  for (int i = 0; i < kTries && __rseq_size && cpu_id(area_of_thread()) == kNone; ++i) copy_cpu_id(area_of_thread());
}

bool has_sequences() { return __rseq_size && cpu_id(area_of_thread()) >= 0; }

/// The child's start data, on its stack.
struct alignas(16) Start {
  int (*function)(void*);
  void* argument;
  bool own_storage;
};

/// Is the thread pointer one of libc's? Then the rseq area is where libc's threads have it.
bool is_of_libc() {
#if defined(__x86_64__)
  void** const at = static_cast<void**>(__builtin_thread_pointer());
  return at && at[0] == at && at[2] == at;
#else
  return true;
#endif
}

int begin_child(void* argument) {
  const Start start = *static_cast<Start*>(argument);
  if (!start.own_storage) become_child();
  else if (is_of_libc() && has_sequences()) cpu_id(area_of_thread()) = kNone;
  return start.function(start.argument);
}

/// For two tasks that run concurrently with the same thread-local storage: neither may use sequences any more.
void give_sequences_up() {
  const KeepErrno keep;
  has_hidden_tasks = true;
  give_own_shadow_up();
  constexpr unsigned kUnregister = 1, kSmallest = 32;
  if (has_sequences())
    syscall(SYS_rseq, area_of_thread(), __rseq_size < kSmallest ? kSmallest : __rseq_size, kUnregister, RSEQ_SIG);
}

}  // namespace
}  // namespace linux_port

int kmem_before_vfork() { return linux_port::thread_marks().is_child || !linux_port::has_sequences(); }

long kmem_after_vfork(long result, int without) {
  if (result == 0) {
    linux_port::become_child();
    return 0;
  }
  if (!without) linux_port::become_parent();
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

// The child runs on its parent's stack and returns from here first, so the parent's data must not be on the stack during the
// call. It is in registers, which the kernel preserves.
#if defined(__x86_64__)
asm(".text\n"
    ".globl kmem_vfork\n"
    ".hidden kmem_vfork\n"
    ".type kmem_vfork, @function\n"
    "kmem_vfork:\n\t"
    ".cfi_startproc\n\t"
    "endbr64\n\t"
    "subq $8, %rsp\n\t"
    ".cfi_adjust_cfa_offset 8\n\t"
    "call kmem_before_vfork\n\t"
    "addq $8, %rsp\n\t"
    ".cfi_adjust_cfa_offset -8\n\t"
    "movl %eax, %esi\n\t"
    "popq %rdi\n\t"
    ".cfi_adjust_cfa_offset -8\n\t"
    ".cfi_register %rip, %rdi\n\t"
    "movl $58, %eax\n\t"  // vfork
    "syscall\n\t"
    "pushq %rdi\n\t"
    ".cfi_adjust_cfa_offset 8\n\t"
    ".cfi_rel_offset %rip, 0\n\t"
    "movq %rax, %rdi\n\t"
    "jmp kmem_after_vfork\n\t"
    ".cfi_endproc\n"
    ".size kmem_vfork, . - kmem_vfork\n");
#elif defined(__aarch64__)
asm(".text\n"
    ".globl kmem_vfork\n"
    ".hidden kmem_vfork\n"
    ".type kmem_vfork, %function\n"
    "kmem_vfork:\n\t"
    "stp x29, x30, [sp, -16]!\n\t"
    "bl kmem_before_vfork\n\t"
    "ldp x29, x30, [sp], 16\n\t"
    "mov w9, w0\n\t"
    "mov x0, 0x4111\n\t"  // CLONE_VM, CLONE_VFORK, SIGCHLD
    "mov x1, xzr\n\t"
    "mov x8, 220\n\t"  // clone
    "svc 0\n\t"
    "mov w1, w9\n\t"
    "b kmem_after_vfork\n"
    ".size kmem_vfork, . - kmem_vfork\n");
#endif

int kmem_clone(int (*function)(void*), void* stack, int flags, void* argument, ...) {
  using namespace linux_port;
  va_list more;
  va_start(more, argument);
  auto* const parent_tid = va_arg(more, pid_t*);
  void* const storage = va_arg(more, void*);
  auto* const child_tid = va_arg(more, pid_t*);
  va_end(more);
  if (!(flags & CLONE_VM) || !function || !stack)
    return __clone(function, stack, flags, argument, parent_tid, storage, child_tid);
  const bool own_storage = flags & CLONE_SETTLS, waits = flags & CLONE_VFORK;
  auto* start = reinterpret_cast<Start*>(reinterpret_cast<uintptr_t>(stack) & ~uintptr_t{15}) - 1;
  *start = {function, argument, own_storage};
  if (!waits) has_hidden_tasks = true;
  if (!waits && !own_storage) give_sequences_up();
  const int without = kmem_before_vfork();
  const int result = __clone(begin_child, start, flags, start, parent_tid, storage, child_tid);
  const KeepErrno keep;
  if (waits && !own_storage && !without) become_parent();
  return result;
}
