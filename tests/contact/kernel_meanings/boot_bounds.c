// Which of memblock's functions try again below the lower bound where nothing is free above it: those that answer an address,
// and none that answers a physical one.
#include <kmem/boot.h>
#include <linux/memblock.h>

#include <stdio.h>

static int faults;

static void want(bool right, const char* what) {
  if (!right && ++faults) printf("%s\n", what);
}

static void early(void) {
  phys_addr_t start = memblock_start_of_DRAM() + (64 << 20), end = memblock_end_of_DRAM();
  int nid = 0;

  /* 64 bytes are there, and 256 are wanted */
  want(memblock_alloc_try_nid(256, 64, start, start + 64, NUMA_NO_NODE) != NULL, "memblock_alloc_try_nid");
  want(memblock_alloc_try_nid_raw(256, 64, start, start + 64, NUMA_NO_NODE) != NULL, "memblock_alloc_try_nid_raw");
  want(memblock_alloc_exact_nid_raw(256, 64, start, start + 64, NUMA_NO_NODE) != NULL, "memblock_alloc_exact_nid_raw");
  want(memblock_alloc_exact_nid_raw(256, 64, start, start + 64, nid) != NULL, "memblock_alloc_exact_nid_raw of a node");
  want(memblock_alloc_from(256, 64, end) != NULL, "memblock_alloc_from");
  want(!memblock_alloc_exact_nid_raw(256, 64, start, start + 64, 15),
       "memblock_alloc_exact_nid_raw of a node that is not there");
  want(!memblock_alloc_exact_nid_raw(256, 64, 4096, 4096 + 64, nid), "nothing fits below the upper bound");
  want(!memblock_phys_alloc_range(256, 64, start, start + 64), "memblock_phys_alloc_range");
  want(!memblock_find_in_range(start, start + 64, 256, 64), "memblock_find_in_range");
}
KMEM_EARLY_INIT(early)

int main(void) {
  early(); /* once more, when the page allocator has the memory */
  printf("%d faults\n", faults);
  return faults != 0;
}
