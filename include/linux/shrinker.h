#ifndef KMEM_LINUX_SHRINKER_H
#define KMEM_LINUX_SHRINKER_H
/* Shrinkers: functions that free memory of a program's caches when memory is short.
 *
 * A shrinker counts what it could free (count_objects), and frees some of it when asked (scan_objects).  Both are called
 * in the context of the task that reclaims: a caller whose allocation may sleep, or a reclaim thread.  No lock of kmem is
 * held, so they may allocate and free, and that does not reclaim again.  Several may run at once.
 *
 * A priority from 12 (a 4096th of the objects) down to 0 (all) determines how much to free, in batches.
 * control->gfp_mask has the flags of the request: a shrinker that takes a file system's locks tests it for __GFP_FS and
 * returns SHRINK_STOP without it, or has the flag SHRINKER_NEEDS_FS and is then not called; the same for __GFP_IO.
 *
 * Three forms, all accepted:
 *   now         s = shrinker_alloc(flags, "name-%d", n); fill in s; shrinker_register(s); ... shrinker_free(s);
 *   3.12 - 6.6  a struct shrinker of the caller; register_shrinker(&s [, "name-%d", n]); ... unregister_shrinker(&s);
 *   2.6         s = set_shrinker(seeks, function); ... remove_shrinker(s);
 *
 * Making, registering and unregistering may sleep: task context.
 *
 * Meaning: the kernel's mm/shrinker.c and its <linux/shrinker.h>. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>

struct shrinker;
struct mem_cgroup;

/** The arguments of a call. */
struct shrink_control {
  /** The flags of the request that reclaims. */
  gfp_t gfp_mask;
  /** For SHRINKER_NUMA_AWARE: the node that is short; else 0. */
  int nid;
  /** Objects to scan. */
  unsigned long nr_to_scan;
  /** Objects that were scanned; scan_objects may set it lower, or higher. */
  unsigned long nr_scanned;
  /** NULL: there are no memory groups. */
  struct mem_cgroup* memcg;
};

/** scan_objects: no progress can be made now. */
#define SHRINK_STOP (~0UL)
/** count_objects: there is nothing at all. */
#define SHRINK_EMPTY (~0UL - 1)
/** The cost of making an object again, in a unit that the kernel once called disk seeks. */
#define DEFAULT_SEEKS 2

#define SHRINKER_REGISTERED (1u << 0)
#define SHRINKER_ALLOCATED (1u << 1)
/** The shrinker keeps its objects by node, and is called for each node. */
#define SHRINKER_NUMA_AWARE (1u << 2)
/** Accepted; there are no memory groups. */
#define SHRINKER_MEMCG_AWARE (1u << 3)
#define SHRINKER_NONSLAB (1u << 4)
/** kmem's own: it calls into a file system, or starts I/O.  Not called for GFP_NOFS, or GFP_NOIO. */
#define SHRINKER_NEEDS_FS (1u << 16)
#define SHRINKER_NEEDS_IO (1u << 17)

struct shrinker {
  /** Objects that could be freed now; 0 or SHRINK_EMPTY for none. */
  unsigned long (*count_objects)(struct shrinker* shrinker, struct shrink_control* control);
  /** Frees up to control->nr_to_scan objects; returns how many, or SHRINK_STOP. */
  unsigned long (*scan_objects)(struct shrinker* shrinker, struct shrink_control* control);
  /** Objects per call of scan_objects; 0 for 128. */
  long batch;
  /** Usually DEFAULT_SEEKS.  0: half of the objects each time. */
  int seeks;
  unsigned flags;
  /** The owner's. */
  void* private_data;
  /** kmem's own. */
  uint64_t kmem_room[16];
};

KMEM_BEGIN_C

/** A new shrinker, zeroed except its flags; NULL without memory. The name is not used. */
KMEM_API struct shrinker* shrinker_alloc(unsigned int flags, const char* name, ...) KMEM_NOTHROW_NAME(shrinker_alloc)
    KMEM_PRINTF_LIKE(2, 3);
/** From now on it is called. */
KMEM_API void shrinker_register(struct shrinker* shrinker) KMEM_NOTHROW_NAME(shrinker_register);
/** Waits until no call of it runs, and frees it; NULL is ignored.  May sleep: task context, not from the shrinker itself. */
KMEM_API void shrinker_free(struct shrinker* shrinker) KMEM_NOTHROW_NAME(shrinker_free);

/** 0, or -EEXIST if it is registered already, -ENOMEM if 512 others are. */
KMEM_API int register_shrinker(struct shrinker* shrinker) KMEM_NOTHROW_NAME(register_shrinker);
KMEM_API int kmem_register_shrinker_named(struct shrinker* shrinker, const char* name, ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 3);
/** Waits until no call of it runs; ignored if it is not registered. May sleep: task context, not in the shrinker itself. */
KMEM_API void unregister_shrinker(struct shrinker* shrinker) KMEM_NOTHROW_NAME(unregister_shrinker);

/** Registration in two steps. */
KMEM_API int prealloc_shrinker(struct shrinker* shrinker) KMEM_NOTHROW_NAME(prealloc_shrinker);
KMEM_API int kmem_prealloc_shrinker_named(struct shrinker* shrinker, const char* name, ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 3);
KMEM_API void register_shrinker_prepared(struct shrinker* shrinker) KMEM_NOTHROW_NAME(register_shrinker_prepared);
KMEM_API void free_prealloced_shrinker(struct shrinker* shrinker) KMEM_NOTHROW_NAME(free_prealloced_shrinker);

/** 2.6: a single function. With nr_to_scan 0 it returns the number of objects; otherwise it frees some and returns how many are
 *  left, or -1 if it cannot free any. */
typedef int (*shrinker_t)(int nr_to_scan, unsigned int gfp_mask);
KMEM_API struct shrinker* set_shrinker(int seeks, shrinker_t function) KMEM_NOTHROW_NAME(set_shrinker);
KMEM_API void remove_shrinker(struct shrinker* shrinker) KMEM_NOTHROW_NAME(remove_shrinker);

KMEM_END_C

/* With a name (6.0 to 6.6) or without. */
#ifdef __cplusplus
KMEM_PRINTF_LIKE(2, 3) inline int register_shrinker(struct shrinker* shrinker, const char*, ...) noexcept {
  return register_shrinker(shrinker);
}
KMEM_PRINTF_LIKE(2, 3) inline int prealloc_shrinker(struct shrinker* shrinker, const char*, ...) noexcept {
  return prealloc_shrinker(shrinker);
}
#else
#define KMEM_NINTH_(a, b, c, d, e, f, g, h, name, ...) name
#define KMEM_WITH_NAME_(with, without, ...) \
  KMEM_NINTH_(__VA_ARGS__, with, with, with, with, with, with, with, without, 0)(__VA_ARGS__)
#define register_shrinker(...) KMEM_WITH_NAME_(kmem_register_shrinker_named, register_shrinker, __VA_ARGS__)
#define prealloc_shrinker(...) KMEM_WITH_NAME_(kmem_prealloc_shrinker_named, prealloc_shrinker, __VA_ARGS__)
#endif

#endif
