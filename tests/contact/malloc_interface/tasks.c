// malloc among threads, forks, signals and cancellation: nobody waits for ever, nothing is lost, a failure is an answer.
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "../../system/check.h"

static int is_glibc(void) { return getenv("KMEM_EXPECT_MALLOC") == NULL; }

static int child_status(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Handlers that fork ------------------------------------------------------------------------------------------------------

static volatile sig_atomic_t nr_handled, handler_failed;
static pid_t (*fork_function)(void);
static void fork_in_handler(int number) {
  (void)number;
  const int saved = errno;
  ++nr_handled;
  const pid_t child = fork_function();
  if (child == 0) _exit(0);
  if (child < 0 || child_status(child) != 0) handler_failed = 1;
  errno = saved;
}
static void allocate_under_forking_handlers(void) {
  struct sigaction action = {.sa_handler = fork_in_handler};
  sigaction(SIGALRM, &action, NULL);
  // Once, and again after each: where a fork takes longer than the time between two, nothing else would run.
  const struct itimerval soon = {{0, 0}, {0, 2000}};
  int nr_seen = 0;
  setitimer(ITIMER_REAL, &soon, NULL);
  enum { kObjects = 1009 };
  static void* objects[kObjects];
  uint64_t random = 3;
  const double end = seconds() + 1;
  for (int i = 0; seconds() < end || nr_handled <= 3; ++i) {
    if (nr_seen != nr_handled) {
      nr_seen = nr_handled;
      setitimer(ITIMER_REAL, &soon, NULL);
    }
    if (next_random(&random) % 300 == 0) {
      const pid_t child = fork_function();
      if (child == 0) _exit(0);
      EXPECT(child > 0 && child_status(child) == 0, "a fork of the loop");
    }
    const size_t slot = next_random(&random) % kObjects;
    free(objects[slot]);
    objects[slot] = malloc(next_random(&random) % 70000);
    EXPECT(objects[slot] != NULL, "malloc");
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  for (int i = 0; i < kObjects; ++i) free(objects[i]), objects[i] = NULL;
  EXPECT(nr_handled > 3 && !handler_failed, "%d signals, failed: %d", (int)nr_handled, (int)handler_failed);
}
// Of a process with one thread fork() may be called in a handler, whatever it interrupted; libc takes a lock in it once there
// were more.  So this is the first test.
TEST(a_signal_handler_may_fork_while_it_interrupts_malloc) {
  nr_handled = handler_failed = 0;
  fork_function = fork;
  allocate_under_forking_handlers();
}
// Threads come and go -------------------------------------------------------------------------------------------------------

static void* take_and_leave(void* unused) {
  (void)unused;
  free(opaque(malloc(32)));
  return malloc(32);
}

TEST(threads_that_end_leave_nothing_behind) {
  pthread_t thread;
  void* left = NULL;
  for (int i = 0; i < 50; ++i) pthread_create(&thread, NULL, take_and_leave, NULL), pthread_join(thread, &left), free(left);
  const size_t before = mallinfo2().uordblks, resident = resident_bytes();
  enum { kThreads = 5000 };
  for (int i = 0; i < kThreads; ++i) {
    REQUIRE(pthread_create(&thread, NULL, take_and_leave, NULL) == 0, "pthread_create %d", i);
    pthread_join(thread, &left);
    free(left);
  }
  const size_t after = mallinfo2().uordblks;
  EXPECT(after <= before + kThreads, "in use went from %zu to %zu", before, after);
  EXPECT(resident_bytes() < resident + (8u << 20), "resident memory went from %zu to %zu", resident, resident_bytes());
}

static int stop;
static void* malloc_first(void* barrier) {
  void* p = malloc(32);
  pthread_barrier_wait(barrier);
  free(opaque(p));
  return NULL;
}
static void* wait_first(void* barrier) {
  pthread_barrier_wait(barrier);
  free(opaque(malloc(32)));
  return NULL;
}
static void* start_threads(void* unused) {
  (void)unused;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    pthread_barrier_t barrier;
    pthread_t threads[4];
    pthread_barrier_init(&barrier, NULL, 5);
    for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, i % 2 ? wait_first : malloc_first, &barrier);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
  }
  return NULL;
}
TEST(threads_that_end_while_others_begin_to_allocate) {
  pthread_t outer[2];
  stop = 0;
  for (int i = 0; i < 2; ++i) pthread_create(&outer[i], NULL, start_threads, NULL);
  usleep(500000);
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 2; ++i) pthread_join(outer[i], NULL);
}

static pthread_key_t key;
static void* seen_by_destructor;
static void allocate_again(void* p) {
  free(p);
  void* q = malloc(300);
  memset(opaque(q), 1, 300);
  seen_by_destructor = realloc(q, 3000);
}
static void* end_with_a_destructor(void* unused) {
  (void)unused;
  pthread_setspecific(key, malloc(100));
  return NULL;
}
TEST(a_thread_may_allocate_and_free_as_it_ends) {
  pthread_key_create(&key, allocate_again);
  for (int i = 0; i < 100; ++i) {
    pthread_t thread;
    seen_by_destructor = NULL;
    pthread_create(&thread, NULL, end_with_a_destructor, NULL);
    pthread_join(thread, NULL);
    EXPECT(seen_by_destructor != NULL, "the destructor got nothing");
    free(seen_by_destructor);
  }
  pthread_key_delete(key);
}

static void* outlive_main(void* unused) {
  (void)unused;
  usleep(20000);
  for (int i = 0; i < 1000; ++i) free(opaque(malloc(i * 37 % 5000)));
  _exit(0);
}
TEST(threads_go_on_when_main_has_left_by_pthread_exit) {
  const pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, outlive_main, NULL);
    pthread_exit(malloc(10));
  }
  const int status = child_status(child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}

// Blocks go from thread to thread ---------------------------------------------------------------------------------------------

enum { kPassed = 4000 };
static void* passed[kPassed];
static void* fill_mailbox(void* seed) {
  uint64_t random = (uintptr_t)seed * 77 + 1;
  for (int i = 0; i < 60000; ++i) {
    const size_t n = next_random(&random) % (i % 64 ? 600 : 70000), alignment = (size_t)16 << next_random(&random) % 10;
    unsigned char* p = i % 3 == 0 ? aligned_alloc(alignment, n) : i % 3 == 1 ? calloc(1, n + 1) : malloc(n + 1);
    if (!p) abort();
    if (i % 3 == 0 && !is_aligned(p, alignment)) abort();
    if (n >= sizeof(size_t)) memcpy(p, &n, sizeof n);
    void* old = __atomic_exchange_n(&passed[next_random(&random) % kPassed], p, __ATOMIC_ACQ_REL);
    if (i % 5 == 0) old = realloc(old, 1 + next_random(&random) % 900);
    free(old);
  }
  return NULL;
}
TEST(aligned_blocks_are_resized_and_freed_by_other_threads) {
  pthread_t threads[4];
  for (size_t i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, fill_mailbox, (void*)i);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  for (int i = 0; i < kPassed; ++i) free(passed[i]), passed[i] = NULL;
}

// Memory runs out -----------------------------------------------------------------------------------------------------------

// On kmem the boot word mem= is the limit, on glibc RLIMIT_AS.
static size_t test_size, test_alignment;
static int test_way;
enum { kTasks = 9, kWays = 8 };
static void* get(void) {
  void* p = NULL;
  switch (test_way) {
    case 0: return malloc(test_size);
    case 1: {
      void* q = realloc(NULL, 16);
      p = realloc(q, test_size);
      if (!p) free(q);
      return p;
    }
    case 2: return calloc(1, test_size);
    case 3: return valloc(test_size);
    case 4: return pvalloc(test_size);
    case 5: return aligned_alloc(test_alignment, test_size);
    case 6: return memalign(test_alignment, test_size);
    default: return posix_memalign(&p, test_alignment, test_size) ? NULL : p;
  }
}
static size_t promised_alignment(void) {
  return test_way >= 5 ? test_alignment : test_way >= 3 ? (size_t)sysconf(_SC_PAGESIZE) : alignof(max_align_t);
}
static pthread_barrier_t all_begin, all_failed;
static void* take_all(void* unused) {
  (void)unused;
  struct Link {
    struct Link* next;
  }* list = NULL;
  pthread_barrier_wait(&all_begin);
  for (;;) {
    errno = 0;
    struct Link* p = get();
    if (!p) {
      if (test_way != 7 && errno != ENOMEM) _exit(10 + test_way);
      break;
    }
    if (!is_aligned(p, promised_alignment())) _exit(20 + test_way);
    for (size_t i = 0; test_way == 2 && i < test_size; ++i)
      if (((volatile char*)p)[i]) _exit(30);
    p->next = list;
    list = p;
  }
  pthread_barrier_wait(&all_failed);
  while (list) {
    struct Link* next = list->next;
    free(list);
    list = next;
  }
  return NULL;
}
static size_t used_addresses(void) {
  unsigned long pages = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%lu", &pages) != 1) _exit(3);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}
static void run_out(void) {
  if (is_glibc()) {
    struct rlimit limit = {used_addresses() + (8u << 20), used_addresses() + (8u << 20)};
    setrlimit(RLIMIT_AS, &limit);
    mallopt(M_ARENA_MAX, 2);
  }
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 256 << 10);
  pthread_barrier_init(&all_begin, NULL, kTasks);
  pthread_barrier_init(&all_failed, NULL, kTasks);
  pthread_t threads[kTasks - 1];
  for (int i = 0; i < kTasks - 1; ++i)
    if (pthread_create(&threads[i], &small, take_all, NULL)) _exit(1);
  take_all(NULL);
  for (int i = 0; i < kTasks - 1; ++i) pthread_join(threads[i], NULL);
  // And then there is memory again.
  void* p = malloc(1 << 20);
  if (!p) _exit(2);
  free(p);
  _exit(0);
}
TEST(memory_runs_out_for_nine_threads_in_every_function) {
  const struct { size_t size, alignment; } cases[] = {{144, 0}, {4096, 0}, {512, 128}, {4096, 128}, {17 * 4096, 128}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    test_size = cases[i].size;
    test_alignment = cases[i].alignment;
    for (test_way = 0; test_way < kWays; ++test_way) {
      if ((test_way >= 5) != (test_alignment != 0)) continue;
      const pid_t child = fork();
      if (child == 0) run_out();
      const int status = child_status(child);
      EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%zu bytes, way %d: status %#x", test_size, test_way, status);
    }
  }
}

// Forks ---------------------------------------------------------------------------------------------------------------------

static char* file_to_read;
static void* fork_again_and_again(void* unused) {
  (void)unused;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    const pid_t child = fork();
    if (child == 0) _exit(17);
    const int status = child_status(child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 17) abort();
  }
  return NULL;
}
static void* read_lines(void* unused) {
  (void)unused;
  FILE* file = fopen(file_to_read, "r");
  while (file && !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    rewind(file);
    char* line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
    }
    free(line);
  }
  if (file) fclose(file);
  return NULL;
}
// fork() flushes the standard streams under their locks, and getline() allocates under one.
TEST(forks_and_reads_do_not_wait_for_each_other_for_ever) {
  char name[] = "/tmp/tasks.XXXXXX";
  const int fd = mkstemp(name);
  REQUIRE(fd >= 0, "mkstemp");
  for (int i = 0; i < 300; ++i) dprintf(fd, "%0*d\n", i * 7 % 2000 + 1, i);
  close(fd);
  file_to_read = name;
  stop = 0;
  pthread_t threads[8];
  for (int i = 0; i < 8; ++i) pthread_create(&threads[i], NULL, i < 3 ? fork_again_and_again : read_lines, NULL);
  usleep(700000);
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
  unlink(name);
}

static void* no_thread(void* unused) { return unused; }
// Of several, POSIX leaves _Fork().
TEST(a_signal_handler_may_fork_by_itself_among_threads) {
  nr_handled = handler_failed = 0;
  *(void**)&fork_function = dlsym(RTLD_DEFAULT, "_Fork");
  if (!fork_function) return;
  pthread_t reader, idle;
  char name[] = "/tmp/tasks.XXXXXX";
  const int fd = mkstemp(name);
  dprintf(fd, "some words\nand more\n");
  close(fd);
  file_to_read = name;
  stop = 0;
  sigset_t alarm, old;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm, &old);
  pthread_create(&reader, NULL, read_lines, NULL);
  pthread_create(&idle, NULL, no_thread, NULL);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  allocate_under_forking_handlers();
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  pthread_join(reader, NULL);
  pthread_join(idle, NULL);
  unlink(name);
}

static void* allocate_on(void* unused) {
  (void)unused;
  uint64_t random = 9;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) free(opaque(malloc(next_random(&random) % 40000)));
  return NULL;
}
TEST(a_child_of_threads_can_use_all_of_malloc) {
  stop = 0;
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) pthread_create(&threads[i], NULL, allocate_on, NULL);
  for (int i = 0; i < 6; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      for (size_t n = 1; n < 8u << 20; n = n * 5 / 3 + 1) {
        void* p = realloc(calloc(1, n), n * 2);
        free(memalign(256, n));
        if (!p) _exit(1);
        free(p);
      }
      (void)mallinfo2();
      malloc_trim(0);
      _exit(0);
    }
    const int status = child_status(child);
    EXPECT(status == 0, "child %d: status %#x", i, status);
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 3; ++i) pthread_join(threads[i], NULL);
}

// Cancellation ------------------------------------------------------------------------------------------------------------

// None of malloc's functions is a point at which a thread may be cancelled; a thread with a request pending finishes them.
static pthread_barrier_t gate;
static int nr_done;
static void* allocate_with_a_request_pending(void* unused) {
  (void)unused;
  pthread_barrier_wait(&gate);
  for (size_t n = 1; n < 20u << 20; n *= 3) {
    free(realloc(malloc(n), n + 100));
    free(memalign(4096, n));
    ++nr_done;
  }
  malloc_trim(0);
  (void)mallinfo2();
  nr_done += 1000;
  pthread_testcancel();
  return NULL;
}
TEST(no_function_of_malloc_is_a_cancellation_point) {
  pthread_t thread;
  void* result = NULL;
  nr_done = 0;
  pthread_barrier_init(&gate, NULL, 2);
  pthread_create(&thread, NULL, allocate_with_a_request_pending, NULL);
  pthread_cancel(thread);
  pthread_barrier_wait(&gate);
  pthread_join(thread, &result);
  EXPECT(result == PTHREAD_CANCELED && nr_done >= 1000, "it stopped after %d", nr_done);
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
