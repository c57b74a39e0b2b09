// What libfaketime and its like do: libc functions replaced by ones that allocate, and a clock that stands still.
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int depth;

/// The real function is looked up when it is first needed, which allocates.  A malloc that comes back to us never ends.
static void prepare(const char* name) {
  if (++depth > 20) {
    static const char text[] = "interposer: malloc calls a function that other libraries replace: ";
    const char* end = name;
    while (*end) ++end;
    (void)!write(2, text, sizeof text - 1);
    (void)!write(2, name, (size_t)(end - name));
    (void)!write(2, "\n", 1);
    _exit(9);
  }
  void* volatile block = malloc(78);
  free(block);
  --depth;
}

pid_t getpid(void) {
  prepare("getpid");
  return (pid_t)syscall(SYS_getpid);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  (void)clock;
  prepare("clock_gettime");
  now->tv_sec = 981173106;
  now->tv_nsec = 0;
  return 0;
}
