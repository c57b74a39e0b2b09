// The kernel's names in children of vfork(): objects, pages, and per-CPU variables, whose sum must be exact.
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kThreads = 2, kChildren = 20, kSteps = 2000 };

static DEFINE_PER_CPU(unsigned long, steps);
static volatile int stop;
static unsigned long by_threads[kThreads];

static int work(void) {
  void* object[32];
  for (int i = 0; i < 32; ++i) object[i] = kmalloc(64, GFP_KERNEL);
  for (int i = 0; i < 32; ++i) {
    if (!object[i]) return 0;
    *(volatile long*)object[i] = i;
  }
  for (int i = 0; i < 32; ++i) {
    if (*(volatile long*)object[i] != i) return 0;
    kfree(object[i]);
  }
  struct page* page = alloc_page(GFP_KERNEL);
  if (page) __free_page(page);
  return page != NULL;
}

static void* thread(void* argument) {
  unsigned long* mine = argument;
  while (!stop) {
    for (int i = 0; i < 1000; ++i) this_cpu_inc(steps);
    *mine += 1000;
    if (!work()) _exit(3);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, thread, &by_threads[i]);
  unsigned long expected = 0, sum = 0;
  for (int n = 0; n < kChildren; ++n, expected += kSteps) {
    const pid_t child = vfork();
    if (child == 0) {
      for (int i = 0; i < kSteps; ++i) this_cpu_inc(steps);
      _exit(!work());
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (status) return printf("a child ended with %#x\n", (unsigned)status), 1;
  }
  stop = 1;
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL), expected += by_threads[i];
  int cpu;
  for_each_possible_cpu(cpu) sum += per_cpu(steps, cpu);
  printf("%lu steps, expected %lu\n", sum, expected);
  return sum != expected;
}
