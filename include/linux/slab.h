#ifndef KMEM_LINUX_SLAB_H
#define KMEM_LINUX_SLAB_H
/* kmalloc and caches of objects.
 *
 * Sizes are bytes.  Flags are those of <linux/gfp_types.h>: with GFP_KERNEL a call may sleep and is for task context; with
 * GFP_ATOMIC or GFP_NOWAIT it never sleeps and may be made in every context: also in a signal handler, even one that
 * interrupted kmem. Freeing never sleeps. Memory is physically contiguous, and cleared only by functions whose names say so or
 * with __GFP_ZERO. On failure NULL.
 *
 * A pointer that was never allocated, a second free, a free into another cache: each is reported with the name of the
 * cache or page, and corrupts nothing.
 *
 * Meaning: the kernel's Documentation/core-api/memory-allocation.rst and mm-api.rst; for the 2.6 forms, Linux Device
 * Drivers, 3rd edition, chapter 8. */
#include <kmem/cleanup.h>
#include <kmem/kvmalloc.h>
#include <kmem/objects.h>
#ifndef __cplusplus
#include <linux/cleanup.h>
#endif
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/types.h>

/** The result of kmalloc(0): not NULL, not to be dereferenced, valid for kfree(). */
#define ZERO_SIZE_PTR ((void*)16)
#define ZERO_OR_NULL_PTR(pointer) ((uintptr_t)(pointer) <= (uintptr_t)ZERO_SIZE_PTR)

/** The least alignment of blocks from kmalloc; sizes that are powers of two are aligned to their size. */
#ifndef ARCH_KMALLOC_MINALIGN
#define ARCH_KMALLOC_MINALIGN 8
#endif
#ifndef ARCH_SLAB_MINALIGN
#define ARCH_SLAB_MINALIGN 8
#endif
/** The largest size that kmalloc serves: 2^MAX_ORDER pages.  Portable code stays within 128 KiB. */
#define KMALLOC_SHIFT_MAX (MAX_PAGE_ORDER + PAGE_SHIFT)
#define KMALLOC_MAX_SIZE (1UL << KMALLOC_SHIFT_MAX)
#define KMALLOC_MAX_ORDER MAX_PAGE_ORDER
/** The largest size that comes from a cache; larger ones are whole pages. */
#define KMALLOC_SHIFT_HIGH (PAGE_SHIFT + 1)
#define KMALLOC_MAX_CACHE_SIZE (1UL << KMALLOC_SHIFT_HIGH)
#define KMALLOC_MIN_SIZE 8

/* Flags of a cache. */

/** Check at each allocation and free whether the cache is still consistent. */
#define SLAB_CONSISTENCY_CHECKS ((slab_flags_t)0x00000001u)
#define SLAB_DEBUG_FREE SLAB_CONSISTENCY_CHECKS /* 2.6 */
/** Guard bytes around each object. */
#define SLAB_RED_ZONE ((slab_flags_t)0x00000002u)
/** Free objects hold a pattern that shows a use after the free. */
#define SLAB_POISON ((slab_flags_t)0x00000004u)
/** Record the code that allocated and freed an object. */
#define SLAB_STORE_USER ((slab_flags_t)0x00000008u)
/** Panic if the cache cannot be created. */
#define SLAB_PANIC ((slab_flags_t)0x00000010u)
/** Objects start at cache lines; the alignment is halved for as long as two small objects fit into one half. */
#define SLAB_HWCACHE_ALIGN ((slab_flags_t)0x00000020u)
/** Every object lies in the DMA zone, or below 4 GiB. */
#define SLAB_CACHE_DMA ((slab_flags_t)0x00000040u)
#define SLAB_CACHE_DMA32 ((slab_flags_t)0x00000080u)
/** The memory of a freed object stays an object of this type, perhaps a new one, while readers under rcu_read_lock() may still
 *  access it. Slabs are released after a grace period, for which reclaim does not wait (docs/rcu.md). */
#define SLAB_TYPESAFE_BY_RCU ((slab_flags_t)0x00000100u)
#define SLAB_DESTROY_BY_RCU SLAB_TYPESAFE_BY_RCU /* the name until 4.11 */
/** A shrinker can free the objects. */
#define SLAB_RECLAIM_ACCOUNT ((slab_flags_t)0x00000200u)
#define SLAB_TEMPORARY SLAB_RECLAIM_ACCOUNT
/** Charged to the caller's memory group. */
#define SLAB_ACCOUNT ((slab_flags_t)0x00000400u)
/** Do not share slabs with a cache of like objects. */
#define SLAB_NO_MERGE ((slab_flags_t)0x00000800u)
/** 2.6: not shrunk by reclaim. */
#define SLAB_NO_REAP ((slab_flags_t)0x00001000u)

/** The leak scan neither reports the cache's objects nor searches them. */
#define SLAB_NOLEAKTRACE ((slab_flags_t)0x00004000u)
/** KFENCE samples no object of it. */
#define SLAB_SKIP_KFENCE ((slab_flags_t)0x00008000u)
/** A line in the log for each allocation and free. */
#define SLAB_TRACE ((slab_flags_t)0x00010000u)
/** failslab with cache-filter=Y fails allocations from such caches, and from no others. */
#define SLAB_FAILSLAB ((slab_flags_t)0x00020000u)
/** The boot word slub_debug= does not apply to it. */
#define SLAB_NO_USER_FLAGS ((slab_flags_t)0x00040000u)
/** kmem's: the objects are checked as with the boot word `hardened=3`, in any mode and while other caches are not. Caught are
 *  frees of what is not in use, writes past an object's ends (also of one byte) and after the free. Objects come in a random
 *  order, and what is freed waits in a quarantine. A report ends the process, unless `oops=continue`. A call takes 0.1 to
 *  0.3 us. It holds for a mempool over the cache, too (docs/hardening.md). */
#define SLAB_HARDENED ((slab_flags_t)0x00100000u)
/** Set for the caches of kmalloc(); kmem_cache_create() refuses it, as in the kernel. */
#define SLAB_KMALLOC ((slab_flags_t)0x00080000u)
/** No effect, as in the kernel, where the slab allocator that spread slabs over a cpuset's nodes was removed. */
#define SLAB_MEM_SPREAD ((slab_flags_t)0)
/** No effect, as in a kernel without CONFIG_DEBUG_OBJECTS. */
#define SLAB_DEBUG_OBJECTS ((slab_flags_t)0)

/** 2.6: the constructor runs over each object that is freed, with SLAB_CTOR_VERIFY if it is a 2.6 one; if it changes the
 *  object, the object had lost its constructed state, which is reported. */
#define SLAB_DEBUG_INITIAL ((slab_flags_t)0x00002000u)

/* Flags for 2.6 constructors and destructors. */

/** Set for the constructor; a function that is both constructor and destructor tests this. */
#define SLAB_CTOR_CONSTRUCTOR 0x001UL
/** The caller must not sleep. */
#define SLAB_CTOR_ATOMIC 0x002UL
/** The constructor must check an object that was constructed before. */
#define SLAB_CTOR_VERIFY 0x004UL

/* 2.6 names of flags for kmem_cache_alloc(). */
#define SLAB_KERNEL GFP_KERNEL
#define SLAB_ATOMIC GFP_ATOMIC
#define SLAB_NOIO GFP_NOIO
#define SLAB_NOFS GFP_NOFS
#define SLAB_USER GFP_USER
#define SLAB_DMA GFP_DMA

/** A cache of objects of one size. */
struct kmem_cache;
typedef struct kmem_cache kmem_cache_t;

KMEM_BEGIN_C

/** A block of at least `size` bytes, aligned to the largest power of two that divides the size, also with debugging.
 *  ZERO_SIZE_PTR for 0; NULL past KMALLOC_MAX_SIZE. */
KMEM_API void* kmalloc(size_t size, gfp_t flags) KMEM_NOTHROW_NAME(kmalloc) KMEM_ALLOCATES(1);
/** The same from node `nid`, or from the next ones unless __GFP_THISNODE. */
KMEM_API void* kmalloc_node(size_t size, gfp_t flags, int nid) KMEM_NOTHROW_NAME(kmalloc_node) KMEM_ALLOCATES(1);
/** NULL and ZERO_SIZE_PTR are ignored. */
KMEM_API void kfree(const void* pointer) KMEM_NOTHROW_NAME(kfree);
/** The actual size of the block in bytes; 0 for NULL and ZERO_SIZE_PTR. To use all of it, request kmalloc_size_roundup() bytes:
 *  a debugged cache checks the bytes that were not requested. */
KMEM_API size_t ksize(const void* pointer) KMEM_NOTHROW_NAME(ksize);
/** The actual size of a block of kmalloc(size); 0 for 0, and sizes that kmalloc would refuse are returned unchanged. */
KMEM_API size_t kmalloc_size_roundup(size_t size) KMEM_NOTHROW_NAME(kmalloc_size_roundup);

/** Cleared memory. */
KMEM_ALLOCATES(1) static inline void* kzalloc(size_t size, gfp_t flags) { return kmalloc(size, flags | __GFP_ZERO); }
KMEM_ALLOCATES(1) static inline void* kzalloc_node(size_t size, gfp_t flags, int nid) {
  return kmalloc_node(size, flags | __GFP_ZERO, nid);
}

/** Arrays: n elements of `size` bytes; NULL if the product overflows. */
KMEM_ALLOCATES(1, 2) static inline void* kmalloc_array_node(size_t n, size_t size, gfp_t flags, int nid) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  return kmalloc_node(bytes, flags, nid);
}
KMEM_ALLOCATES(1, 2) static inline void* kmalloc_array(size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  return kmalloc(bytes, flags);
}
KMEM_ALLOCATES(1, 2) static inline void* kcalloc(size_t n, size_t size, gfp_t flags) {
  return kmalloc_array(n, size, flags | __GFP_ZERO);
}
KMEM_ALLOCATES(1, 2) static inline void* kcalloc_node(size_t n, size_t size, gfp_t flags, int nid) {
  return kmalloc_array_node(n, size, flags | __GFP_ZERO, nid);
}

/** A block of new_size bytes with the old contents, as far as they fit; the old block is freed unless the result is NULL. A
 *  `pointer` of NULL: as kmalloc(). To 0 bytes: kfree(), and returns ZERO_SIZE_PTR. With __GFP_ZERO new bytes are zero, if
 *  every call for this block since its allocation had that flag. NULL, with a report and without any change, for a pointer that
 *  is not from kmalloc() or a cache, such as one of vmalloc(). */
KMEM_API void* krealloc(const void* pointer, size_t new_size, gfp_t flags) KMEM_NOTHROW_NAME(krealloc) KMEM_MUST_CHECK
    __attribute__((alloc_size(2)));
KMEM_MUST_CHECK static inline void* krealloc_array(void* pointer, size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  return krealloc(pointer, bytes, flags);
}
/** krealloc() with an alignment, if kmalloc() has it for that size, and a node: moves a block that is not so aligned, or with
 *  __GFP_THISNODE lies on another node than `nid`.  An `align` that is no power of two: NULL, with a report. */
KMEM_API void* krealloc_node_align(const void* pointer, size_t new_size, unsigned long align, gfp_t flags, int nid)
    KMEM_NOTHROW_NAME(krealloc_node_align) KMEM_MUST_CHECK __attribute__((alloc_size(2)));
#define krealloc_node(pointer, new_size, flags, nid) krealloc_node_align((pointer), (new_size), 1, (flags), (nid))

/** Of Linux 6.18: a block of at most KMALLOC_MAX_CACHE_SIZE bytes for any context, even one that interrupted the allocator:
 *  never sleeps, wakes no task, waits for no lock. Only __GFP_ZERO and __GFP_ACCOUNT are allowed; other flags are reported and
 *  ignored. NULL, without a report, if no object is available at once.  Free with kfree_nolock(), or kfree(). */
KMEM_API void* kmalloc_nolock(size_t size, gfp_t flags, int nid) KMEM_NOTHROW_NAME(kmalloc_nolock) KMEM_ALLOCATES(1);
static inline void kfree_nolock(const void* pointer) { kfree(pointer); }

/** kmalloc() on behalf of the function's caller. kmem records call traces, which include that caller anyway. */
#define kmalloc_track_caller(size, flags) kmalloc((size), (flags))
#define kmalloc_node_track_caller(size, flags, nid) kmalloc_node((size), (flags), (nid))

/** Overwrites the whole block with zeroes before it is freed: for keys. */
KMEM_API void kfree_sensitive(const void* pointer) KMEM_NOTHROW_NAME(kfree_sensitive);
#define kzfree(pointer) kfree_sensitive(pointer) /* the name until 5.9 */

/** A cache of objects of `size` bytes at multiples of `align`, a power of two or 0.
 *
 *  The constructor runs once for each object, when its slab is made, not at each allocation: an object keeps its
 *  constructed state while it is free, and its owner restores that state before freeing it.  The constructor must not sleep.
 *  The name is copied.  NULL, with a report, for a size of 0 or more than 4 MiB, alignment included, for another alignment, and
 *  if there is no memory (with SLAB_PANIC: does not return).  May sleep: task context.
 *
 *  Today's form has four arguments: (name, size, args, flags), with the rest in a struct kmem_cache_args.
 *  The 2.6 form has six arguments: (name, size, offset, flags, constructor, destructor); the number of arguments distinguishes
 *  the forms. `offset` is used as the alignment. */
KMEM_API struct kmem_cache* kmem_cache_create(const char* name, unsigned int size, unsigned int align, slab_flags_t flags,
                                              void (*constructor)(void*)) KMEM_NOTHROW_NAME(kmem_cache_create);
/** What the six-argument form calls.  The destructor runs on each object before its memory goes back. */
KMEM_API struct kmem_cache* kmem_cache_create_2_6(
    const char* name, size_t size, size_t offset, unsigned long flags,
    void (*constructor)(void* object, kmem_cache_t* cache, unsigned long ctor_flags),
    void (*destructor)(void* object, kmem_cache_t* cache, unsigned long ctor_flags)) KMEM_NOTHROW_NAME(kmem_cache_create_2_6);

/** Further arguments of today's form (name, size, &args, flags) of kmem_cache_create(); omitted members are 0. NULL: all are 0.
 *  From Linux 6.12. */
struct kmem_cache_args {
  unsigned int align;      /**< as in the five-argument form */
  unsigned int useroffset; /**< start of the part of an object that may be copied to user space */
  unsigned int usersize;   /**< its size. Must lie in the object; otherwise not checked */
  /** Where in the object the allocator may keep its link while the object is free: only with SLAB_TYPESAFE_BY_RCU, only
   *  if use_freeptr_offset is set, in the object and aligned as a pointer.  kmem stores no link in objects, so a free object
   *  keeps all of its bytes. */
  unsigned int freeptr_offset;
  bool use_freeptr_offset;
  void (*ctor)(void* object); /**< the constructor */
  /** From Linux 6.18: the number of objects in a CPU's sheaf; 0, or more than a sheaf can hold, lets kmem choose (kmem_json()
   *  shows the number as `limit`).  Such a cache is not merged with others. */
  unsigned int sheaf_capacity;
};
/** Called by today's form; the type of the third argument distinguishes the forms of kmem_cache_create(). */
KMEM_API struct kmem_cache* __kmem_cache_create_args(const char* name, unsigned int size, struct kmem_cache_args* args,
                                                     slab_flags_t flags) KMEM_NOTHROW_NAME(__kmem_cache_create_args);

/** As kmem_cache_create(), with the range that may be copied to user space: it must lie in the object, and is otherwise
 *  not checked. */
static inline struct kmem_cache* kmem_cache_create_usercopy(const char* name, unsigned int size, unsigned int align,
                                                            slab_flags_t flags, unsigned int useroffset, unsigned int usersize,
                                                            void (*constructor)(void*)) {
  struct kmem_cache_args args = {align, useroffset, usersize, 0, false, constructor, 0};
  return __kmem_cache_create_args(name, size, &args, flags);
}

/** Destroys a cache and frees its memory. Waits for objects passed to kfree_rcu() or call_rcu(), and for the readers of a
 *  SLAB_TYPESAFE_BY_RCU cache. If other objects are in use it fails with a report: the result is not 0, and the cache stays
 *  usable. It also fails if it would have to wait and the caller must not: in atomic context, as a reader, and in a callback of
 *  call_rcu().  NULL is ignored.  May sleep: task context. */
KMEM_API int kmem_cache_destroy(struct kmem_cache* cache) KMEM_NOTHROW_NAME(kmem_cache_destroy);
/** Releases empty slabs. 0 if the cache has no slab left.  May sleep: task context. */
KMEM_API int kmem_cache_shrink(struct kmem_cache* cache) KMEM_NOTHROW_NAME(kmem_cache_shrink);
/** The size of an object as its creator requested it. */
KMEM_API unsigned int kmem_cache_size(struct kmem_cache* cache) KMEM_NOTHROW_NAME(kmem_cache_size);

/** Checks every object of a debugged cache (SLAB_RED_ZONE, SLAB_POISON, slub_debug=) and the bytes around it, in use or not;
 *  reports and repairs damage. Returns the number of faults. For a cache that is not debugged only the structures are checked.
 *  The cache must not be used meanwhile.  May sleep: task context. */
KMEM_API long validate_slab_cache(struct kmem_cache* cache) KMEM_NOTHROW_NAME(validate_slab_cache);

/** One object, in the state that its constructor or its last owner left it in. */
KMEM_API void* kmem_cache_alloc(struct kmem_cache* cache, gfp_t flags) KMEM_NOTHROW_NAME(kmem_cache_alloc)
    __attribute__((__malloc__));
KMEM_API void* kmem_cache_alloc_node(struct kmem_cache* cache, gfp_t flags, int nid) KMEM_NOTHROW_NAME(kmem_cache_alloc_node)
    __attribute__((__malloc__));
/** One object, cleared; for caches without a constructor. */
__attribute__((__malloc__)) static inline void* kmem_cache_zalloc(struct kmem_cache* cache, gfp_t flags) {
  return kmem_cache_alloc(cache, flags | __GFP_ZERO);
}
/** kmem_cache_alloc() for an object that a list_lru will hold.  In the kernel `lru` finds the memory group's list; there are no
 *  memory groups here, as in a kernel without CONFIG_MEMCG. */
struct list_lru;
__attribute__((__malloc__)) static inline void* kmem_cache_alloc_lru(struct kmem_cache* cache, struct list_lru* lru,
                                                                     gfp_t flags) {
  (void)lru;
  return kmem_cache_alloc(cache, flags);
}
/** Charges an object to the caller's memory group; always true, because there are no groups. */
static inline bool kmem_cache_charge(void* object, gfp_t flags) { return (void)object, (void)flags, true; }
/** Frees an object to its cache; NULL is ignored. */
KMEM_API void kmem_cache_free(struct kmem_cache* cache, void* object) KMEM_NOTHROW_NAME(kmem_cache_free);

/** Allocates n objects into objects[0 .. n). Returns n, or 0 and allocates none. Cheaper than one by one. */
KMEM_API int kmem_cache_alloc_bulk(struct kmem_cache* cache, gfp_t flags, size_t n, void** objects)
    KMEM_NOTHROW_NAME(kmem_cache_alloc_bulk);
/** Frees objects[0 .. n).  With `cache` NULL each object is freed to its own cache; blocks of kmalloc are allowed too. */
KMEM_API void kmem_cache_free_bulk(struct kmem_cache* cache, size_t n, void** objects) KMEM_NOTHROW_NAME(kmem_cache_free_bulk);
/** A sheaf: objects reserved by one task, for a section in which no allocation may fail (from Linux 6.18). */
struct slab_sheaf;
/** A sheaf with at least `size` objects, up to 65,536, or NULL. So many calls of kmem_cache_alloc_from_sheaf() succeed. */
KMEM_API struct slab_sheaf* kmem_cache_prefill_sheaf(struct kmem_cache* cache, gfp_t flags, unsigned int size)
    KMEM_NOTHROW_NAME(kmem_cache_prefill_sheaf);
/** Frees the sheaf and its remaining objects. */
KMEM_API void kmem_cache_return_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf* sheaf)
    KMEM_NOTHROW_NAME(kmem_cache_return_sheaf);
/** Refills to at least `size` objects; may replace the sheaf. 0, or -ENOMEM with the sheaf unchanged. */
KMEM_API int kmem_cache_refill_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf** sheafp, unsigned int size)
    KMEM_NOTHROW_NAME(kmem_cache_refill_sheaf);
/** One of the sheaf's objects; NULL when it is empty.  Never sleeps; flags other than __GFP_ZERO are ignored. */
KMEM_API void* kmem_cache_alloc_from_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf* sheaf)
    KMEM_NOTHROW_NAME(kmem_cache_alloc_from_sheaf);
/** The number of objects in it. */
KMEM_API unsigned int kmem_cache_sheaf_size(struct slab_sheaf* sheaf) KMEM_NOTHROW_NAME(kmem_cache_sheaf_size);
/** Logs the cache and start of the object at an address, and, if recorded, the code that allocated and freed it. False, without
 *  a log entry, if the address is not an object's. Any context. */
KMEM_API bool kmem_dump_obj(void* object) KMEM_NOTHROW_NAME(kmem_dump_obj);
/** Is it an object's address? (until 6.5) */
KMEM_API bool kmem_valid_obj(void* object) KMEM_NOTHROW_NAME(kmem_valid_obj);
static inline void kfree_bulk(size_t n, void** objects) { kmem_cache_free_bulk(NULL, n, objects); }

/** From Linux 6.11: a user's own caches for kmalloc's sizes, so that its objects never reuse memory of other kinds of objects.
 *  The constructor is as for kmem_cache_create(). NULL if there is no memory.  May sleep: task context. */
typedef struct kmem_buckets kmem_buckets;
KMEM_API kmem_buckets* kmem_buckets_create(const char* name, slab_flags_t flags, unsigned int useroffset, unsigned int usersize,
                                           void (*constructor)(void*)) KMEM_NOTHROW_NAME(kmem_buckets_create);
/** As kmalloc(), and, the second, as kvmalloc(), from these caches up to KMALLOC_MAX_CACHE_SIZE; larger sizes, and all if
 *  `buckets` is NULL, come from kmalloc's own.  Free with kfree(), or kvfree(). */
KMEM_API void* kmem_buckets_alloc(kmem_buckets* buckets, size_t size, gfp_t flags) KMEM_NOTHROW_NAME(kmem_buckets_alloc)
    KMEM_ALLOCATES(2);
KMEM_API void* kmem_buckets_valloc(kmem_buckets* buckets, size_t size, gfp_t flags) KMEM_NOTHROW_NAME(kmem_buckets_valloc)
    KMEM_ALLOCATES(2);
#define kmem_buckets_alloc_track_caller(buckets, size, flags) kmem_buckets_alloc((buckets), (size), (flags))

KMEM_END_C

/* Four arguments, five or six. */
#ifdef __cplusplus
inline struct kmem_cache* kmem_cache_create(const char* name, unsigned int size, struct kmem_cache_args* args,
                                            slab_flags_t flags) noexcept {
  return __kmem_cache_create_args(name, size, args, flags);
}
inline struct kmem_cache* kmem_cache_create(const char* name, size_t size, size_t offset, unsigned long flags,
                                            void (*constructor)(void*, kmem_cache_t*, unsigned long),
                                            void (*destructor)(void*, kmem_cache_t*, unsigned long)) noexcept {
  return kmem_cache_create_2_6(name, size, offset, flags, constructor, destructor);
}
#else
#define KMEM_SEVENTH_(a, b, c, d, e, f, name, ...) name
#define kmem_cache_create(...)                                                                               \
  KMEM_SEVENTH_(__VA_ARGS__, kmem_cache_create_2_6, kmem_cache_create, __kmem_cache_create_args, 0, 0, 0, 0) \
  (__VA_ARGS__)
#endif

/** A cache with the name and size of a struct. */
#define KMEM_CACHE(type, flags) (kmem_cache_create)(#type, sizeof(struct type), __alignof__(struct type), (flags), NULL)
#define KMEM_CACHE_USERCOPY(type, flags, field)                                             \
  kmem_cache_create_usercopy(#type, sizeof(struct type), __alignof__(struct type), (flags), \
                             (unsigned int)offsetof(struct type, field), sizeof(((struct type*)0)->field), NULL)

DEFINE_FREE(kfree, void*, if (!IS_ERR_OR_NULL(_T)) kfree(_T))
DEFINE_FREE(kfree_sensitive, void*, if (!IS_ERR_OR_NULL(_T)) kfree_sensitive(_T))
DEFINE_FREE(kvfree, void*, if (!IS_ERR_OR_NULL(_T)) kvfree(_T))

#endif
