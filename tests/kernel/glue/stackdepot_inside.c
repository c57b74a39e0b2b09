/* lib/stackdepot.c: a stack is stored once, and found by its handle, whoever stores it and however many there are. */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stackdepot.h>
#include <linux/string.h>

#include "checks.h"

/* Stacks of interrupts would be cut off where the interrupt begins. */
unsigned int filter_irq_stacks(unsigned long* entries, unsigned int n) { return n; }

static unsigned int make_stack(unsigned long* entries, unsigned int number) {
  const unsigned int n = 1 + number % 12;
  unsigned int i;
  for (i = 0; i < n; ++i) entries[i] = 0x1000ul * (number + 1) + i;
  return n;
}

static bool is_stored(depot_stack_handle_t handle, unsigned int number) {
  unsigned long wanted[12], *found = NULL;
  const unsigned int n = make_stack(wanted, number);
  return stack_depot_fetch(handle, &found) == n && !memcmp(found, wanted, n * sizeof(*wanted));
}

#define STACKS 20000
static depot_stack_handle_t stored[2][STACKS];
static int store_all(void* which) {
  unsigned long entries[12];
  unsigned int i;
  for (i = 0; i < STACKS; ++i) {
    const unsigned int n = make_stack(entries, i);
    ((depot_stack_handle_t*)which)[i] = stack_depot_save(entries, n, GFP_KERNEL);
  }
  return 0;
}

static int __init stackdepot_checks(void) {
  struct task_struct* other;
  unsigned long entries[12];
  unsigned int i;
  CHECK(stack_depot_init() == 0);
  CHECK(stack_depot_save(entries, 0, GFP_KERNEL) == 0);
  other = kthread_run(store_all, stored[1], "stores");
  get_task_struct(other);
  store_all(stored[0]);
  while (stored[1][STACKS - 1] == 0) schedule_timeout_uninterruptible(1);
  put_task_struct(other);
  for (i = 0; i < STACKS; ++i) {
    CHECK(stored[0][i] != 0);
    CHECK(stored[0][i] == stored[1][i]);
    CHECK(is_stored(stored[0][i], i));
  }
  checks_end();
  return 0;
}
late_initcall(stackdepot_checks);
MODULE_LICENSE("GPL");
