/* Asks for the memory that the program has lost, as a test would do at its end. */
#include <kmem/leaks.h>
#include <linux/slab.h>

#include <stdio.h>
#include <string.h>

static void lose_one(void) {
  char* volatile block = kmalloc(500, GFP_KERNEL);
  if (block) strcpy(block, "nobody knows where I am");
  block = NULL;
}

/* What the calls above have left on the stack would still count as a pointer. */
static void wipe_stack(void) {
  volatile char room[4096];
  memset((char*)room, 0, sizeof room);
}

int main(void) {
  struct kmem_leak_totals totals = {0, 0, 0, 0};
  lose_one();
  wipe_stack();
  if (kmem_leak_scan(-1, &totals)) { /* with a file in the place of -1 each is listed */
    puts("this process cannot be copied");
    return 0;
  }
  printf("%zu of %zu bytes are lost\n", totals.leaked_bytes, totals.bytes);
  return 0;
}
