/* A table that is read often and written now and then; a counter under a spin lock, where one must not sleep. */
#include <linux/mutex.h>
#include <linux/rwlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <stdio.h>

static DEFINE_RWLOCK(table_lock);
static DEFINE_SPINLOCK(count_lock);
static DEFINE_MUTEX(setup);
static int table[16];
static int lookups;

static int look_up(int key) {
  read_lock(&table_lock);
  const int value = table[key];
  read_unlock(&table_lock);
  spin_lock(&count_lock); /* until spin_unlock() an allocation has to be GFP_ATOMIC */
  ++lookups;
  spin_unlock(&count_lock);
  return value;
}

int main(void) {
  mutex_lock(&setup); /* who has it may sleep */
  int* scratch = kmalloc(sizeof table, GFP_KERNEL);
  mutex_unlock(&setup);
  if (!scratch) return 1;
  write_lock(&table_lock);
  table[3] = 33;
  write_unlock(&table_lock);
  printf("value %d", look_up(3));
  printf(", after %d lookup\n", lookups);
  kfree(scratch);
  return 0;
}
