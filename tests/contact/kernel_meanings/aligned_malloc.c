// The same of malloc and its aligned relatives.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int faults;

static void look(void* p, size_t align, size_t size, const char* what) {
  if (p && !((uintptr_t)p & (align - 1))) {
    memset(p, 0x5a, size < 5000 ? size : 5000);
    return;
  }
  if (++faults < 40) printf("%s of %zu bytes: %p, wanted a multiple of %zu\n", what, size, p, align);
}

int main(void) {
  static const size_t sizes[] = {1, 24, 100, 1000, 4096, 5000, 8192, 20000, 32768, 100000, 300000, 5 << 20};
  void* p[12];

  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    size_t size = sizes[s];

    for (size_t align = 8; align <= 16 << 20; align *= 2) {
      for (int i = 0; i < 12; i++) {
        int error = 0;

        switch (i % 4) {
          case 0: look(p[i] = malloc(size), size < 16 ? 8 : 16, size, "malloc"); break;
          case 1: look(p[i] = aligned_alloc(align, (size + align - 1) & -align), align, size, "aligned_alloc"); break;
          case 2: look(p[i] = memalign(align, size), align, size, "memalign"); break;
          case 3:
            p[i] = NULL;
            error = posix_memalign(&p[i], align, size);
            look(error ? NULL : p[i], align, size, "posix_memalign");
        }
      }
      for (int i = 0; i < 12; i++)
        if (i % 2) free(p[i]);
        else free(realloc(p[i], size + align));
    }
  }
  printf("%d faults\n", faults);
  return faults != 0;
}
