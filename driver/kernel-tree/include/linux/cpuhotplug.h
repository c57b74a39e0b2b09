#ifndef KMEM_TREE_LINUX_CPUHOTPLUG_H
#define KMEM_TREE_LINUX_CPUHOTPLUG_H
/* Registering a callback succeeds, but it is never called. */
#include <linux/types.h>
#define CPUHP_RADIX_DEAD 0
#define CPUHP_AP_ONLINE_DYN 0
#define CPUHP_MM_ZS_PREPARE 0
#define CPUHP_MM_ZSWP_POOL_PREPARE 0
#define CPUHP_ZCOMP_PREPARE 0
#define CPUHP_LIB_PERCPU_CNT_DEAD 0
#define CPUHP_PERCPU_CNT_DEAD 0
static inline int kmem_cpuhp(int state, const char* name, int (*startup)(unsigned int), int (*teardown)(unsigned int)) {
  (void)state, (void)name, (void)startup, (void)teardown;
  return 0;
}
#define cpuhp_setup_state(state, name, startup, teardown) kmem_cpuhp((state), (name), (startup), (teardown))
#define cpuhp_setup_state_nocalls(state, name, startup, teardown) kmem_cpuhp((state), (name), (startup), (teardown))
#define cpuhp_remove_state(state) ((void)(state))
#define cpuhp_remove_state_nocalls(state) ((void)(state))
#define cpuhp_setup_state_multi(state, name, startup, teardown) \
  ((void)(startup), (void)(teardown), kmem_cpuhp((state), (name), NULL, NULL))
#define cpuhp_remove_multi_state(state) ((void)(state))
#define cpuhp_state_add_instance(state, node) ((void)(node), 0)
#define cpuhp_state_add_instance_nocalls(state, node) ((void)(node), 0)
#define cpuhp_state_remove_instance(state, node) ((void)(node), 0)
#define cpuhp_state_remove_instance_nocalls(state, node) ((void)(node), 0)
#endif
