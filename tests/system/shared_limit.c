// Several processes under one limit of a cgroup: each takes what it can get, all of it touched, and goes on when there is no
// more.  Nobody is killed, and between them they get most of it.
//
//   BOUND_MIB=64 shared_limit [PROCESSES]
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { kMost = 32, kKib = 1024 };
static int nr_processes = 4;
static size_t bound_kib;

struct Shared {
  volatile int started, full, again;
  volatile size_t kib[kMost];
};
static struct Shared* shared;

/// Small blocks and pages in turn, chained through themselves; in KiB.
static size_t take_all(void*** head) {
  size_t kib = 0;
  for (unsigned i = 0;; ++i) {
    const size_t n = i % 8 ? 1000 : 20000;
    void** p = malloc(n);
    if (p == NULL) return kib;
    memset(opaque(p), 0x33, n);
    *p = (void*)*head;
    *head = p;
    kib += n / 1000;
  }
}

static void give_all(void*** head) {
  while (*head != NULL) {
    void** next = **head;
    free(*head);
    *head = next;
  }
}

/// Until everybody is there; who waits for one that was killed gives up.
static void meet(volatile int* counter) {
  __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
  for (int ms = 0; *counter < nr_processes && ms < 20000; ++ms) usleep(1000);
}

static int one_of_them(int self) {
  void** head = NULL;
  meet(&shared->started);
  shared->kib[self] = take_all(&head);
  meet(&shared->full);
  give_all(&head);
  // What all have freed is there again for the one who asks.
  meet(&shared->again);
  if (self == 0) {
    for (int tries = 0; tries < 100 && shared->kib[0] < bound_kib / 4; ++tries) {
      shared->kib[0] = take_all(&head);
      give_all(&head);
      usleep(10000);
    }
  }
  return 0;
}

TEST(processes_of_one_group_stop_before_the_host_has_to_stop_them) {
  pid_t children[kMost];
  size_t sum = 0;
  for (int i = 0; i < nr_processes; ++i) {
    children[i] = fork();
    if (children[i] == 0) _exit(one_of_them(i));
  }
  for (int i = 0; i < nr_processes; ++i) {
    int status = -1;
    waitpid(children[i], &status, 0);
    EXPECT(status == 0, "process %d of %d ended with status %#x", i, nr_processes, status);
    if (i > 0) sum += shared->kib[i];
  }
  EXPECT(sum < bound_kib, "all but the first had %zu KiB of %zu", sum, bound_kib);
  EXPECT(shared->kib[0] >= bound_kib / 4, "the first one got %zu KiB of %zu when the others had freed theirs", shared->kib[0],
         bound_kib);
}

int main(int argc, char** argv) {
  const char* mib = getenv("BOUND_MIB");
  bound_kib = (mib != NULL ? (size_t)atoi(mib) : 64) * kKib;
  if (argc > 1) nr_processes = atoi(argv[1]) < kMost ? atoi(argv[1]) : kMost;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  return run_tests(1, argv);
}
