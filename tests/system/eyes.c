// Mistakes and losses that malloc's reports must name; eyes.py reads them.
//   eyes lose|overrun|after_free|twice
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

char* volatile kept;
void* volatile middle;

struct node {
  struct node* next;
  char more[40];
};
struct node* volatile list;

__attribute__((noinline)) static void lose_seven(void) {
  // One place that calls, whatever the compiler would rather make of a short loop.
  for (volatile int i = 0; i < 7; ++i) strcpy(malloc(100), "lost and gone");
}

__attribute__((noinline)) static void lose_large(void) {
  memset(malloc(200000), 1, 100);
  memset(malloc(9000000), 1, 100);
}

static void lose(void) {
  kept = malloc(50);
  middle = (char*)malloc(300) + 17;
  for (int i = 0; i < 100; ++i) {
    struct node* n = malloc(sizeof *n);
    n->next = list;
    list = n;
  }
  lose_seven();
  lose_large();
  for (int i = 0; i < 1000; ++i) free(malloc(100));
}

/// A block between guard pages: only there its usable size is what was asked for.
__attribute__((noinline)) static char* guarded(size_t n) {
  for (;;) {
    static char* all[4000];
    char* found = NULL;
    int nr = 0;
    while (nr < 4000 && !found) {
      all[nr] = malloc(n);
      if (malloc_usable_size(all[nr]) == n) found = all[nr];
      else ++nr;
    }
    while (nr > 0) free(all[--nr]);
    if (found) return found;
    usleep(1000);
  }
}

__attribute__((noinline)) static void write_to(volatile char* p) { *p = 'x'; }

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (!strcmp(argv[1], "lose")) {
    lose();
    return 0;
  }
  char* p = guarded(100);
  EXPECT(p != NULL, "a guarded block");
  if (!strcmp(argv[1], "overrun")) {
    write_to(p + 100);
    free(p);
  } else if (!strcmp(argv[1], "beyond")) {
    write_to((char*)(((size_t)p | 4095) + 1));
    free(p);
  } else if (!strcmp(argv[1], "after_free")) {
    free(p);
    write_to(p);
  } else if (!strcmp(argv[1], "twice")) {
    free(p);
    free(p);
  } else if (!strcmp(argv[1], "resize")) {
    strcpy(p, "moved");
    p = realloc(p, 3000);
    EXPECT(!strcmp(p, "moved"), "%s", p);
    p = realloc(p, 20);
    EXPECT(!strcmp(p, "moved"), "%s", p);
    free(p);
  } else {
    return 2;
  }
  return nr_failures != 0;
}
