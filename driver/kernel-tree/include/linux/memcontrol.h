#ifndef KMEM_TREE_LINUX_MEMCONTROL_H
#define KMEM_TREE_LINUX_MEMCONTROL_H
/* No memory groups, as in a kernel without CONFIG_MEMCG. */
#include <linux/types.h>
struct mem_cgroup;
struct obj_cgroup;
static inline int memcg_kmem_id(struct mem_cgroup* group) {
  (void)group;
  return -1;
}
static inline bool mem_cgroup_disabled(void) { return true; }
#define memcg_kmem_enabled() false
#endif
