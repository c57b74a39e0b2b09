// A program locks itself: from here on it may make the calls that are listed, and no others.
#pragma once

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// What happens at a call that is not listed.
enum LockWay {
  kLockKills,    // the process ends by SIGSYS
  kLockRefuses,  // the call fails with EPERM
  kLockTells,    // the number of the call is written, and the process ends
};

/// What malloc may use, and nothing else: memory, futex and clocks (brk is glibc's).
static const int kMemoryCalls[] = {SYS_mmap,  SYS_munmap,        SYS_mremap,       SYS_mprotect, SYS_madvise,
                                   SYS_futex, SYS_clock_gettime, SYS_gettimeofday, SYS_brk};
/// What the test needs to say something, to return from a handler and to end.
static const int kTestCalls[] = {SYS_write, SYS_rt_sigreturn, SYS_exit_group, SYS_exit};
/// What glibc's own pthread_create() and the end of a thread need.
static const int kThreadCalls[] = {SYS_clone, SYS_clone3, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask, SYS_rt_sigaction};
/// What glibc's own fork() and waitpid() need.
static const int kForkCalls[] = {SYS_clone, SYS_set_robust_list, SYS_wait4, SYS_rseq};

struct LockFilter {
  struct sock_filter code[256];
  unsigned short n;
};

static inline void lock_add(struct LockFilter* filter, unsigned short code, unsigned char yes, unsigned char no, unsigned k) {
  filter->code[filter->n++] = (struct sock_filter){code, yes, no, k};
}

static inline void lock_allow(struct LockFilter* filter, const int* calls, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    lock_add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)calls[i]);
    lock_add(filter, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
  }
}

static inline void lock_tell(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  char text[] = "a call that is not on the list: number     \n";
  char* digit = text + sizeof text - 3;
  for (int n = info->si_syscall; n; n /= 10) *digit-- = (char)('0' + n % 10);
  (void)!write(2, text, sizeof text - 1);
  _exit(3);
}

/// All threads are locked.  0, or -1 where this host lets a process have no filter.
static inline int lock_now(enum LockWay way, int threads_too, int fork_too) {
  static struct LockFilter filter;
  const unsigned otherwise = way == kLockKills     ? SECCOMP_RET_KILL_PROCESS
                             : way == kLockRefuses ? SECCOMP_RET_ERRNO | EPERM
                                                   : SECCOMP_RET_TRAP;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = lock_tell;
  action.sa_flags = SA_SIGINFO;
  if (way == kLockTells) sigaction(SIGSYS, &action, NULL);
  filter.n = 0;
  lock_add(&filter, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
  lock_allow(&filter, kMemoryCalls, sizeof kMemoryCalls / sizeof *kMemoryCalls);
  lock_allow(&filter, kTestCalls, sizeof kTestCalls / sizeof *kTestCalls);
  if (threads_too) lock_allow(&filter, kThreadCalls, sizeof kThreadCalls / sizeof *kThreadCalls);
  if (fork_too) lock_allow(&filter, kForkCalls, sizeof kForkCalls / sizeof *kForkCalls);
  lock_add(&filter, BPF_RET | BPF_K, 0, 0, otherwise);
  const struct sock_fprog program = {filter.n, filter.code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ? -1 : 0;
}
