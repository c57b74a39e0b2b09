/* Which kmem the program was built with, and which one it runs on. */
#include <kmem/version.h>

#include <stdio.h>

int main(void) {
  printf("built with %s, runs on %s\n", KMEM_VERSION_STRING, kmem_version());
  return kmem_version_code() < KMEM_VERSION_OF(0, 1, 0);
}
