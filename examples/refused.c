/* Tests a function with its own allocations failing, one after the other: no crash, nothing lost, and the answer is "no". */
#include <kmem/fault.h>
#include <linux/slab.h>

#include <stdio.h>

static int make_both(void** both) {
  both[0] = kmalloc(1000, GFP_KERNEL | __GFP_NOWARN);
  both[1] = kmalloc(2000, GFP_KERNEL | __GFP_NOWARN);
  if (both[0] && both[1]) return 0;
  kfree(both[0]); /* NULL is fine */
  kfree(both[1]);
  return -1;
}

int main(void) {
  int refused = 0;
  for (unsigned int n = 1; n <= 10; ++n) {
    void* both[2];
    kmem_fail_nth_set(n); /* the n-th failure point of this thread; 0: none */
    const int failed = make_both(both);
    kmem_fail_nth_set(0);
    refused += failed != 0;
    if (failed) continue;
    kfree(both[0]);
    kfree(both[1]);
  }
  printf("make_both() said no %s\n", refused ? "and lost nothing" : "never: BAD");
  return refused == 0;
}
