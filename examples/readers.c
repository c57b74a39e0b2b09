/* A list that is read without a lock: rcu_read_lock() keeps what a reader sees, kfree_rcu() frees behind all readers. */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include <stdio.h>

struct setting {
  int value;
  struct rcu_head rcu;
};

static struct setting* current_setting;

static int read_setting(void) {
  rcu_read_lock();
  const struct setting* setting = rcu_dereference(current_setting);
  const int value = setting ? setting->value : -1;
  rcu_read_unlock();
  return value;
}

static int change_setting(int value) {
  struct setting *newer = kmalloc(sizeof *newer, GFP_KERNEL), *older = current_setting;
  if (!newer) return 1;
  newer->value = value;
  rcu_assign_pointer(current_setting, newer);
  if (older) kfree_rcu(older, rcu);
  return 0;
}

int main(void) {
  if (change_setting(1) || change_setting(2)) return 1;
  printf("the setting is %d\n", read_setting());
  synchronize_rcu();
  kfree(current_setting);
  rcu_barrier();
  return 0;
}
