#ifndef KMEM_LINUX_XARRAY_H
#define KMEM_LINUX_XARRAY_H
/* An array of pointers by unsigned long, sparse, with marks, that locks itself.  A tree of nodes of 64 from a slab cache.
 *
 * Entries are pointers to memory aligned to 4 bytes, or numbers (xa_mk_value()).  NULL is no entry.  Readers take no lock
 * (rcu_read_lock() inside): an entry that they found may be erased meanwhile.  Functions that store take xa_lock for a moment
 * and may sleep before, where `gfp` allows it; the _bh and _irq forms keep softirqs or interrupts out, and those with two
 * underscores need the lock held, and may drop it for a while.
 *
 * Of the kernel's advanced interface, xas_...(), there is nothing here; its own sources, which use it, are built on the
 * kernel's own xarray (docs/kernel-tree.md).  xa_store_range() stores each index on its own.
 * Meaning: the kernel's Documentation/core-api/xarray.rst. */
#include <kmem/driver_face.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct xarray {
  spinlock_t xa_lock;
  gfp_t xa_flags;
  void* xa_head;
};
typedef unsigned int xa_mark_t;
#define XA_MARK_0 ((xa_mark_t)0U)
#define XA_MARK_1 ((xa_mark_t)1U)
#define XA_MARK_2 ((xa_mark_t)2U)
/** Used as a mark, it matches every entry. */
#define XA_PRESENT ((xa_mark_t)8U)
#define XA_MARK_MAX XA_MARK_2
#define XA_FREE_MARK XA_MARK_0

#define XA_FLAGS_LOCK_IRQ ((gfp_t)1U)
#define XA_FLAGS_LOCK_BH ((gfp_t)2U)
/** xa_alloc() gives indices: from 0, or from 1. */
#define XA_FLAGS_ALLOC ((gfp_t)4U)
#define XA_FLAGS_ALLOC1 ((gfp_t)12U)
#define XARRAY_INIT(name, flags) \
  { __SPIN_LOCK_UNLOCKED(name.xa_lock), (flags), NULL }
#define DEFINE_XARRAY_FLAGS(name, flags) struct xarray name = XARRAY_INIT(name, flags)
#define DEFINE_XARRAY(name) DEFINE_XARRAY_FLAGS(name, 0)
#define DEFINE_XARRAY_ALLOC(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC)
#define DEFINE_XARRAY_ALLOC1(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC1)

struct xa_limit {
  u32 max;
  u32 min;
};
#ifdef __cplusplus
#define XA_LIMIT(low, high) (xa_limit{(u32)(high), (u32)(low)})
#else
#define XA_LIMIT(low, high) \
  (struct xa_limit) { (u32)(high), (u32)(low) }
#endif
#define xa_limit_32b XA_LIMIT(0, 0xffffffffu)
#define xa_limit_31b XA_LIMIT(0, 0x7fffffff)
#define xa_limit_16b XA_LIMIT(0, 0xffff)

KMEM_BEGIN_C

/** Numbers of up to LONG_MAX as entries, and pointers with a tag of 0, 1 or 3 in the lowest bits. */
static inline void* xa_mk_value(unsigned long value) { return (void*)(value << 1 | 1); }
static inline unsigned long xa_to_value(const void* entry) { return (unsigned long)entry >> 1; }
static inline bool xa_is_value(const void* entry) { return ((unsigned long)entry & 1) != 0; }
static inline void* xa_tag_pointer(void* pointer, unsigned long tag) { return (void*)((unsigned long)pointer | tag); }
static inline void* xa_untag_pointer(void* entry) { return (void*)((unsigned long)entry & ~3UL); }
static inline unsigned int xa_pointer_tag(void* entry) { return (unsigned int)((unsigned long)entry & 3UL); }
/* The entry of a reserved index: readers see NULL. */
#define XA_ZERO_ENTRY ((void*)(257UL << 2 | 2))
static inline bool xa_is_zero(const void* entry) { return entry == XA_ZERO_ENTRY; }
/** Errors as return values, of xa_store() and related functions. */
static inline bool xa_is_err(const void* entry) {
  return ((unsigned long)entry & 3) == 2 && (long)entry >> 2 < 0 && (long)entry >> 2 >= -4095;
}
static inline int xa_err(const void* entry) { return xa_is_err(entry) ? (int)((long)entry >> 2) : 0; }

static inline void xa_init_flags(struct xarray* xa, gfp_t flags) {
  spin_lock_init(&xa->xa_lock);
  xa->xa_flags = flags;
  xa->xa_head = NULL;
}
static inline void xa_init(struct xarray* xa) { xa_init_flags(xa, 0); }
static inline bool xa_empty(const struct xarray* xa) { return __atomic_load_n(&xa->xa_head, __ATOMIC_RELAXED) == NULL; }

#define xa_trylock(xa) spin_trylock(&(xa)->xa_lock)
#define xa_lock(xa) spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa) spin_unlock(&(xa)->xa_lock)
#define xa_lock_bh(xa) spin_lock_bh(&(xa)->xa_lock)
#define xa_unlock_bh(xa) spin_unlock_bh(&(xa)->xa_lock)
#define xa_lock_irq(xa) spin_lock_irq(&(xa)->xa_lock)
#define xa_unlock_irq(xa) spin_unlock_irq(&(xa)->xa_lock)
#define xa_lock_irqsave(xa, flags) spin_lock_irqsave(&(xa)->xa_lock, flags)
#define xa_unlock_irqrestore(xa, flags) spin_unlock_irqrestore(&(xa)->xa_lock, flags)

/** Any context. */
KMEM_API void* xa_load(struct xarray* xa, unsigned long index) KMEM_DRIVER_NAME(xa_load);
KMEM_API bool xa_get_mark(struct xarray* xa, unsigned long index, xa_mark_t mark) KMEM_DRIVER_NAME(xa_get_mark);
/** Is any entry marked? */
KMEM_API bool xa_marked(const struct xarray* xa, xa_mark_t mark) KMEM_DRIVER_NAME(xa_marked);
/** The first entry with that mark from *index to max; stores its index in *index. NULL if there is none. The second form starts
 *  after *index. */
KMEM_API void* xa_find(struct xarray* xa, unsigned long* index, unsigned long max, xa_mark_t filter) KMEM_DRIVER_NAME(xa_find);
KMEM_API void* xa_find_after(struct xarray* xa, unsigned long* index, unsigned long max, xa_mark_t filter)
    KMEM_DRIVER_NAME(xa_find_after);
/** Copies up to n of the entries; returns how many. */
KMEM_API unsigned int xa_extract(struct xarray* xa, void** to, unsigned long start, unsigned long max, unsigned int n,
                                 xa_mark_t filter) KMEM_DRIVER_NAME(xa_extract);

/** Returns the old entry, or an error: -EINVAL for an invalid entry, -ENOMEM. Storing NULL erases, but in an allocating array
 *  the index stays taken. */
KMEM_API void* __xa_store(struct xarray* xa, unsigned long index, void* entry, gfp_t gfp) KMEM_DRIVER_NAME(__xa_store);
KMEM_API void* __xa_erase(struct xarray* xa, unsigned long index) KMEM_DRIVER_NAME(__xa_erase);
/** Stores if the current entry is `old`; returns the current entry. */
KMEM_API void* __xa_cmpxchg(struct xarray* xa, unsigned long index, void* old, void* entry, gfp_t gfp)
    KMEM_DRIVER_NAME(__xa_cmpxchg);
/** 0; -EBUSY (-16) if there is an entry or the index is reserved. */
KMEM_API int __xa_insert(struct xarray* xa, unsigned long index, void* entry, gfp_t gfp)
    KMEM_DRIVER_NAME(__xa_insert) KMEM_MUST_CHECK;
/** Allocates the lowest free index in the limit: 0; -EBUSY if there is none. */
KMEM_API int __xa_alloc(struct xarray* xa, u32* id, void* entry, struct xa_limit limit, gfp_t gfp)
    KMEM_DRIVER_NAME(__xa_alloc) KMEM_MUST_CHECK;
/** Searches from *next on, and then from the limit's start: returns 1 in that case. Sets *next after the index. */
KMEM_API int __xa_alloc_cyclic(struct xarray* xa, u32* id, void* entry, struct xa_limit limit, u32* next, gfp_t gfp)
    KMEM_DRIVER_NAME(__xa_alloc_cyclic) KMEM_MUST_CHECK;
/** Does nothing for an index without an entry. */
KMEM_API void __xa_set_mark(struct xarray* xa, unsigned long index, xa_mark_t mark) KMEM_DRIVER_NAME(__xa_set_mark);
KMEM_API void __xa_clear_mark(struct xarray* xa, unsigned long index, xa_mark_t mark) KMEM_DRIVER_NAME(__xa_clear_mark);
/** Takes all entries out; they are the caller's to free. */
KMEM_API void xa_destroy(struct xarray* xa) KMEM_DRIVER_NAME(xa_destroy);
KMEM_API void* xa_store_range(struct xarray* xa, unsigned long first, unsigned long last, void* entry, gfp_t gfp)
    KMEM_DRIVER_NAME(xa_store_range);

/* Each with the lock taken, in three ways. */
#define KMEM_XA_FORMS_(suffix, lock, unlock)                                                                                \
  static inline void* xa_store##suffix(struct xarray* xa, unsigned long index, void* entry, gfp_t gfp) {                    \
    void* was;                                                                                                              \
    lock(xa);                                                                                                               \
    was = __xa_store(xa, index, entry, gfp);                                                                                \
    unlock(xa);                                                                                                             \
    return was;                                                                                                             \
  }                                                                                                                         \
  static inline void* xa_erase##suffix(struct xarray* xa, unsigned long index) {                                            \
    void* was;                                                                                                              \
    lock(xa);                                                                                                               \
    was = __xa_erase(xa, index);                                                                                            \
    unlock(xa);                                                                                                             \
    return was;                                                                                                             \
  }                                                                                                                         \
  static inline void* xa_cmpxchg##suffix(struct xarray* xa, unsigned long index, void* old, void* entry, gfp_t gfp) {       \
    void* was;                                                                                                              \
    lock(xa);                                                                                                               \
    was = __xa_cmpxchg(xa, index, old, entry, gfp);                                                                         \
    unlock(xa);                                                                                                             \
    return was;                                                                                                             \
  }                                                                                                                         \
  KMEM_MUST_CHECK static inline int xa_insert##suffix(struct xarray* xa, unsigned long index, void* entry, gfp_t gfp) {     \
    int error;                                                                                                              \
    lock(xa);                                                                                                               \
    error = __xa_insert(xa, index, entry, gfp);                                                                             \
    unlock(xa);                                                                                                             \
    return error;                                                                                                           \
  }                                                                                                                         \
  KMEM_MUST_CHECK static inline int xa_alloc##suffix(struct xarray* xa, u32* id, void* entry, struct xa_limit limit,        \
                                                     gfp_t gfp) {                                                           \
    int error;                                                                                                              \
    lock(xa);                                                                                                               \
    error = __xa_alloc(xa, id, entry, limit, gfp);                                                                          \
    unlock(xa);                                                                                                             \
    return error;                                                                                                           \
  }                                                                                                                         \
  KMEM_MUST_CHECK static inline int xa_alloc_cyclic##suffix(struct xarray* xa, u32* id, void* entry, struct xa_limit limit, \
                                                            u32* next, gfp_t gfp) {                                         \
    int error;                                                                                                              \
    lock(xa);                                                                                                               \
    error = __xa_alloc_cyclic(xa, id, entry, limit, next, gfp);                                                             \
    unlock(xa);                                                                                                             \
    return error;                                                                                                           \
  }                                                                                                                         \
  /** Keeps the index for a later store, which then needs no memory; readers see NULL. */                                   \
  KMEM_MUST_CHECK static inline int xa_reserve##suffix(struct xarray* xa, unsigned long index, gfp_t gfp) {                 \
    return xa_err(xa_cmpxchg##suffix(xa, index, NULL, XA_ZERO_ENTRY, gfp));                                                 \
  }
KMEM_XA_FORMS_(, xa_lock, xa_unlock)
KMEM_XA_FORMS_(_bh, xa_lock_bh, xa_unlock_bh)
KMEM_XA_FORMS_(_irq, xa_lock_irq, xa_unlock_irq)
#undef KMEM_XA_FORMS_
/** Gives back an index that was reserved and not stored to. */
static inline void xa_release(struct xarray* xa, unsigned long index) { (void)xa_cmpxchg(xa, index, XA_ZERO_ENTRY, NULL, 0); }
static inline void xa_set_mark(struct xarray* xa, unsigned long index, xa_mark_t mark) {
  xa_lock(xa);
  __xa_set_mark(xa, index, mark);
  xa_unlock(xa);
}
static inline void xa_clear_mark(struct xarray* xa, unsigned long index, xa_mark_t mark) {
  xa_lock(xa);
  __xa_clear_mark(xa, index, mark);
  xa_unlock(xa);
}

KMEM_END_C

/** The entries from start to last, with a mark, in order; the loop's body may store and erase. */
#define xa_for_each_range(xa, index, entry, start, last)                                                     \
  for ((index) = (start), (entry) = (__typeof__(entry))xa_find((xa), &(index), (last), XA_PRESENT); (entry); \
       (entry) = (__typeof__(entry))xa_find_after((xa), &(index), (last), XA_PRESENT))
#define xa_for_each_start(xa, index, entry, start) xa_for_each_range(xa, index, entry, start, ~0UL)
#define xa_for_each(xa, index, entry) xa_for_each_start(xa, index, entry, 0)
#define xa_for_each_marked(xa, index, entry, filter)                                               \
  for ((index) = 0, (entry) = (__typeof__(entry))xa_find((xa), &(index), ~0UL, (filter)); (entry); \
       (entry) = (__typeof__(entry))xa_find_after((xa), &(index), ~0UL, (filter)))
#endif
