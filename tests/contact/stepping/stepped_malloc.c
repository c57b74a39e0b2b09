// The malloc family, for a debugger to step through: it stops itself where the stepping may begin, and ends with 7.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile int watched;

int main(int count, char** arguments) {
  (void)arguments;
  free(malloc(100));
  if (count == 1) raise(SIGSTOP);
  for (int i = 0; i < 4; ++i) {
    char *small = malloc(100 + (size_t)i), *large = malloc(5000 + (size_t)i), *zeroed = calloc(3, 50);
    void* aligned = aligned_alloc(64, 192);
    if (!small || !large || !zeroed || !aligned) _exit(1);
    small = realloc(small, 300 + (size_t)i);
    small[299] = 1;
    free(aligned);
    free(zeroed);
    free(large);
    free(small);
  }
  watched = 7;
  _exit(watched);
}
