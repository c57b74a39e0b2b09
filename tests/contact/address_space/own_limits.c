// A program that limits itself after its start, as graders, sandboxes and fuzzers do: setrlimit(2) promises that malloc fails
// with ENOMEM at the limit, and that everything else finds room below it.
#include "../../system/check.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { kMiB = 1 << 20 };

static long status_kib(const char* key) {
  FILE* f = fopen("/proc/self/status", "r");
  char line[256];
  long kib = -1;
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, key, strlen(key))) kib = atol(line + strlen(key));
  if (f) fclose(f);
  return kib;
}

static int set_limit(int resource, size_t mib) {
  const struct rlimit limit = {mib * kMiB, mib * kMiB};
  return setrlimit((__rlimit_resource_t)resource, &limit);
}

/// MiB in blocks of that size until malloc says no, with what a block has beside its bytes; all of them stay.
static size_t fill_up(size_t bytes) {
  size_t sum = 0;
  for (char* p; sum < (size_t)4096 * kMiB && (errno = 0, p = malloc(bytes)); sum += malloc_usable_size(p) + sizeof(size_t))
    memset(p, 1, bytes);
  EXPECT(errno == ENOMEM, "errno %d at the limit", errno);
  return sum / kMiB;
}

static void* do_nothing(void* p) {
  free(malloc(1000));
  return p;
}

static int start_thread(void) {
  pthread_t thread;
  const int failed = pthread_create(&thread, NULL, do_nothing, NULL);
  if (!failed) pthread_join(thread, NULL);
  return failed;
}

/// Each in a process of its own: a limit stays.
static void in_child(void (*run)(void)) {
  const pid_t child = fork();
  if (!child) {
    nr_failures = 0;
    run();
    _exit(nr_failures != 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(status == 0, "the child ended with %#x", status);
}

TEST(a_process_that_holds_little_is_little) {
  EXPECT(status_kib("VmSize:") < 64 * 1024, "%ld KiB of addresses", status_kib("VmSize:"));
}

static size_t size_of_blocks;

// A thread finds room first, and then malloc gives what is left, to a twentieth and what a thread or two leave behind.
static void limited_to_300_mib(void) {
  free(malloc(10));
  const size_t used = (size_t)status_kib("VmSize:") / 1024;
  REQUIRE(!set_limit(RLIMIT_AS, 300), "setrlimit");
  EXPECT(!start_thread(), "pthread_create");
  const size_t got = fill_up(size_of_blocks);
  EXPECT(got <= 300, "%zu MiB of 300", got);
  EXPECT(got + used + 300 / 20 + 18 + size_of_blocks / kMiB >= 300, "%zu MiB of 300, of which %zu were used", got, used);
  EXPECT(status_kib("VmSize:") <= 300 * 1024, "VmSize");
}

TEST(a_limit_on_addresses_holds_for_blocks_of_all_kinds) {
  static const size_t kSizes[] = {100, 5000, 30000, 100000, kMiB, 5 * kMiB, 20 * kMiB};
  for (size_t i = 0; i < sizeof kSizes / sizeof *kSizes; ++i) {
    size_of_blocks = kSizes[i];
    in_child(limited_to_300_mib);
  }
}

static void limited_data(void) {
  free(malloc(10));
  REQUIRE(!set_limit(RLIMIT_DATA, 200), "setrlimit");
  const size_t got = fill_up(kMiB);
  EXPECT(got <= 200 && got >= 140, "%zu MiB of 200", got);
}
TEST(a_limit_on_data_holds_too) { in_child(limited_data); }

static void memory_comes_back(void) {
  set_limit(RLIMIT_AS, 300);
  static char* blocks[400];
  int n = 0;
  while (n < 400 && (blocks[n] = malloc(kMiB))) memset(blocks[n++], 1, kMiB);
  EXPECT(n < 300, "%d MiB", n);
  for (int i = 0; i < n; ++i) free(blocks[i]);
  int again = 0;
  while (again < 400 && (blocks[again] = malloc(kMiB))) ++again;
  EXPECT(again >= n * 9 / 10, "%d MiB after %d", again, n);
}
TEST(what_was_freed_at_the_limit_is_there_again) { in_child(memory_comes_back); }

// A machine's worth of failing requests must not take minutes.
static void fail_often(void) {
  set_limit(RLIMIT_AS, 200);
  fill_up(100000);
  alarm(300);
  for (int i = 0; i < 2000; ++i) EXPECT(!malloc(10 * kMiB), "there is none");
}
TEST(at_the_limit_requests_fail_soon) { in_child(fail_often); }

static void lock_what_comes(void) {
  const struct rlimit limit = {64 * kMiB, 64 * kMiB};
  if (setrlimit(RLIMIT_MEMLOCK, &limit)) return;
  if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
    dprintf(2, "mlockall: %s\n", strerror(errno));
    nr_failures += status_kib("VmSize:") < 60 * 1024;
    return;
  }
  if (geteuid() != 0) EXPECT(fill_up(kMiB) <= 64, "more than may be locked");
}
TEST(all_memory_can_be_locked_under_a_small_limit) { in_child(lock_what_comes); }

int main(int argc, char** argv) { return run_tests(argc, argv); }
