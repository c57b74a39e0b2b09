/* A process to be looked at: what it holds is known.  looked_at [busy]: says "ready", and waits for its input to end. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kBlocks = 1000, kSize = 700 };
struct node {
  struct node* next;
  char text[kSize - sizeof(void*)];
};
struct node* list;
void* large;
static _Atomic int stop;

static __attribute__((noinline)) void fill(void) {
  for (int i = 0; i < kBlocks; ++i) {
    struct node* node = malloc(sizeof *node);
    memset(node, 0, sizeof *node);
    node->next = list;
    list = node;
  }
  large = malloc(32 << 20);
  memset(large, 1, 8192);
}

/* Two blocks that point to each other, and nothing else does. */
static __attribute__((noinline)) void lose(void) {
  void **a = malloc(5000), **b = malloc(5000);
  memset(a, 0, 5000);
  memset(b, 0, 5000);
  a[0] = b, b[0] = a;
}

static void* churn(void* seed) {
  unsigned r = (unsigned)(size_t)seed;
  void* held[256] = {0};
  while (!stop) {
    r = r * 1103515245 + 12345;
    void** at = &held[(r >> 8) % 256];
    free(*at);
    *at = malloc(16 + (r >> 16) % 4000);
  }
  for (int i = 0; i < 256; ++i) free(held[i]);
  return NULL;
}

static __attribute__((noinline)) void wipe_stack(void) {
  volatile char room[16384];
  for (size_t i = 0; i < sizeof room; ++i) room[i] = 0;
}

int main(int argc, char** argv) {
  fill();
  lose();
  wipe_stack();
  pthread_t threads[2];
  const int busy = argc > 1 && !strcmp(argv[1], "busy");
  for (int i = 0; busy && i < 2; ++i) pthread_create(&threads[i], NULL, churn, (void*)(size_t)(i + 1));
  printf("ready %p %p\n", (void*)list, large);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
    if (byte == 'c') abort();
  }
  stop = 1;
  for (int i = 0; busy && i < 2; ++i) pthread_join(threads[i], NULL);
  return 0;
}
