// A process that may have little: each limit is set before the program starts (a child is executed anew), so that
// malloc's own start runs under it.  The end of memory is NULL and ENOMEM, nothing dies of it, and what is freed
// afterwards is there again.  Threads and mmap must find room beside the heap: a malloc that reserves all there is
// leaves none.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"

enum { kMib = 1 << 20, kMostBlocks = 4096 };
static void* blocks[kMostBlocks];

/// Takes blocks until there are no more; the sum of their sizes.
static size_t take_all(size_t n, int* nr) {
  size_t sum = 0;
  *nr = 0;
  while (*nr < kMostBlocks) {
    errno = 0;
    void* p = malloc(n);
    if (p == NULL) {
      EXPECT(errno == ENOMEM, "errno %d at the end of memory", errno);
      return sum;
    }
    memset(opaque(p), 0x11, n);
    blocks[(*nr)++] = p;
    sum += n;
  }
  return sum;
}

static void free_all(int nr) {
  for (int i = 0; i < nr; ++i) free(blocks[i]);
}

/// Many small blocks, chained through themselves: there is no array large enough.  Stops at `most` bytes, so that a
/// malloc which no limit binds doesn't take the whole machine.
static size_t take_all_small(size_t n, size_t most) {
  void** head = NULL;
  size_t sum = 0;
  for (void** p; sum < most; sum += n) {
    p = malloc(n);
    if (p == NULL) {
      EXPECT(errno == ENOMEM, "errno %d at the end of small blocks", errno);
      break;
    }
    memset(opaque(p), 0x22, n);
    *p = head;
    head = p;
  }
  while (head != NULL) {
    void** next = *head;
    free(head);
    head = next;
  }
  return sum;
}

static void* allocate_in_thread(void* argument) {
  for (size_t n = 1; n < 200000; n = n * 2 + 1) {
    void* p = malloc(n);
    if (p == NULL) return NULL;
    memset(opaque(p), 1, n);
    free(p);
  }
  return argument;
}

static void start_threads(int count) {
  pthread_t threads[16];
  for (int i = 0; i < count; ++i) {
    const int result = pthread_create(&threads[i], NULL, allocate_in_thread, &blocks);
    REQUIRE(result == 0, "pthread_create %d of %d gave %d: no room beside the heap", i + 1, count, result);
  }
  for (int i = 0; i < count; ++i) {
    void* result = NULL;
    pthread_join(threads[i], &result);
    EXPECT(result != NULL, "thread %d found no memory", i);
  }
}

/// What the child does: threads first (their stacks need room), then memory to the end, twice.
static int live_under_limit(size_t least_mib, int nr_threads) {
  start_threads(nr_threads);
  void* room = mmap(NULL, 8 * kMib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(room != MAP_FAILED, "mmap of 8 MiB beside the heap");
  if (room != MAP_FAILED) munmap(room, 8 * kMib);
  const size_t sizes[] = {kMib, 100000, 3 * kMib};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    int nr = 0;
    const size_t sum = take_all(sizes[i], &nr);
    EXPECT(sum >= least_mib * kMib || nr == kMostBlocks, "blocks of %zu: %zu MiB until the end, wanted %zu", sizes[i],
           sum / kMib, least_mib);
    EXPECT(realloc(opaque(NULL), (size_t)1 << 40) == NULL, "a TiB");
    free_all(nr);
  }
  const size_t small = take_all_small(100, (size_t)2048 * kMib);
  EXPECT(small >= least_mib * kMib / 2, "blocks of 100 bytes: %zu MiB until the end", small / kMib);
  void* p = malloc(kMib);
  EXPECT(p != NULL, "memory after all was freed");
  free(p);
  return nr_failures == 0 ? 0 : 1;
}

static void run_under_limit(int resource, size_t limit_mib, const char* least_mib, const char* nr_threads) {
  const pid_t child = fork();
  if (child == 0) {
    const struct rlimit limit = {limit_mib * kMib, limit_mib * kMib};
    setrlimit((__rlimit_resource_t)resource, &limit);
    execl("/proc/self/exe", "limits", "--child", least_mib, nr_threads, (char*)NULL);
    _exit(127);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(!WIFSIGNALED(status), "killed by signal %d", WTERMSIG(status));
  EXPECT(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "exit status %d", WEXITSTATUS(status));
}

TEST(with_64_mib_of_address_space) { run_under_limit(RLIMIT_AS, 64, "16", "1"); }
TEST(with_128_mib_of_address_space) { run_under_limit(RLIMIT_AS, 128, "48", "2"); }
TEST(with_256_mib_of_address_space) { run_under_limit(RLIMIT_AS, 256, "96", "4"); }
TEST(with_1_gib_of_address_space) { run_under_limit(RLIMIT_AS, 1024, "512", "8"); }
TEST(with_64_mib_of_data) { run_under_limit(RLIMIT_DATA, 64, "16", "1"); }
TEST(with_256_mib_of_data) { run_under_limit(RLIMIT_DATA, 256, "128", "4"); }

// What was reserved before the limit came may still be used, so that the end need not come: but if it does, it is
// orderly.
TEST(a_limit_set_while_running_does_no_harm) {
  const pid_t child = fork();
  if (child == 0) {
    nr_failures = 0;
    void* warm = malloc(kMib);
    const struct rlimit limit = {kMib, kMib};  // less than is in use: nothing new can be mapped
    setrlimit(RLIMIT_AS, &limit);
    setrlimit(RLIMIT_DATA, &limit);
    int nr = 0;
    take_all(100000, &nr);
    free_all(nr);
    take_all_small(1000, 64 * kMib);
    free(warm);
    // A hard limit can't be raised again without privilege: so memory must come from what was freed.
    void* p = malloc(1000);
    EXPECT(p != NULL, "1000 bytes after a MiB was freed");
    _exit(nr_failures == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(status == 0, "status %#x", (unsigned)status);
}

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "--child") == 0) return live_under_limit((size_t)atoi(argv[2]), atoi(argv[3]));
  return run_tests(argc, argv);
}
