#ifndef KMEM_LINUX_SHRINKER_H
#define KMEM_LINUX_SHRINKER_H
/* Shrinkers: memory that its owner can do without, and gives back when it is short.
 *
 * A shrinker counts what it could free (count_objects), and frees some of it when asked (scan_objects).  Both are called
 * in the context of whoever reclaims: a caller whose allocation may sleep, or a reclaim thread; with nothing of kmem's
 * held, so they may allocate and free, and that does not reclaim again.  Several may run at once.
 *
 * How hard is told by a priority from 12 (a 4096th of the objects) down to 0 (all), in batches.  Which calls are allowed
 * is in control->gfp_mask: a shrinker that takes a file system's locks looks for __GFP_FS in it and answers SHRINK_STOP,
 * or says SHRINKER_NEEDS_FS once and for all and is not called then; the same for __GFP_IO.
 *
 * Three forms, all accepted:
 *   now         s = shrinker_alloc(flags, "name-%d", n); fill in s; shrinker_register(s); ... shrinker_free(s);
 *   3.12 - 6.6  a struct shrinker of your own; register_shrinker(&s [, "name-%d", n]); ... unregister_shrinker(&s);
 *   2.6         s = set_shrinker(seeks, function); ... remove_shrinker(s);
 *
 * Meaning: the kernel's mm/shrinker.c and its <linux/shrinker.h>. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>

struct shrinker;
struct mem_cgroup;

/** One question. */
struct shrink_control {
  /** What whoever reclaims may do. */
  gfp_t gfp_mask;
  /** For SHRINKER_NUMA_AWARE: the node that is short; else 0. */
  int nid;
  /** Objects to look at. */
  unsigned long nr_to_scan;
  /** Of them, those looked at; scan_objects may set it to less, or more. */
  unsigned long nr_scanned;
  /** NULL: there are no memory groups. */
  struct mem_cgroup* memcg;
};

/** scan_objects: no progress can be made now. */
#define SHRINK_STOP (~0UL)
/** count_objects: there is nothing at all. */
#define SHRINK_EMPTY (~0UL - 1)
/** What it costs to make an object anew, in a unit that the kernel once called disk seeks. */
#define DEFAULT_SEEKS 2

#define SHRINKER_REGISTERED (1u << 0)
#define SHRINKER_ALLOCATED (1u << 1)
/** It keeps its objects by node, and wants to be asked for each. */
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
  /** Frees up to control->nr_to_scan of them; how many, or SHRINK_STOP. */
  unsigned long (*scan_objects)(struct shrinker* shrinker, struct shrink_control* control);
  /** Objects that one scan looks at; 0 for 128. */
  long batch;
  /** DEFAULT_SEEKS unless you know better.  0: half of the objects each time. */
  int seeks;
  unsigned flags;
  /** The owner's. */
  void* private_data;
  /** kmem's own. */
  unsigned long kmem_room[16];
};

KMEM_BEGIN_C

/** A new one, zero but for its flags; NULL without memory.  Names are read by people only, in the source.  Task
 *  context. */
KMEM_API struct shrinker* shrinker_alloc(unsigned int flags, const char* name, ...) KMEM_NOTHROW KMEM_PRINTF_LIKE(2, 3);
/** From now on it is called. */
KMEM_API void shrinker_register(struct shrinker* shrinker) KMEM_NOTHROW;
/** Waits until no call of it runs, and frees it; NULL is ignored.  Task context, not from the shrinker itself. */
KMEM_API void shrinker_free(struct shrinker* shrinker) KMEM_NOTHROW;

/** 0, or -EEXIST if it is registered already, -ENOMEM if 512 others are. */
KMEM_API int register_shrinker(struct shrinker* shrinker) KMEM_NOTHROW;
KMEM_API int kmem_register_shrinker_named(struct shrinker* shrinker, const char* name, ...) KMEM_NOTHROW
    KMEM_PRINTF_LIKE(2, 3);
/** Waits until no call of it runs; one that is not registered is ignored.  Task context, not from the shrinker itself. */
KMEM_API void unregister_shrinker(struct shrinker* shrinker) KMEM_NOTHROW;

/** Registration in two steps. */
KMEM_API int prealloc_shrinker(struct shrinker* shrinker) KMEM_NOTHROW;
KMEM_API int kmem_prealloc_shrinker_named(struct shrinker* shrinker, const char* name, ...) KMEM_NOTHROW
    KMEM_PRINTF_LIKE(2, 3);
KMEM_API void register_shrinker_prepared(struct shrinker* shrinker) KMEM_NOTHROW;
KMEM_API void free_prealloced_shrinker(struct shrinker* shrinker) KMEM_NOTHROW;

/** 2.6: one function that with nr_to_scan 0 answers how many objects there are, and else frees some and answers how many
 *  are left, or -1 where it cannot. */
typedef int (*shrinker_t)(int nr_to_scan, unsigned int gfp_mask);
KMEM_API struct shrinker* set_shrinker(int seeks, shrinker_t function) KMEM_NOTHROW;
KMEM_API void remove_shrinker(struct shrinker* shrinker) KMEM_NOTHROW;

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
