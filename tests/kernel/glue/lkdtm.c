/* Runs each of lkdtm's heap tests in a process of its own, and says what came of it: what it printed, what kmem reported. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

const char* heap_test_name(unsigned int n);
void heap_test_run(unsigned int n);
void heap_tests_begin(void);

int main(void) {
  unsigned int n;
  heap_tests_begin();
  for (n = 0; heap_test_name(n); ++n) {
    int status = 0;
    pid_t child;
    fprintf(stderr, "BEGIN %s\n", heap_test_name(n));
    child = fork();
    if (child == 0) {
      heap_test_run(n);
      _exit(0);
    }
    waitpid(child, &status, 0);
    fprintf(stderr, "END %s %s\n", heap_test_name(n), WIFSIGNALED(status) ? "signal" : "returned");
  }
  return 0;
}
