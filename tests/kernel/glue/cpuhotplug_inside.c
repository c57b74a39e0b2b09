/* driver/kernel-tree's <linux/cpuhotplug.h>: each CPU is started once and taken down once, and an error undoes what
 * was done. */
#include <linux/cpu.h>
#include <linux/list.h>
#include <linux/module.h>

#include "checks.h"

static unsigned int up, down, fails_at = ~0u;
static int start(unsigned int cpu) { return up == fails_at ? -ENOMEM : (++up, 0); }
static int stop(unsigned int cpu) { return ++down, 0; }
struct instance {
  struct hlist_node node;
  unsigned int up;
};
static int start_one(unsigned int cpu, struct hlist_node* node) { return ++hlist_entry(node, struct instance, node)->up, 0; }
static int stop_one(unsigned int cpu, struct hlist_node* node) { return --hlist_entry(node, struct instance, node)->up, 0; }

static int __init cpuhotplug_checks(void) {
  static struct instance one, other;
  const unsigned int cpus = num_possible_cpus();
  int state;
  CHECK(cpuhp_setup_state(CPUHP_MM_ZS_PREPARE, "checks", start, stop) == 0);
  CHECK(up == cpus);
  CHECK(cpuhp_setup_state(CPUHP_MM_ZS_PREPARE, "again", start, stop) == -EBUSY);
  cpuhp_remove_state(CPUHP_MM_ZS_PREPARE);
  CHECK(down == cpus);
  up = down = 0;
  fails_at = cpus - 1;
  CHECK(cpuhp_setup_state(CPUHP_MM_ZS_PREPARE, "fails", start, stop) == -ENOMEM);
  CHECK(down == cpus - 1);
  CHECK(cpuhp_setup_state_nocalls(CPUHP_MM_ZS_PREPARE, "no calls", start, stop) == 0);
  CHECK(up == cpus - 1);
  cpuhp_remove_state_nocalls(CPUHP_MM_ZS_PREPARE);
  CHECK(down == cpus - 1);
  state = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "multi", start_one, stop_one);
  CHECK(state >= CPUHP_AP_ONLINE_DYN);
  CHECK(cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "another", start_one, stop_one) == state + 1);
  CHECK(cpuhp_state_add_instance(state, &one.node) == 0);
  CHECK(cpuhp_state_add_instance_nocalls(state, &other.node) == 0);
  CHECK(one.up == cpus && other.up == 0);
  CHECK(cpuhp_state_remove_instance(state, &one.node) == 0);
  CHECK(one.up == 0);
  cpuhp_remove_multi_state(state);
  checks_end();
  return 0;
}
late_initcall(cpuhotplug_checks);
MODULE_LICENSE("GPL");
