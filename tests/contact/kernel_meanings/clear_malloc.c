// malloc under init_on_alloc=1 or init_on_free=1: what comes reads as zero, whoever had it before.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int faults;

static void want_zero(const unsigned char* p, size_t from, size_t to, const char* what) {
  size_t dirty = 0;

  for (size_t i = from; i < to; i++) dirty += p[i] != 0;
  if (dirty && ++faults < 20) printf("%s of %zu bytes: %zu are not zero\n", what, to, dirty);
}

int main(void) {
  for (int round = 0; round < 4; round++)
    for (size_t size = 1; size < 12 << 20; size = size * 4 / 3 + 7) {
      unsigned char *p = malloc(size), *q = malloc(size + 100), *r;

      if (!p || !q) return 2;
      want_zero(p, 0, size, "malloc");
      want_zero(q, 0, size + 100, "malloc");
      memset(p, 0x5a, size);
      memset(q, 0x5a, size + 100);
      r = realloc(p, size / 2 + 1);
      free(q);
      q = aligned_alloc(256, (size + 255) & ~(size_t)255);
      want_zero(q, 0, size, "aligned_alloc");
      memset(q, 0x5a, size);
      free(r);
      free(q);
    }
  printf("%d faults\n", faults);
  return faults != 0;
}
