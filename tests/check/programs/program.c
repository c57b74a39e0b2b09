/* The program that the pages speak of under many names.  It keeps blocks, and copes where there are none.  With --stay it says
 * where a block is and goes on until it is ended, with --abort it aborts, and under the name ./server, without arguments, it
 * goes on for a while. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char* kept[40];

static void fill(void) {
  for (int i = 0; i < 40; ++i)
    if ((kept[i] = malloc(700))) memset(kept[i], 'x', 700);
}

static void empty(void) {
  for (int i = 0; i < 40; ++i) free(kept[i]);
}

static void say_where(void) {
  char line[32];
  int length = snprintf(line, sizeof line, "%p\n", (void*)kept[20]);
  if (write(1, line, length) != length) _exit(1);
}

static void stay(long rounds) {
  for (long i = 0; i != rounds; ++i) {
    free(malloc(1000));
    usleep(1000);
  }
}

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : argv[0];
  fill();
  if (strcmp(how, "--abort") == 0) abort();
  if (strcmp(how, "--stay") == 0) say_where(), stay(-1);
  if (strcmp(how, "./server") == 0) stay(10000);
  empty();
  return 0;
}
