#ifndef KMEM_TREE_LINUX_CPUHOTPLUG_H
#define KMEM_TREE_LINUX_CPUHOTPLUG_H
/* Callbacks for CPUs that come and go.  No CPU does: the startup callback is called for each CPU when it is registered, and the
 * teardown callback when it is removed, by the task that does so; -EBUSY: the state is taken.  The functions are in names.c. */
#include <linux/types.h>

enum cpuhp_state {
  CPUHP_INVALID = -1,
  CPUHP_OFFLINE = 0,
  CPUHP_RADIX_DEAD,
  CPUHP_PAGE_ALLOC,
  CPUHP_PERCPU_CNT_DEAD,
  CPUHP_LIB_PERCPU_CNT_DEAD,
  CPUHP_IRQ_POLL_DEAD,
  CPUHP_DEBUG_OBJ_DEAD,
  CPUHP_MM_MEMCQ_DEAD,
  CPUHP_MM_VMSTAT_DEAD,
  CPUHP_MM_WRITEBACK_DEAD,
  CPUHP_SLUB_DEAD,
  CPUHP_MM_ZS_PREPARE,
  CPUHP_MM_ZSWP_MEM_PREPARE,
  CPUHP_MM_ZSWP_POOL_PREPARE,
  CPUHP_ZCOMP_PREPARE,
  CPUHP_RANDOM_PREPARE,
  CPUHP_AP_RANDOM_ONLINE,
  CPUHP_AP_ONLINE_DYN, /* the next free of 16, which is returned */
  CPUHP_AP_ONLINE_DYN_END = CPUHP_AP_ONLINE_DYN + 15,
  CPUHP_BP_PREPARE_DYN,
  CPUHP_BP_PREPARE_DYN_END = CPUHP_BP_PREPARE_DYN + 15
};

struct hlist_node;
typedef int (*kmem_cpuhp_call)(unsigned int cpu, struct hlist_node* instance);
/* Callbacks of plain states have the CPU alone. */
int kmem_cpuhp_setup(int state, int last, bool calls, bool multi, kmem_cpuhp_call startup, kmem_cpuhp_call teardown);
void kmem_cpuhp_remove(int state, bool calls);
int kmem_cpuhp_add(int state, struct hlist_node* instance, bool calls);
int kmem_cpuhp_take(int state, struct hlist_node* instance, bool calls);

#define KMEM_CPUHP_SETUP_(state, calls, multi, startup, teardown)                                                        \
  kmem_cpuhp_setup((state),                                                                                              \
                   (state) == CPUHP_AP_ONLINE_DYN || (state) == CPUHP_BP_PREPARE_DYN ? (int)(state) + 15 : (int)(state), \
                   (calls), (multi), (kmem_cpuhp_call)(startup), (kmem_cpuhp_call)(teardown))
#define cpuhp_setup_state(state, name, startup, teardown) KMEM_CPUHP_SETUP_(state, true, false, startup, teardown)
#define cpuhp_setup_state_nocalls(state, name, startup, teardown) KMEM_CPUHP_SETUP_(state, false, false, startup, teardown)
#define cpuhp_setup_state_multi(state, name, startup, teardown) KMEM_CPUHP_SETUP_(state, false, true, startup, teardown)
#define cpuhp_remove_state(state) kmem_cpuhp_remove((state), true)
#define cpuhp_remove_state_nocalls(state) kmem_cpuhp_remove((state), false)
#define cpuhp_remove_multi_state(state) kmem_cpuhp_remove((state), false)
#define cpuhp_state_add_instance(state, node) kmem_cpuhp_add((state), (node), true)
#define cpuhp_state_add_instance_nocalls(state, node) kmem_cpuhp_add((state), (node), false)
#define cpuhp_state_remove_instance(state, node) kmem_cpuhp_take((state), (node), true)
#define cpuhp_state_remove_instance_nocalls(state, node) kmem_cpuhp_take((state), (node), false)
#endif
