/* A program with a realloc and a free of its own in front of the library's: what the C library defines by them comes by. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static volatile int reallocs, frees; /* <stdlib.h> promises that its functions do not come back here */
static void* (*next_realloc)(void*, size_t);
static void (*next_free)(void*);

static void find_next(void) {
  static int looking;
  if (looking++) return; /* dlsym() calls free() itself */
  *(void**)&next_realloc = dlsym(RTLD_NEXT, "realloc");
  *(void**)&next_free = dlsym(RTLD_NEXT, "free");
}

void* realloc(void* p, size_t size) {
  find_next();
  ++reallocs;
  return next_realloc(p, size);
}

void free(void* p) {
  find_next();
  ++frees;
  if (next_free) next_free(p);
}

int main(void) {
  void (*free_sized)(void*, size_t), (*free_aligned_sized)(void*, size_t, size_t);
  *(void**)&free_sized = dlsym(RTLD_DEFAULT, "free_sized");
  *(void**)&free_aligned_sized = dlsym(RTLD_DEFAULT, "free_aligned_sized");
  reallocs = 0;
  void* p = reallocarray(NULL, 10, 10);
  p = reallocarray(p, 100, 10);
  int seen = reallocs;
  p = reallocarray(p, (size_t)-1, 2) ? NULL : p;
  printf("reallocarray: %d, overflow %d\n", seen, reallocs - seen);
  free(p);
  if (!free_sized || !free_aligned_sized) return 0; /* of C23 */
  frees = 0;
  free_sized(malloc(100), 100);
  free_aligned_sized(aligned_alloc(64, 128), 64, 128);
  printf("free of C23: %d\n", frees);
  return 0;
}
