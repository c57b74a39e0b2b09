#ifndef KMEM_LINUX_IDR_H
#define KMEM_LINUX_IDR_H
/* Numbers for pointers (idr), and numbers alone (ida), the lowest that is free; over <linux/xarray.h>.
 *
 * An ida locks itself; concurrent changes of an idr need the caller's lock. idr_find() needs only RCU. -ENOMEM; -ENOSPC (-28)
 * if the range is used up. May sleep if the flags allow it.
 * Meaning: the kernel's Documentation/core-api/idr.rst. */
#include <linux/xarray.h>

struct idr {
  struct xarray idr_rt;
  unsigned int idr_base;
  unsigned int idr_next;
};
#define IDR_INIT_BASE(name, base) \
  { XARRAY_INIT(name.idr_rt, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_IRQ), (base), 0 }
#define IDR_INIT(name) IDR_INIT_BASE(name, 0)
#define DEFINE_IDR(name) struct idr name = IDR_INIT(name)

/** How many numbers of an ida share memory. */
#define IDA_CHUNK_SIZE 128
#define IDA_BITMAP_LONGS (IDA_CHUNK_SIZE / sizeof(long))
#define IDA_BITMAP_BITS (IDA_BITMAP_LONGS * sizeof(long) * 8)
struct ida {
  struct xarray xa;
};
#define IDA_INIT_FLAGS (XA_FLAGS_LOCK_IRQ | XA_FLAGS_ALLOC)
#define IDA_INIT(name) \
  { XARRAY_INIT(name.xa, IDA_INIT_FLAGS) }
#define DEFINE_IDA(name) struct ida name = IDA_INIT(name)

KMEM_BEGIN_C

static inline void idr_init_base(struct idr* idr, int base) {
  xa_init_flags(&idr->idr_rt, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_IRQ);
  idr->idr_base = (unsigned int)base;
  idr->idr_next = 0;
}
static inline void idr_init(struct idr* idr) { idr_init_base(idr, 0); }
/** Where idr_alloc_cyclic() goes on. */
static inline unsigned int idr_get_cursor(const struct idr* idr) { return __atomic_load_n(&idr->idr_next, __ATOMIC_RELAXED); }
static inline void idr_set_cursor(struct idr* idr, unsigned int at) { __atomic_store_n(&idr->idr_next, at, __ATOMIC_RELAXED); }

/** Allocates a number from start to end - 1; an end of 0 or below means INT_MAX. The pointer may be NULL. */
KMEM_API int idr_alloc(struct idr* idr, void* pointer, int start, int end, gfp_t gfp) KMEM_DRIVER_NAME(idr_alloc);
/** Allocates a number from *id to max and stores it in *id; returns 0. */
KMEM_API int idr_alloc_u32(struct idr* idr, void* pointer, u32* id, unsigned long max, gfp_t gfp)
    KMEM_DRIVER_NAME(idr_alloc_u32) KMEM_MUST_CHECK;
/** Searches after the number allocated last, and from the start when the end is reached. */
KMEM_API int idr_alloc_cyclic(struct idr* idr, void* pointer, int start, int end, gfp_t gfp) KMEM_DRIVER_NAME(idr_alloc_cyclic);
/** Removes the number; returns its pointer, NULL if there was none. */
KMEM_API void* idr_remove(struct idr* idr, unsigned long id) KMEM_DRIVER_NAME(idr_remove);
KMEM_API void* idr_find(const struct idr* idr, unsigned long id) KMEM_DRIVER_NAME(idr_find);
/** Returns the old pointer; ERR_PTR(-ENOENT) for a number that is not in use. */
KMEM_API void* idr_replace(struct idr* idr, void* pointer, unsigned long id) KMEM_DRIVER_NAME(idr_replace);
/** Calls call() for each entry until it returns non-zero; returns that value, else 0. */
KMEM_API int idr_for_each(const struct idr* idr, int (*call)(int id, void* pointer, void* data), void* data)
    KMEM_DRIVER_NAME(idr_for_each);
/** The first entry at or after *id; stores its number in *id. */
KMEM_API void* idr_get_next(struct idr* idr, int* id) KMEM_DRIVER_NAME(idr_get_next);
KMEM_API void* idr_get_next_ul(struct idr* idr, unsigned long* id) KMEM_DRIVER_NAME(idr_get_next_ul);
KMEM_API void idr_destroy(struct idr* idr) KMEM_DRIVER_NAME(idr_destroy);
static inline bool idr_is_empty(const struct idr* idr) { return xa_empty(&idr->idr_rt); }
/** Preloads nothing, because the allocation finds its memory itself; turns preemption off, as in the kernel. */
KMEM_API void idr_preload(gfp_t gfp) KMEM_DRIVER_NAME(idr_preload);
KMEM_API void idr_preload_end(void) KMEM_DRIVER_NAME(idr_preload_end);

KMEM_API int ida_alloc_range(struct ida* ida, unsigned int min, unsigned int max, gfp_t gfp) KMEM_DRIVER_NAME(ida_alloc_range);
/** A number that is not in use is reported. */
KMEM_API void ida_free(struct ida* ida, unsigned int id) KMEM_DRIVER_NAME(ida_free);
static inline void ida_destroy(struct ida* ida) { xa_destroy(&ida->xa); }
static inline void ida_init(struct ida* ida) { xa_init_flags(&ida->xa, IDA_INIT_FLAGS); }
static inline bool ida_is_empty(const struct ida* ida) { return xa_empty(&ida->xa); }
static inline int ida_alloc(struct ida* ida, gfp_t gfp) { return ida_alloc_range(ida, 0, ~0u, gfp); }
static inline int ida_alloc_min(struct ida* ida, unsigned int min, gfp_t gfp) { return ida_alloc_range(ida, min, ~0u, gfp); }
static inline int ida_alloc_max(struct ida* ida, unsigned int max, gfp_t gfp) { return ida_alloc_range(ida, 0, max, gfp); }
/** Until 6.4; an end of 0 is none. */
static inline int ida_simple_get(struct ida* ida, unsigned int start, unsigned int end, gfp_t gfp) {
  return ida_alloc_range(ida, start, end - 1, gfp);
}
static inline void ida_simple_remove(struct ida* ida, unsigned int id) { ida_free(ida, id); }

KMEM_END_C

#define idr_lock(idr) xa_lock(&(idr)->idr_rt)
#define idr_unlock(idr) xa_unlock(&(idr)->idr_rt)
#define idr_for_each_entry(idr, entry, id) \
  for ((id) = 0; ((entry) = (__typeof__(entry))idr_get_next((idr), &(id))) != NULL; ++(id))
#define idr_for_each_entry_ul(idr, entry, following, id)                                                                       \
  for ((following) = 0, (id) = 0; (following) <= (id) && ((entry) = (__typeof__(entry))idr_get_next_ul((idr), &(id))) != NULL; \
       (following) = (id), ++(id))
#define idr_for_each_entry_continue(idr, entry, id)                      \
  for ((entry) = (__typeof__(entry))idr_get_next((idr), &(id)); (entry); \
       ++(id), (entry) = (__typeof__(entry))idr_get_next((idr), &(id)))
#endif
