/* A contiguous block that is taken before anything else is allocated, and is certain to be there. */
#include <kmem/boot.h>
#include <linux/memblock.h>

#include <stdio.h>
#include <string.h>

enum { kRingBytes = 8 << 20 };
static char* ring;

/* Runs during the first allocation of the process, where no other function may allocate. */
static void take_ring(void) { ring = memblock_alloc(kRingBytes, 4096); }
KMEM_EARLY_INIT(take_ring)

int main(void) {
  if (!ring) return 1;
  memset(ring, 1, kRingBytes);
  printf("a ring of %d MiB in one piece\n", kRingBytes >> 20);
  return 0;
}
