#ifndef KMEM_LINUX_LIST_LRU_H
#define KMEM_LINUX_LIST_LRU_H
/* LRU lists, one for each node, from which a shrinker frees (<linux/shrinker.h>).
 *
 *   list_lru_init(&lru);
 *   list_lru_add_obj(&lru, &object->link);         idle: at the end of its node's list
 *   list_lru_del_obj(&lru, &object->link);         in use again
 *   count_objects:  return list_lru_shrink_count(&lru, control);
 *   scan_objects:   return list_lru_shrink_walk(&lru, control, isolate, &freeable);
 *
 * isolate() is called for each item, oldest first, under the list's lock, and decides what happens to it. Before 6.13 it had
 * the lock as its third argument; both forms are accepted.
 *
 * There are no memory groups: memcg arguments are NULL, and a memcg-aware list is an ordinary one. Initialising may sleep: task
 * context. The others: any context that may take the list's spin lock; if interrupts take it too, use the _irq forms, as in the
 * kernel.
 *
 * Meaning: the kernel's <linux/list_lru.h>. */
#include <kmem/c_face.h>
#include <linux/list.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>

#ifdef KMEM_NO_KERNEL_TYPES
struct list_head;
#endif
struct mem_cgroup;

/** One node's list. isolate() may drop the lock and take it again, and must then return a _RETRY value. */
struct list_lru_one {
#ifndef KMEM_NO_KERNEL_TYPES
  struct list_head list;
#else
  void* list[2];
#endif
  long nr_items;
  spinlock_t lock;
};
struct list_lru {
  struct list_lru_one* node; /* kmem's: one for each */
  unsigned int kmem_nodes;
};

enum lru_status {
  LRU_REMOVED,       /**< taken out, by list_lru_isolate() */
  LRU_REMOVED_RETRY, /**< taken out, and the lock was dropped meanwhile: it is held again */
  LRU_ROTATE,        /**< used since: to the end of the list */
  LRU_SKIP,          /**< cannot be taken now: stays where it is */
  LRU_RETRY,         /**< stays, and the lock was dropped meanwhile: it is held again */
  LRU_STOP           /**< ends the walk; the item stays */
};
typedef enum lru_status (*list_lru_walk_cb)(struct list_head* item, struct list_lru_one* list, void* argument);
typedef enum lru_status (*kmem_list_lru_walk_cb_4)(struct list_head* item, struct list_lru_one* list, spinlock_t* lock,
                                                   void* argument);

KMEM_BEGIN_C

/** Empty lists; 0 or -ENOMEM. */
KMEM_API int list_lru_init(struct list_lru* lru) KMEM_NOTHROW_NAME(list_lru_init);
/** The items are not freed. Does nothing for a destroyed or zeroed list. */
KMEM_API void list_lru_destroy(struct list_lru* lru) KMEM_NOTHROW_NAME(list_lru_destroy);
static inline int list_lru_init_memcg(struct list_lru* lru, struct shrinker* shrinker) {
  return (void)shrinker, list_lru_init(lru);
}
static inline bool list_lru_memcg_aware(struct list_lru* lru) { return (void)lru, false; }

/** Adds the item at the end of node nid's list, if it is in no list (an empty list_head); and removes it, if it is in one.
 *  Returns whether that was done. A nonexistent node is reported, and nothing is done. */
KMEM_API bool kmem_list_lru_add(struct list_lru* lru, struct list_head* item, int nid) KMEM_NOTHROW;
KMEM_API bool kmem_list_lru_del(struct list_lru* lru, struct list_head* item, int nid) KMEM_NOTHROW;
/** The same for the node of the item's memory. */
KMEM_API bool list_lru_add_obj(struct list_lru* lru, struct list_head* item) KMEM_NOTHROW_NAME(list_lru_add_obj);
KMEM_API bool list_lru_del_obj(struct list_lru* lru, struct list_head* item) KMEM_NOTHROW_NAME(list_lru_del_obj);

/** The number of items of one node, and of all nodes. */
KMEM_API unsigned long list_lru_count_node(struct list_lru* lru, int nid) KMEM_NOTHROW_NAME(list_lru_count_node);
KMEM_API unsigned long list_lru_count(struct list_lru* lru) KMEM_NOTHROW_NAME(list_lru_count);
static inline unsigned long list_lru_count_one(struct list_lru* lru, int nid, struct mem_cgroup* memcg) {
  return (void)memcg, list_lru_count_node(lru, nid);
}
static inline unsigned long list_lru_shrink_count(struct list_lru* lru, struct shrink_control* control) {
  return list_lru_count_node(lru, control->nid);
}

/** For isolate(): removes the item from the list, or moves it to a list of the caller. */
KMEM_API void list_lru_isolate(struct list_lru_one* list, struct list_head* item) KMEM_NOTHROW_NAME(list_lru_isolate);
KMEM_API void list_lru_isolate_move(struct list_lru_one* list, struct list_head* item, struct list_head* head)
    KMEM_NOTHROW_NAME(list_lru_isolate_move);

/** Calls isolate() for up to *nr_to_walk items of one node, and decrements *nr_to_walk; returns the number of items removed. */
KMEM_API unsigned long kmem_list_lru_walk(struct list_lru* lru, int nid, list_lru_walk_cb isolate, void* argument,
                                          unsigned long* nr_to_walk, bool irqs_off);
KMEM_API unsigned long kmem_list_lru_walk_4(struct list_lru* lru, int nid, kmem_list_lru_walk_cb_4 isolate, void* argument,
                                            unsigned long* nr_to_walk, bool irqs_off);
/** The same for all nodes, in ascending order. */
KMEM_API unsigned long kmem_list_lru_walk_all(struct list_lru* lru, list_lru_walk_cb isolate, void* argument,
                                              unsigned long nr_to_walk);
KMEM_API unsigned long kmem_list_lru_walk_all_4(struct list_lru* lru, kmem_list_lru_walk_cb_4 isolate, void* argument,
                                                unsigned long nr_to_walk);

KMEM_END_C

/* Select the function by the form of isolate(). */
#ifdef __cplusplus
inline unsigned long kmem_list_lru_walk(struct list_lru* lru, int nid, kmem_list_lru_walk_cb_4 isolate, void* argument,
                                        unsigned long* nr_to_walk, bool irqs_off) {
  return kmem_list_lru_walk_4(lru, nid, isolate, argument, nr_to_walk, irqs_off);
}
inline unsigned long kmem_list_lru_walk_all(struct list_lru* lru, kmem_list_lru_walk_cb_4 isolate, void* argument,
                                            unsigned long nr_to_walk) {
  return kmem_list_lru_walk_all_4(lru, isolate, argument, nr_to_walk);
}
#define KMEM_LRU_WALK_(isolate) kmem_list_lru_walk
#define KMEM_LRU_WALK_ALL_(isolate) kmem_list_lru_walk_all
#else
#define KMEM_LRU_FOUR_(isolate, four, three) \
  _Generic((isolate), enum lru_status(*)(struct list_head*, struct list_lru_one*, spinlock_t*, void*) : four, default : three)
#define KMEM_LRU_WALK_(isolate) KMEM_LRU_FOUR_(isolate, kmem_list_lru_walk_4, kmem_list_lru_walk)
#define KMEM_LRU_WALK_ALL_(isolate) KMEM_LRU_FOUR_(isolate, kmem_list_lru_walk_all_4, kmem_list_lru_walk_all)
#endif
#define list_lru_walk_node(lru, nid, isolate, argument, nr_to_walk) \
  KMEM_LRU_WALK_(isolate)((lru), (nid), (isolate), (argument), (nr_to_walk), false)
#define list_lru_walk_one(lru, nid, memcg, isolate, argument, nr_to_walk) \
  ((void)(struct mem_cgroup*)(memcg), list_lru_walk_node(lru, nid, isolate, argument, nr_to_walk))
/** With interrupts off while the lock is held. */
#define list_lru_walk_one_irq(lru, nid, memcg, isolate, argument, nr_to_walk) \
  ((void)(struct mem_cgroup*)(memcg), KMEM_LRU_WALK_(isolate)((lru), (nid), (isolate), (argument), (nr_to_walk), true))
/** For the node and number of items of `control`, which is decremented. */
#define list_lru_shrink_walk(lru, control, isolate, argument) KMEM_LRU_SHRINK_WALK_(lru, control, isolate, argument, false)
#define list_lru_shrink_walk_irq(lru, control, isolate, argument) KMEM_LRU_SHRINK_WALK_(lru, control, isolate, argument, true)
#define KMEM_LRU_SHRINK_WALK_(lru, control, isolate, argument, irqs_off)                                           \
  __extension__({                                                                                                  \
    struct shrink_control* const kmem_control = (control);                                                         \
    KMEM_LRU_WALK_(isolate)((lru), kmem_control->nid, (isolate), (argument), &kmem_control->nr_to_scan, irqs_off); \
  })
#define list_lru_walk(lru, isolate, argument, nr_to_walk) \
  KMEM_LRU_WALK_ALL_(isolate)((lru), (isolate), (argument), (nr_to_walk))

/* (lru, item) until 6.7, by the item's node, and (lru, item, nid, memcg). */
#define list_lru_add(...) KMEM_LRU_PICK_(__VA_ARGS__, KMEM_LRU_ADD_4_, KMEM_LRU_NONE_, list_lru_add_obj, )(__VA_ARGS__)
#define list_lru_del(...) KMEM_LRU_PICK_(__VA_ARGS__, KMEM_LRU_DEL_4_, KMEM_LRU_NONE_, list_lru_del_obj, )(__VA_ARGS__)
#define KMEM_LRU_PICK_(a, b, c, d, name, ...) name
#define KMEM_LRU_ADD_4_(lru, item, nid, memcg) ((void)(struct mem_cgroup*)(memcg), kmem_list_lru_add((lru), (item), (nid)))
#define KMEM_LRU_DEL_4_(lru, item, nid, memcg) ((void)(struct mem_cgroup*)(memcg), kmem_list_lru_del((lru), (item), (nid)))

#endif
