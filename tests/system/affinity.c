// Threads that are sent from CPU to CPU while they allocate: what is kept per CPU must follow, and a block may be freed
// on another CPU than it came from.  With one CPU only the masks change, and the test still means something.
#include <pthread.h>
#include <sched.h>

#include "check.h"

enum { kThreads = 4, kSlots = 256, kRounds = 60000 };

static void* _Atomic slots[kSlots];
static cpu_set_t allowed;
static int cpus[CPU_SETSIZE];
static int nr_cpus;
static _Atomic int nr_broken, nr_refused;

static void find_cpus(void) {
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus[nr_cpus++] = cpu;
}

static void move_to(int choice) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[choice % nr_cpus], &set);
  if (sched_setaffinity(0, sizeof set, choice % 5 == 4 ? &allowed : &set) != 0) ++nr_refused;
}

/// Puts a block into a slot and frees, after a look at every byte, what was there.  The first word is its size.
static void exchange_block(size_t slot, size_t n) {
  size_t* p = malloc(n + sizeof(size_t));
  if (p == NULL) {
    ++nr_broken;
    return;
  }
  *p = n;
  fill(p + 1, n, n);
  size_t* old = __atomic_exchange_n((void**)&slots[slot], (void*)p, __ATOMIC_ACQ_REL);
  if (old == NULL) return;
  if (!is_filled(old + 1, *old, *old)) ++nr_broken;
  free(old);
}

static void* wander(void* argument) {
  uint64_t random = (uint64_t)(uintptr_t)argument;
  for (int i = 0; i < kRounds; ++i) {
    if (i % 16 == 0) move_to((int)(next_random(&random) % 1000));
    exchange_block(next_random(&random) % kSlots, next_random(&random) % (i % 200 == 0 ? 100000 : 800));
  }
  return NULL;
}

TEST(threads_that_change_cpu_keep_all_blocks_whole) {
  pthread_t threads[kThreads];
  find_cpus();
  for (int i = 0; i < kThreads; ++i)
    REQUIRE(pthread_create(&threads[i], NULL, wander, (void*)(uintptr_t)(i + 1)) == 0, "pthread_create");
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  EXPECT(nr_broken == 0, "%d blocks broken", nr_broken);
  EXPECT(nr_refused == 0, "%d changes of affinity refused", nr_refused);
  for (int i = 0; i < kSlots; ++i) free(slots[i]);
}

static int nr_allowed(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
}

static void* count_in_thread(void* count) {
  *(int*)count = nr_allowed();
  return NULL;
}

/// EXPECT_CPUS is what the boot word nr_cpus says.
TEST(the_process_is_kept_to_as_many_cpus_as_it_was_told) {
  const char* expected = getenv("EXPECT_CPUS");
  pthread_t thread;
  int count = 0;
  if (expected == NULL) return;
  EXPECT(nr_allowed() == atoi(expected), "%d", nr_allowed());
  REQUIRE(pthread_create(&thread, NULL, count_in_thread, &count) == 0, "pthread_create");
  pthread_join(thread, NULL);
  EXPECT(count == atoi(expected), "%d in a thread", count);
}

int main(int argc, char** argv) { return run_tests(argc, argv); }
