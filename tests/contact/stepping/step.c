// Steps through a program instruction by instruction, as gdb does for software watchpoints, `record`, `until` and `stepi N`:
//   step PROGRAM
// from where it stops itself to its end, which must be 7.  Each trap aborts the restartable sequence that it comes into, so
// that whoever begins again for ever never ends.  Ends with 77 where tracing is not allowed.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kMostSteps = 5000000 };

static int step_through(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
    printf("the program did not stop itself: status %#x\n", (unsigned)status);
    return 1;
  }
  for (long steps = 0; steps < kMostSteps; ++steps) {
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL)) return perror("PTRACE_SINGLESTEP"), 1;
    waitpid(child, &status, 0);
    if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) continue;
    printf("ended with status %#x after %ld steps\n", (unsigned)status, steps);
    if (WIFSTOPPED(status)) kill(child, SIGKILL);  // it came to grief
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  }
  printf("no end after %d steps\n", kMostSteps);
  kill(child, SIGKILL);
  return 1;
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) _exit(77);
    execv(arguments[1], arguments + 1);
    _exit(1);
  }
  int status;
  if (waitpid(child, &status, 0) == child && WIFEXITED(status)) return WEXITSTATUS(status);  // before exec
  if (ptrace(PTRACE_CONT, child, NULL, NULL)) return perror("PTRACE_CONT"), 1;
  return step_through(child);
}
