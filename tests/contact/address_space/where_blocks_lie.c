// Large blocks lie where the kernel places mappings, and not at the lowest addresses, where a structure's member behind a
// NULL pointer would be one of theirs.
#include <stdint.h>
#include <stdlib.h>

#include "../../system/check.h"

int main(void) {
  const uintptr_t lowest = (uintptr_t)4 << 30;
  for (size_t bytes = (size_t)1 << 20; bytes <= (size_t)1 << 30; bytes *= 2) {
    for (int odd = 0; odd < 2; ++odd) {
      char* p = malloc(bytes + (size_t)odd * 100);
      if (!p) continue;
      EXPECT((uintptr_t)p >= lowest, "%zu bytes lie at %p", bytes, (void*)p);
      p = realloc(p, bytes * 3 / 2);
      EXPECT((uintptr_t)p >= lowest, "%zu bytes lie at %p after realloc", bytes, (void*)p);
      free(p);
    }
  }
  return nr_failures != 0;
}
