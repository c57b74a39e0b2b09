/* Memory of any size, by its flags: a table that may be large, and a message that must not wait. */
#include <linux/mm.h>
#include <linux/slab.h>

#include <stdio.h>

struct message {
  int number;
  char text[100];
};

int main(void) {
  /* A megabyte need not lie in one piece: kvmalloc() takes it from vmalloc() where it has to. */
  unsigned int* table = kvcalloc(1 << 18, sizeof *table, GFP_KERNEL);
  if (!table) return 1;
  printf("entry 99 of the table is %u\n", table[99]);

  /* Where the caller must not sleep it may be NULL, and the caller has to be ready for that. */
  struct message* message = kzalloc(sizeof *message, GFP_ATOMIC);
  if (message) printf("a block of %zu bytes for %zu\n", ksize(message), sizeof *message);
  kfree(message); /* NULL is fine */
  kvfree(table);
  return 0;
}
