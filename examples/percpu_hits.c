/* Counting in many threads without a lock: a static per-CPU variable, and a structure from alloc_percpu(). */
#include <linux/percpu.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, TIMES = 20000 };

struct traffic {
  unsigned long packets, bytes;
};

static DEFINE_PER_CPU(unsigned long, hits);
static struct traffic __percpu* traffic;

static void* work(void* unused) {
  for (int i = 0; i < TIMES; ++i) {
    this_cpu_inc(hits);
    /* Two numbers that belong together: nobody else is in this CPU's copy between the two calls. */
    struct traffic* mine = get_cpu_ptr(traffic);
    mine->packets += 1;
    mine->bytes += 64;
    put_cpu_ptr(traffic);
  }
  return unused;
}

int main(void) {
  pthread_t threads[THREADS];
  traffic = alloc_percpu(struct traffic);
  if (!traffic) return 1;
  for (int i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, work, NULL);
  for (int i = 0; i < THREADS; ++i) pthread_join(threads[i], NULL);

  unsigned long sum = 0, packets = 0, bytes = 0;
  int cpu;
  for_each_possible_cpu(cpu) {
    sum += per_cpu(hits, cpu);
    packets += per_cpu_ptr(traffic, cpu)->packets;
    bytes += per_cpu_ptr(traffic, cpu)->bytes;
  }
  printf("%lu hits, %lu packets, %lu bytes on %u CPUs: %s\n", sum, packets, bytes, num_online_cpus(),
         sum == THREADS * TIMES && packets == sum && bytes == 64 * sum ? "exact" : "BAD");
  free_percpu(traffic);
  return 0;
}
