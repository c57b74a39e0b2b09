// A shared library whose constructor allocates, so that malloc is called before the program's own constructors; and a
// block that the program frees later.
#include <stdlib.h>
#include <string.h>

char* early_block;
char* early_large_block;

__attribute__((constructor)) static void allocate_in_constructor(void) {
  early_block = malloc(100);
  if (early_block != NULL) strcpy(early_block, "from the library's constructor");
  early_large_block = calloc(1, 3000000);
}

// Destructors run late, when much of the program is gone already: malloc must still be there.
__attribute__((destructor)) static void allocate_in_destructor(void) {
  for (size_t n = 1; n < 100000; n *= 3) free(memset(malloc(n), 1, n));
}
