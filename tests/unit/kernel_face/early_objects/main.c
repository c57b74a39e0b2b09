/* A program that knows nothing of boot memory: the library that it is linked with has taken some before main().
 * With OWN the program takes some too, and comes first. */
#ifdef OWN
#include <kmem/boot.h>
#include <linux/bootmem.h>
#endif
#include <linux/mm.h>
#include <linux/slab.h>
#include <stdio.h>
#include <string.h>

#include "shared.h"

#ifdef OWN
static int own_runs;
static void *own, *own_refused;
static void take_own(void) {
  ++own_runs;
  own = alloc_bootmem_pages(RING_BYTES);
  own_refused = kmalloc(100, GFP_KERNEL);
}
KMEM_EARLY_INIT(take_own)
#endif

static int wrong;
static void expect(const char* what, int is_so) {
  if (is_so) return;
  printf("BAD: not so: %s\n", what);
  wrong = 1;
}

int main(void) {
  char* ring = early.ring;
  void* block = kmalloc(100, GFP_KERNEL);
  expect("kmalloc serves", block != NULL);
  kfree(block);
  expect("the library's function ran once", early.nr_runs == 1);
#ifdef OWN
  expect("the program's function ran once", own_runs == 1 && own != NULL && own != ring);
  expect("kmalloc had nothing for it", own_refused == NULL);
  kfree(early.refused);
#else
  expect("kmalloc had nothing then", early.refused == NULL);
#endif
  expect("it has its ring", ring != NULL);
  if (ring) {
    expect("in one piece", virt_to_phys(ring + RING_BYTES - 1) == virt_to_phys(ring) + RING_BYTES - 1);
    memset(ring, 1, RING_BYTES);
  }
  puts(wrong ? "wrong" : "the library had its memory first");
  return wrong;
}
