/* Growing text without ever counting bytes: krealloc, kasprintf, kstrdup; and what happens at the limits. */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <stdio.h>

int main(void) {
  char* log = kstrdup("begin", GFP_KERNEL);
  for (int i = 0; log && i < 1000; ++i) {
    char* longer = kasprintf(GFP_KERNEL, "%s, %d", log, i);
    kfree(log);
    log = longer;
  }
  if (!log) return 1;
  printf("%zu characters in a block of %zu bytes\n", strlen(log), ksize(log));
  kfree_sensitive(log);

  volatile size_t n = SIZE_MAX / 8 + 2; /* n * 16 is a small number if nobody looks */
  printf("an array whose size overflows: %s\n", kcalloc(n, 16, GFP_KERNEL) ? "given, BAD" : "refused");
  printf("more than KMALLOC_MAX_SIZE: %s\n",
         kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL | __GFP_NOWARN) ? "given, BAD" : "refused");
  return 0;
}
