// How long malloc and free take without restartable sequences, in time of the processor; 1, 2 and 8 threads.
//   rate                 prints nanoseconds for a pair, a number for each
//   rate compare         runs itself with and without, by turns, and fails where it takes more than three times as long
//                        without, in the best of some measurements
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kBlocks = 64, kRounds = 20000, kMostThreads = 8, kRuns = 3, kTries = 4 };
static const int nr_threads[] = {1, 2, 8};

static double now(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void* thread(void* result) {
  unsigned seed = (unsigned)(unsigned long)result;
  void* block[kBlocks];
  const double begun = now(CLOCK_THREAD_CPUTIME_ID);
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kBlocks; ++i) {
      block[i] = malloc(16 + (size_t)(rand_r(&seed) & 1) * 16);
      *(volatile char*)block[i] = 1;
    }
    for (int i = 0; i < kBlocks; ++i) free(block[i]);
  }
  *(double*)result = (now(CLOCK_THREAD_CPUTIME_ID) - begun) / kRounds / kBlocks;
  return NULL;
}

static void print_rates(void) {
  for (unsigned n = 0; n < sizeof nr_threads / sizeof *nr_threads; ++n) {
    pthread_t threads[kMostThreads];
    double took[kMostThreads], sum = 0;
    for (int i = 0; i < nr_threads[n]; ++i) pthread_create(&threads[i], NULL, thread, &took[i]);
    for (int i = 0; i < nr_threads[n]; ++i) pthread_join(threads[i], NULL), sum += took[i];
    printf("%g ", sum / nr_threads[n]);
  }
  printf("\n");
}

/// The least of some runs each, by turns.
static void measure(const char* self, double best[2][3]) {
  for (int run = 0; run < 2 * kRuns; ++run) {
    char command[4200];
    snprintf(command, sizeof command, "%s %s", run % 2 ? "GLIBC_TUNABLES=glibc.pthread.rseq=0" : "", self);
    FILE* pipe = popen(command, "r");
    double got[3] = {0};
    if (!pipe || fscanf(pipe, "%lf %lf %lf", &got[0], &got[1], &got[2]) != 3) exit(2);
    pclose(pipe);
    for (int n = 0; n < 3; ++n)
      if (!best[run % 2][n] || got[n] < best[run % 2][n]) best[run % 2][n] = got[n];
  }
}

static int takes_too_long(double best[2][3]) {
  for (int n = 0; n < 3; ++n)
    if (best[1][n] > 3 * best[0][n]) return 1;
  return 0;
}

int main(int count, char** arguments) {
  if (count == 1) return print_rates(), 0;
  double best[2][3] = {{0}};
  int tries = 0;
  do measure(arguments[0], best);
  while (takes_too_long(best) && ++tries < kTries);
  for (int n = 0; n < 3; ++n)
    printf("%d threads: %.1f ns with sequences, %.1f ns without\n", nr_threads[n], best[0][n], best[1][n]);
  return takes_too_long(best);
}
