// A program that is run with another user's rights must not do what its caller's environment says.
// Run as root by set_user_id.sh; prints what it has.
#include <kmem/boot.h>
#include <linux/slab.h>
#include <stdio.h>
#include <sys/auxv.h>

int main(void) {
  kfree(kmalloc(1, GFP_KERNEL));
  printf("secure %lu, reserved %s\n", getauxval(AT_SECURE), kmem_reserved("ring", NULL) ? "yes" : "no");
  return 0;
}
