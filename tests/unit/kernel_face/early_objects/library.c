/* A library that takes boot memory for itself, whatever program it is loaded with. */
#include <kmem/boot.h>
#include <linux/bootmem.h>
#include <linux/slab.h>

#include "shared.h"

struct early early;

static void take(void) {
  ++early.nr_runs;
  early.ring = alloc_bootmem_pages(RING_BYTES);
  early.refused = kmalloc(100, GFP_KERNEL);
}
KMEM_EARLY_INIT(take)
