// Works with memory while another preloaded library replaces libc's functions: see interposer.c.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "../../system/check.h"

static void* work(void* argument) {
  static const size_t sizes[] = {1, 100, 3000, 70000, 5 << 20};
  for (int i = 0; i < 3000; ++i) {
    const size_t n = sizes[i % (i % 100 ? 4 : 5)];
    char* block = malloc(n);
    if (!block) abort();
    fill(block, n < 64 ? n : 64, (size_t)i);
    free(realloc(block, n * 2));
  }
  return argument;
}

int main(void) {
  struct timespec now;
  EXPECT(clock_gettime(CLOCK_MONOTONIC, &now) == 0 && now.tv_sec == 981173106, "the interposer is not there");
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, work, NULL);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  work(NULL);
  return nr_failures != 0;
}
