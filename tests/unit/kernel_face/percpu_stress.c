/* A crowd on per-CPU variables: threads that are moved from CPU to CPU and struck by signals, whose handlers do the same.
 *
 *   percpu_stress count [THREADS [TIMES]]      every step and sections, TIMES each; the sums must be exact
 *   percpu_stress sections [THREADS [TIMES]]   in a section: marks its copy, lets others run, and looks for its mark
 *   percpu_stress none [THREADS [TIMES]]       the same without a section: somebody must come in, else the test above
 *                                              proves nothing
 * 64 threads, 1000 times by default; the full run: percpu_stress count 64 10000000 */
#define _GNU_SOURCE
#include <linux/percpu.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct counts {
  unsigned char c1[5];
  unsigned short c2[5];
  unsigned int c4[5];
  unsigned long c8[5];
  unsigned long in_section;
};
static DEFINE_PER_CPU(struct counts, counts);
static DEFINE_PER_CPU(unsigned long, mark);
static struct counts __percpu* dynamic;

static atomic_long rounds, violations, running;
static long times = 1000;

#define EVERY_STEP(variable, one)                                                                            \
  do {                                                                                                       \
    this_cpu_inc((variable)[0]);                                                                             \
    this_cpu_sub((variable)[1], -1);                                                                         \
    (void)this_cpu_add_return((variable)[2], 1);                                                             \
    one seen = this_cpu_read((variable)[3]);                                                                 \
    for (one found; (found = this_cpu_cmpxchg((variable)[3], seen, (one)(seen + 1))) != seen;) seen = found; \
    this_cpu_add((variable)[4], (one)(this_cpu_xchg((variable)[4], 0) + 1));                                 \
  } while (0)

static void one_round(struct counts __percpu* all) {
  EVERY_STEP(all->c1, unsigned char);
  EVERY_STEP(all->c2, unsigned short);
  EVERY_STEP(all->c4, unsigned int);
  EVERY_STEP(all->c8, unsigned long);
  struct counts* mine = get_cpu_ptr(all);
  const unsigned long seen = *(volatile unsigned long*)&mine->in_section;
  this_cpu_inc(all->c8[0]);
  this_cpu_dec(all->c8[0]);
  mine->in_section = seen + 1;
  put_cpu_ptr(all);
}

/* It leaves the dynamic counts alone: it may strike in the middle of a section on them. */
static void handler(int number) {
  (void)number;
  EVERY_STEP(counts.c1, unsigned char);
  EVERY_STEP(counts.c8, unsigned long);
  EVERY_STEP(counts.c2, unsigned short);
  EVERY_STEP(counts.c4, unsigned int);
  this_cpu_inc(counts.in_section);
  get_cpu();
  put_cpu();
  atomic_fetch_add(&rounds, 1);
}

static void* count(void* unused) {
  (void)unused;
  for (long i = 0; i < times; ++i) {
    EVERY_STEP(counts.c1, unsigned char);
    EVERY_STEP(counts.c2, unsigned short);
    EVERY_STEP(counts.c4, unsigned int);
    EVERY_STEP(counts.c8, unsigned long);
    this_cpu_inc(counts.in_section);
    one_round(dynamic);
    atomic_fetch_add(&rounds, 1);
  }
  atomic_fetch_sub(&running, 1);
  return NULL;
}

static void* mark_in_sections(void* me) {
  for (long i = 0; i < times; ++i) {
    unsigned long* mine = &get_cpu_var(mark);
    *(volatile unsigned long*)mine = (unsigned long)me;
    if (i % 4 == 0) sched_yield();
    if (i % 16 == 0) usleep(50);
    if (*(volatile unsigned long*)mine != (unsigned long)me) atomic_fetch_add(&violations, 1);
    put_cpu_var(mark);
    this_cpu_write(mark, (unsigned long)me + 1);
    (void)this_cpu_xchg(mark, 0);
  }
  atomic_fetch_sub(&running, 1);
  return NULL;
}

static void* mark_without(void* me) {
  for (long i = 0; i < times; ++i) {
    unsigned long* mine = raw_cpu_ptr(&mark);
    *(volatile unsigned long*)mine = (unsigned long)me;
    if (i % 4 == 0) sched_yield();
    if (i % 16 == 0) usleep(50);
    if (*(volatile unsigned long*)mine != (unsigned long)me) atomic_fetch_add(&violations, 1);
    this_cpu_write(mark, (unsigned long)me + 1);
  }
  atomic_fetch_sub(&running, 1);
  return NULL;
}

/* Moves threads about, and strikes them. */
static void disturb(pthread_t* threads, long nr, int strike) {
  unsigned random = 12345;
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  while (atomic_load(&running) > 0) {
    random = random * 1664525u + 1013904223u;
    const pthread_t victim = threads[(random >> 8) % (unsigned long)nr];
    const int cpu = (int)((random >> 20) % (unsigned long)cpus);
    if (strike) pthread_kill(victim, SIGUSR1);
    if (CPU_ISSET(cpu, &allowed)) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      if (random & 64) pthread_setaffinity_np(victim, sizeof one, &one);
      else pthread_setaffinity_np(victim, sizeof allowed, &allowed);
    }
    const struct timespec moment = {0, 50000};
    nanosleep(&moment, NULL);
  }
}

static int wrong;
static void expect(const char* what, unsigned long got, unsigned long want) {
  if (got == want) return;
  printf("BAD: %s is %lu instead of %lu\n", what, got, want);
  wrong = 1;
}

static void expect_sums(struct counts __percpu* all, const char* name, unsigned long want, unsigned long in_section) {
  struct counts sum;
  memset(&sum, 0, sizeof sum);
  int cpu;
  for_each_possible_cpu(cpu) {
    for (int i = 0; i < 5; ++i) {
      sum.c1[i] = (unsigned char)(sum.c1[i] + per_cpu_ptr(all, cpu)->c1[i]);
      sum.c2[i] = (unsigned short)(sum.c2[i] + per_cpu_ptr(all, cpu)->c2[i]);
      sum.c4[i] += per_cpu_ptr(all, cpu)->c4[i];
      sum.c8[i] += per_cpu_ptr(all, cpu)->c8[i];
    }
    sum.in_section += per_cpu_ptr(all, cpu)->in_section;
  }
  for (int i = 0; i < 5; ++i) {
    expect(name, sum.c1[i], want & 0xff);
    expect(name, sum.c2[i], want & 0xffff);
    expect(name, sum.c4[i], want & 0xffffffff);
    expect(name, sum.c8[i], want);
  }
  expect("in sections", sum.in_section, in_section);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "count";
  const long nr = argc > 2 ? atol(argv[2]) : 64;
  if (argc > 3) times = atol(argv[3]);
  void* (*body)(void*) = !strcmp(what, "count") ? count : !strcmp(what, "sections") ? mark_in_sections : mark_without;
  dynamic = alloc_percpu(struct counts);
  pthread_t* threads = calloc((unsigned long)nr, sizeof *threads);
  if (!dynamic || !threads || nr < 1) return 2;
  signal(SIGUSR1, handler);
  running = nr;
  for (long i = 0; i < nr; ++i) pthread_create(&threads[i], NULL, body, (void*)(4 * (i + 1)));
  disturb(threads, nr, body == count);
  for (long i = 0; i < nr; ++i) pthread_join(threads[i], NULL);

  const unsigned long all = (unsigned long)rounds, own = (unsigned long)(nr * times);
  if (body == count) {
    expect_sums(&counts, "the static sum", all, all);
    expect_sums(dynamic, "the dynamic sum", own, own);
    printf("%ld threads, %ld times each, %lu rounds in handlers: %s\n", nr, times, all - own, wrong ? "wrong" : "exact");
  } else {
    printf("%ld threads, %ld times each: %ld violations\n", nr, times, (long)violations);
    wrong = body == mark_without ? violations == 0 : violations != 0;
  }
  free_percpu(dynamic);
  free(threads);
  return wrong;
}
