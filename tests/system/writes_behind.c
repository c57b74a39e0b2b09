/* Writes behind a block, and frees it. */
#include <stdlib.h>
#include <string.h>

int main(void) {
  char* volatile p = malloc(40);
  memset(p, 1, 48);
  free(p);
  return 0;
}
