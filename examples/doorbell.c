/* A descriptor in memory, then a doorbell: the device must see the descriptor first. */
#include <asm/barrier.h>
#include <linux/slab.h>

#include <stdio.h>

struct descriptor {
  unsigned address, length, ready;
};

static void hand_over(struct descriptor* d, volatile unsigned* doorbell, unsigned address, unsigned length) {
  d->address = address;
  d->length = length;
  dma_wmb(); /* the device finds both behind `ready` */
  d->ready = 1;
  wmb(); /* memory before the register */
  *doorbell = 1;
}

int main(void) {
  volatile unsigned doorbell = 0;
  struct descriptor* d = kzalloc(sizeof *d, GFP_KERNEL);
  if (!d) return 1;
  hand_over(d, &doorbell, 0x1000, 64);
  printf("doorbell %u, %u bytes at 0x%x\n", doorbell, d->length, d->address);
  kfree(d);
  return 0;
}
