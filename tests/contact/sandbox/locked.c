// A program that locks itself after start and then works with memory: malloc makes no call but those for memory, futex and
// clocks, whatever the program does with it.  Each test runs in a child of its own, once for each way in which a sandbox
// answers: it kills, it refuses, it tells.
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "../../system/check.h"
#include "lock.h"

enum { kCannot = 77 };
static const char* const kWays[] = {"kills", "refuses", "tells"};

static void child_of(void (*before)(void), void (*body)(void), enum LockWay way, int threads_too, int fork_too) {
  if (before) before();
  if (lock_now(way, threads_too, fork_too)) _exit(kCannot);
  nr_failures = 0;
  body();
  _exit(nr_failures ? 2 : 0);
}

/// Runs `before` in a child, locks it, and runs `body` in it, for each way.
static void locked_with(void (*before)(void), void (*body)(void), int threads_too, int fork_too) {
  for (int way = kLockKills; way <= kLockTells; ++way) {
    const pid_t child = fork();
    if (child == 0) child_of(before, body, (enum LockWay)way, threads_too, fork_too);
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "where the sandbox %s, status %x", kWays[way], status);
  }
}
static void locked(void (*body)(void)) { locked_with(NULL, body, 0, 0); }

// What a program does -----------------------------------------------------------------------------------------------------

enum { kNr = 6000 };
static char* blocks[kNr];

static void take(size_t (*size_of)(int)) {
  for (int i = 0; i < kNr; ++i) {
    const size_t n = size_of(i);
    blocks[i] = malloc(n);
    if (blocks[i] == NULL) {
      EXPECT(0, "no memory for block %d of %zu bytes", i, n);
      return;
    }
    fill(blocks[i], n < 64 ? n : 64, (size_t)i);
  }
}
static void give(int stride) {
  for (int first = 0; first < stride; ++first)
    for (int i = first; i < kNr; i += stride) free(blocks[i]);
}
static size_t one_size(int i) { return (void)i, 1024; }
static size_t many_sizes(int i) { return (size_t)(i % 200) * 16 + 1; }

static void small_blocks(void) {
  for (int round = 0; round < 3; ++round) {
    take(one_size);
    give(1);
    take(many_sizes);
    give(97);
  }
}

static void large_blocks(void) {
  for (size_t n = 100000; n < (size_t)30 << 20; n *= 4) {
    char* p = malloc(n);
    EXPECT(p != NULL, "no memory for %zu bytes", n);
    if (p == NULL) return;
    memset(p, 1, n);
    p = realloc(opaque(p), n * 2);
    EXPECT(p != NULL && p[n - 1] == 1, "realloc to %zu bytes", n * 2);
    p = realloc(opaque(p), 1000);
    free(p);
  }
}

static void every_function(void) {
  for (size_t n = 1; n < (size_t)8 << 20; n = n * 5 + 3) {
    char* zeroed = calloc(n, 1);
    EXPECT(zeroed != NULL && zeroed[n - 1] == 0, "calloc(%zu)", n);
    EXPECT(malloc_usable_size(zeroed) >= n, "usable size of %zu", n);
    char* aligned = memalign(4096, n);
    EXPECT(aligned != NULL && is_aligned(aligned, 4096), "memalign(%zu)", n);
    void* posix = NULL;
    EXPECT(posix_memalign(&posix, 1 << 16, n) == 0, "posix_memalign(%zu)", n);
    void* array = reallocarray(NULL, n, 2);
    EXPECT(array != NULL, "reallocarray(%zu)", n);
    free(zeroed), free(aligned), free(posix), free(array);
  }
  free(aligned_alloc(64, 640));
  free(valloc(100));
  free(pvalloc(100));
  free(strdup("text"));
}

static void questions(void) {
  take(one_size);
  const struct mallinfo2 info = mallinfo2();
  EXPECT(info.uordblks + info.hblkhd > 0, "nothing is in use");
  malloc_stats();
  mallopt(M_TRIM_THRESHOLD, 100000);
  give(3);
  malloc_trim(0);
  take(many_sizes);
  malloc_trim(1 << 20);
  give(1);
}

static void refusals(void) {
  EXPECT(malloc(opaque_size(SIZE_MAX / 2)) == NULL, "half of all addresses");
  EXPECT(malloc(opaque_size((size_t)1 << 46)) == NULL, "64 TiB");
  EXPECT(calloc(opaque_size(SIZE_MAX / 2), 3) == NULL, "an overflow");
  EXPECT(errno == ENOMEM, "errno %d", errno);
  small_blocks();
}

TEST(small_blocks_of_a_locked_program) { locked(small_blocks); }
TEST(large_blocks_of_a_locked_program) { locked(large_blocks); }
TEST(every_function_in_a_locked_program) { locked(every_function); }
TEST(questions_in_a_locked_program) { locked(questions); }
TEST(what_is_refused_in_a_locked_program) { locked(refusals); }

static void used_before(void) { small_blocks(), questions(); }
TEST(a_program_that_has_used_much_before) { locked_with(used_before, small_blocks, 0, 0); }

// Handlers ------------------------------------------------------------------------------------------------------------------

static volatile sig_atomic_t nr_handled;
static void on_alarm(int signal) {
  (void)signal;
  nr_handled = nr_handled + 1;
  void* p = malloc(3000);
  void* q = malloc(100000);
  free(p), free(q);
}
static void start_alarms(void) {
  signal(SIGALRM, on_alarm);
  const struct itimerval often = {{0, 200}, {0, 200}};
  setitimer(ITIMER_REAL, &often, NULL);
}
static void with_alarms(void) {
  while (nr_handled < 200) small_blocks();
}

// Threads -------------------------------------------------------------------------------------------------------------------

enum { kThreads = 4 };
static pthread_t threads[kThreads];
static volatile int stop;

static void* busy(void* argument) {
  uint64_t random = (uint64_t)(uintptr_t)argument + 1;
  void* mine[300] = {NULL};
  while (!stop) {
    const unsigned i = (unsigned)(next_random(&random) % 300);
    free(mine[i]);
    mine[i] = malloc(next_random(&random) % 20000);
  }
  for (int i = 0; i < 300; ++i) free(mine[i]);
  return NULL;
}
static void start_threads(void) {
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, busy, (void*)(uintptr_t)i);
}
static void join_threads(void) {
  stop = 1;
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
}
static void among_threads(void) {
  small_blocks(), large_blocks(), questions();
  join_threads();
  small_blocks();
}
static void new_threads(void) {
  for (int round = 0; round < 3; ++round) {
    stop = 0;
    start_threads();
    small_blocks();
    join_threads();
  }
  malloc_trim(0);
}

TEST(threads_that_ran_before_the_lock) { locked_with(start_threads, among_threads, 1, 0); }
TEST(threads_that_begin_and_end_after_the_lock) { locked_with(NULL, new_threads, 1, 0); }

// Forks ---------------------------------------------------------------------------------------------------------------------

static void forks(void) {
  take(many_sizes);
  const pid_t child = fork();
  if (child == 0) {
    give(5), small_blocks(), questions();
    _exit(nr_failures ? 2 : 0);
  }
  int status = -1;
  EXPECT(child > 0 && waitpid(child, &status, 0) == child && status == 0, "the child of a locked one: %x", status);
  give(1);
}
TEST(a_locked_program_that_forks) { locked_with(NULL, forks, 1, 1); }

TEST(handlers_of_a_locked_program) { locked_with(start_alarms, with_alarms, 0, 0); }

// Memory that runs out --------------------------------------------------------------------------------------------------------

/// Small blocks and some large, chained through themselves; how many.
static size_t take_all(void*** head, size_t most) {
  size_t n = 0;
  for (; n < most; ++n) {
    const size_t size = n % 100 ? 3000 : 300000;
    void** p = malloc(size);
    if (p == NULL) break;
    memset(opaque(p), 1, size);
    *p = (void*)*head;
    *head = p;
  }
  return n;
}
static void give_all(void*** head) {
  while (*head != NULL) {
    void** next = **head;
    free(*head);
    *head = next;
  }
}

enum { kMoreThanThereIs = 100000 };
static void until_it_is_out(void) {
  for (int round = 0; round < 3; ++round) {
    void** head = NULL;
    const size_t n = take_all(&head, kMoreThanThereIs);
    EXPECT(n > 100 && n < kMoreThanThereIs, "%zu blocks", n);
    EXPECT(errno == ENOMEM, "errno %d", errno);
    give_all(&head);
  }
  small_blocks();
}
static void* until_it_is_out_of(void* argument) {
  void** head = NULL;
  take_all(&head, kMoreThanThereIs);
  give_all(&head);
  return argument;
}
static void by_several_threads(void) {
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, until_it_is_out_of, NULL);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  until_it_is_out();
}
/// Only where something bounds memory: the tests say so by BOUNDED.
static int is_bounded(void) { return getenv("BOUNDED") != NULL; }
TEST(memory_that_runs_out_in_a_locked_program) {
  if (is_bounded()) locked(until_it_is_out);
}
TEST(memory_that_runs_out_among_locked_threads) {
  if (is_bounded()) locked_with(NULL, by_several_threads, 1, 0);
}

// Mistakes ------------------------------------------------------------------------------------------------------------------

static void free_twice(void) {
  void* p = malloc(100);
  free(opaque(p));
  free(opaque(p));
  int on_the_stack;
  free(opaque(&on_the_stack));
  char* q = malloc(5 << 20);
  free(opaque(q + 64));
  small_blocks();
}
TEST(a_report_of_a_mistake_does_not_end_a_locked_program) { locked(free_twice); }

// The lock itself -----------------------------------------------------------------------------------------------------------

static void no_call(void) {}
static void forbidden(void) { syscall(SYS_getppid); }
TEST(the_lock_sees_a_call_that_is_not_on_the_list) {
  const int saved = dup(2);
  for (int way = kLockKills; way <= kLockTells; ++way) {
    const pid_t child = fork();
    if (child == 0) close(2), child_of(NULL, forbidden, (enum LockWay)way, 0, 0);
    int status = -1;
    waitpid(child, &status, 0);
    const int seen = way == kLockKills     ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS
                     : way == kLockRefuses ? status == 0
                                           : WIFEXITED(status) && WEXITSTATUS(status) == 3;
    EXPECT(seen, "where it %s, status %x", kWays[way], status);
  }
  close(saved);
}

int main(int argc, char** argv) {
  const pid_t child = fork();
  if (child == 0) child_of(NULL, no_call, kLockTells, 0, 0);
  int status = -1;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannot) {
    dprintf(1, "skipped: this host lets a process have no seccomp filter\n");
    return kCannot;
  }
  return run_tests(argc, argv);
}
