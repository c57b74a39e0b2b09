// A signal handler at every instruction of a call: the call is stepped through up to there, the handler comes, allocates and
// frees, and returns, or leaves by siglongjmp().  Afterwards no block may be given twice, and calls must be as quick again.
//   interrupted          at some hundred instructions, evenly spread
//   interrupted all
// In a child for each instruction; ends with 77 where tracing is not allowed.
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kBlocks = 400, kMostSteps = 20000, kSomeSteps = 60000, kSize = 48 };

enum Way { kReturns, kJumps, kNrWays };
static const char* const names[kNrWays] = {"returns", "jumps"};

static sigjmp_buf back;
static volatile enum Way way;
static char *given[4], *kept[4], *from_handler[3];

static char* filled(int tag) {
  char* p = malloc(kSize);
  if (p) memset(p, tag, kSize);
  return p;
}

static void handler(int signal) {
  (void)signal;
  for (int i = 0; i < 3; ++i) from_handler[i] = filled(100 + i);
  for (int i = 0; i < 2; ++i) free(given[i]);
  free(from_handler[0]);
  from_handler[0] = NULL;
  if (way == kJumps) siglongjmp(back, 1);
}

static int is_whole(const char* p, int tag) {
  for (int at = 0; p && at < kSize; ++at)
    if (p[at] != tag) return 0;
  return 1;
}

/// Every block that is given now is a block of its own, and those that were out are as they were.
static int all_is_well(void) {
  static char* block[kBlocks];
  for (int i = 0; i < kBlocks; ++i)
    if (!(block[i] = filled(i & 63))) return 0;
  for (int i = 0; i < kBlocks; ++i)
    if (!is_whole(block[i], i & 63)) return 0;
  for (int i = 0; i < 3; ++i)
    if (!is_whole(from_handler[i], 100 + i)) return 0;
  for (int i = 0; i < 4; ++i)
    if (!is_whole(kept[i], 80 + i)) return 0;
  for (int i = 0; i < kBlocks; ++i) free(block[i]);
  return 1;
}

/// What is stepped through lies between two stops.
static void tracee(void) {
  ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  for (int i = 0; i < 4; ++i) given[i] = filled(60 + i), kept[i] = filled(80 + i);
  if (!sigsetjmp(back, 1)) {
    raise(SIGSTOP);
    char* p = malloc(kSize);
    free(given[2]);
    free(p);
    raise(SIGSTOP);
  }
  _exit(all_is_well() ? 0 : 1);
}

static int wait_for(pid_t child) {
  int status = -1;
  return waitpid(child, &status, 0) == child ? status : -1;
}

/// 0: well; 1: not; 2: the calls were over before.
static int run(long instruction) {
  const pid_t child = fork();
  if (child == 0) tracee();
  int status = wait_for(child);
  if (WIFEXITED(status)) exit(77);
  for (long n = 0; n < instruction; ++n) {
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL)) return 1;
    status = wait_for(child);
    if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) continue;
    kill(child, SIGKILL);
    wait_for(child);
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP ? 2 : 1;
  }
  ptrace(PTRACE_CONT, child, NULL, (void*)SIGUSR1);
  while (WIFSTOPPED(status = wait_for(child)))
    ptrace(PTRACE_CONT, child, NULL, (void*)(long)(WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status)));
  return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static long nr_instructions(void) {
  const pid_t child = fork();
  if (child == 0) tracee();
  if (WIFEXITED(wait_for(child))) exit(77);
  long n = 0;
  for (int status = 0; n < kMostSteps; ++n) {
    ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
    status = wait_for(child);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) break;
  }
  kill(child, SIGKILL);
  wait_for(child);
  return n;
}

int main(int count, char** arguments) {
  (void)arguments;
  signal(SIGUSR1, handler);
  for (int i = 0; i < 300; ++i) free(filled(1));
  const long all = nr_instructions(), stride = count > 1 ? 1 : 1 + all * all / 2 / kSomeSteps;
  for (way = kReturns; way < kNrWays; ++way)
    for (long at = 1 + stride / 2; at < all; at += stride)
      if (run(at) == 1) return printf("a handler that %s at instruction %ld of %ld\n", names[way], at, all), 1;
  printf("each %ld-th of %ld instructions\n", stride, all);
  return 0;
}
