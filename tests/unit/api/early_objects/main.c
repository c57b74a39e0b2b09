/* A program that knows nothing of boot memory: the library that it is linked with has taken some before main(). */
#include <linux/mm.h>
#include <linux/slab.h>
#include <stdio.h>
#include <string.h>

#include "shared.h"

static int wrong;
static void expect(const char *what, int is_so) {
  if (is_so) return;
  printf("BAD: not so: %s\n", what);
  wrong = 1;
}

int main(void) {
  char *ring = early.ring;
  void *block = kmalloc(100, GFP_KERNEL);
  expect("kmalloc serves", block != NULL);
  kfree(block);
  expect("the library's function ran once", early.nr_runs == 1);
  expect("kmalloc had nothing then", early.refused == NULL);
  expect("it has its ring", ring != NULL);
  if (ring) {
    expect("in one piece", virt_to_phys(ring + RING_BYTES - 1) == virt_to_phys(ring) + RING_BYTES - 1);
    memset(ring, 1, RING_BYTES);
  }
  puts(wrong ? "wrong" : "the library had its memory first");
  return wrong;
}
