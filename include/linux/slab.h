#ifndef KMEM_LINUX_SLAB_H
#define KMEM_LINUX_SLAB_H
/* kmalloc and caches of objects.
 *
 * Sizes are bytes.  Flags are those of <linux/gfp_types.h>: with GFP_KERNEL a call may sleep and belongs to task
 * context; with GFP_ATOMIC or GFP_NOWAIT it never sleeps and may come from every context: a signal handler too, even
 * one that interrupted kmem.  Whatever frees never sleeps.  Memory is contiguous in physical page frames, and not
 * cleared unless the name or __GFP_ZERO says so.  Failure is NULL, never less memory than asked for.
 *
 * A pointer that was never allocated, a second free, a free into another cache: each is reported with the name of the
 * cache or page, and corrupts nothing.
 *
 * Meaning: the kernel's Documentation/core-api/memory-allocation.rst and mm-api.rst; for the 2.6 forms, Linux Device
 * Drivers, 3rd edition, chapter 8. */
#include <kmem/c_face.h>
#include <kmem/kvmalloc.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/types.h>

/** What kmalloc(0) gives: not NULL, not to be touched, good for kfree(). */
#define ZERO_SIZE_PTR ((void*)16)
#define ZERO_OR_NULL_PTR(pointer) ((uintptr_t)(pointer) <= (uintptr_t)ZERO_SIZE_PTR)

/** Every block from kmalloc is aligned to this at least; sizes that are powers of two are aligned to their size. */
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
/** Remember who allocated and who freed an object. */
#define SLAB_STORE_USER ((slab_flags_t)0x00000008u)
/** Panic where the cache cannot be created. */
#define SLAB_PANIC ((slab_flags_t)0x00000010u)
/** Objects start at cache lines; the alignment is halved for as long as two small objects fit into one half. */
#define SLAB_HWCACHE_ALIGN ((slab_flags_t)0x00000020u)
/** Every object lies in the DMA zone, or below 4 GiB. */
#define SLAB_CACHE_DMA ((slab_flags_t)0x00000040u)
#define SLAB_CACHE_DMA32 ((slab_flags_t)0x00000080u)
/** An object's memory stays an object of this type while anybody may still read it under rcu_read_lock(); it may be a
 *  new one.  Slabs go back behind a grace period, which reclaim does not wait for (docs/rcu.md). */
#define SLAB_TYPESAFE_BY_RCU ((slab_flags_t)0x00000100u)
#define SLAB_DESTROY_BY_RCU SLAB_TYPESAFE_BY_RCU /* the name until 4.11 */
/** The objects come back through a shrinker. */
#define SLAB_RECLAIM_ACCOUNT ((slab_flags_t)0x00000200u)
#define SLAB_TEMPORARY SLAB_RECLAIM_ACCOUNT
/** Charged to the caller's memory group. */
#define SLAB_ACCOUNT ((slab_flags_t)0x00000400u)
/** Do not share slabs with a cache of like objects. */
#define SLAB_NO_MERGE ((slab_flags_t)0x00000800u)
/** 2.6: not shrunk when the system looks for memory. */
#define SLAB_NO_REAP ((slab_flags_t)0x00001000u)

/** 2.6: the constructor runs over each object that is freed, with SLAB_CTOR_VERIFY if it is a 2.6 one; what it finds
 *  to change has lost its constructed state, and is reported. */
#define SLAB_DEBUG_INITIAL ((slab_flags_t)0x00002000u)

/* What a 2.6 constructor or destructor is told. */

/** Set for the constructor; one function may serve as both, and tells them apart by this. */
#define SLAB_CTOR_CONSTRUCTOR 0x001UL
/** It runs where it must not sleep. */
#define SLAB_CTOR_ATOMIC 0x002UL
/** It is asked to check an object that was constructed before. */
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

/** A block of at least `size` bytes.  ZERO_SIZE_PTR for 0; NULL past KMALLOC_MAX_SIZE. */
KMEM_API void* kmalloc(size_t size, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** The same from node `nid`, or from the next ones unless __GFP_THISNODE. */
KMEM_API void* kmalloc_node(size_t size, gfp_t flags, int nid) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** NULL and ZERO_SIZE_PTR are ignored. */
KMEM_API void kfree(const void* pointer) KMEM_NOTHROW;
/** How many bytes the block really has; 0 for NULL and ZERO_SIZE_PTR.  To use them all, ask for
 *  kmalloc_size_roundup() bytes in the first place: a debugged cache guards what was not asked for. */
KMEM_API size_t ksize(const void* pointer) KMEM_NOTHROW;
/** The bytes that kmalloc(size) would really take; 0 stays 0, and what kmalloc would refuse stays as it is. */
KMEM_API size_t kmalloc_size_roundup(size_t size) KMEM_NOTHROW;

/** Cleared memory. */
KMEM_ALLOCATES(1) static inline void* kzalloc(size_t size, gfp_t flags) { return kmalloc(size, flags | __GFP_ZERO); }
KMEM_ALLOCATES(1) static inline void* kzalloc_node(size_t size, gfp_t flags, int nid) {
  return kmalloc_node(size, flags | __GFP_ZERO, nid);
}

/** Arrays: n elements of `size` bytes; NULL where the product overflows. */
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

/** A block of new_size bytes with the old contents, as far as they fit; the old block is gone unless the answer is
 *  NULL.  Of NULL: kmalloc().  To 0 bytes: kfree(), and ZERO_SIZE_PTR.  With __GFP_ZERO what is new is zero, if every
 *  call on this block since the first had that flag. */
KMEM_API void* krealloc(const void* pointer, size_t new_size, gfp_t flags) KMEM_NOTHROW KMEM_MUST_CHECK
    __attribute__((__alloc_size__(2)));
KMEM_MUST_CHECK static inline void* krealloc_array(void* pointer, size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  return krealloc(pointer, bytes, flags);
}
/** Overwrites the whole block with zeroes before it is freed: for keys. */
KMEM_API void kfree_sensitive(const void* pointer) KMEM_NOTHROW;
#define kzfree(pointer) kfree_sensitive(pointer) /* the name until 5.9 */

/** A cache of objects of `size` bytes at multiples of `align`, a power of two or 0.
 *
 *  The constructor runs once for each object, when its slab is made, not at each allocation: an object keeps its
 *  constructed state while it is free, and its owner restores that state before freeing it.  Where it runs it may not
 *  sleep.  The name is copied.  NULL, with a report, for a size of 0 or too large, for another alignment, and where
 *  there is no memory (with SLAB_PANIC: no return).  Task context.
 *
 *  Today's form has four arguments: (name, size, args, flags), with the rest in a struct kmem_cache_args.
 *  Of 2.6 the six-argument form: (name, size, offset, flags, constructor, destructor), told apart by the number of
 *  arguments; `offset` is taken as the alignment that one asked for with it. */
KMEM_API struct kmem_cache* kmem_cache_create(const char* name, unsigned int size, unsigned int align,
                                              slab_flags_t flags, void (*constructor)(void*)) KMEM_NOTHROW;
/** What the six-argument form calls.  The destructor runs on each object before its memory goes back. */
KMEM_API struct kmem_cache* kmem_cache_create_2_6(const char* name, size_t size, size_t offset, unsigned long flags,
                                                  void (*constructor)(void* object, kmem_cache_t* cache,
                                                                      unsigned long ctor_flags),
                                                  void (*destructor)(void* object, kmem_cache_t* cache,
                                                                     unsigned long ctor_flags)) KMEM_NOTHROW;

/** What today's form (name, size, &args, flags) of kmem_cache_create() is told beside the rest; what is left out is 0.
 *  NULL instead of it: all of it 0.  Of Linux 6.12. */
struct kmem_cache_args {
  unsigned int align;      /**< as in the five-argument form */
  unsigned int useroffset; /**< bytes of an object that may be copied to user space: from here, */
  unsigned int usersize;   /**< so many.  They must lie in the object; nothing else is checked */
  /** Where in the object the allocator may keep its link while the object is free: only with SLAB_TYPESAFE_BY_RCU, only
   *  if use_freeptr_offset is set, in the object and aligned as a pointer.  kmem keeps no link in objects, so that one
   *  which is free keeps all of its bytes. */
  unsigned int freeptr_offset;
  bool use_freeptr_offset;
  void (*ctor)(void* object); /**< the constructor */
  /** Of Linux 6.18: how many objects a CPU keeps at hand; 0 leaves it to kmem, and so does more than kmem has room for
   *  (kmem_json() says how many those are, as `limit`).  Such a cache is not merged with others. */
  unsigned int sheaf_capacity;
};
/** What today's form calls; kmem_cache_create() is told apart by the third argument. */
KMEM_API struct kmem_cache* __kmem_cache_create_args(const char* name, unsigned int size, struct kmem_cache_args* args,
                                                   slab_flags_t flags) KMEM_NOTHROW;

/** As kmem_cache_create(), with the range that may be copied to user space: it must lie in the object, and is otherwise
 *  not checked. */
static inline struct kmem_cache* kmem_cache_create_usercopy(const char* name, unsigned int size, unsigned int align,
                                                            slab_flags_t flags, unsigned int useroffset,
                                                            unsigned int usersize, void (*constructor)(void*)) {
  struct kmem_cache_args args = {align, useroffset, usersize, 0, false, constructor, 0};
  return __kmem_cache_create_args(name, size, &args, flags);
}

/** Gives all of a cache's memory back.  While objects are out it fails: that is reported, the answer is not 0, and
 *  the cache stays usable.  NULL is ignored.  Task context. */
KMEM_API int kmem_cache_destroy(struct kmem_cache* cache) KMEM_NOTHROW;
/** Gives back the slabs that no object is in use of.  0 if the cache holds no slab any more. */
KMEM_API int kmem_cache_shrink(struct kmem_cache* cache) KMEM_NOTHROW;
/** The size of an object as its creator asked for it. */
KMEM_API unsigned int kmem_cache_size(struct kmem_cache* cache) KMEM_NOTHROW;

/** Looks at every object of a debugged cache (SLAB_RED_ZONE, SLAB_POISON, slub_debug=) and at what is around it, in use
 *  or not.  What is wrong is reported and put right.  The number of faults; of a cache that is not debugged only the
 *  structures are checked.  Nobody may use the cache meanwhile. */
KMEM_API long validate_slab_cache(struct kmem_cache* cache) KMEM_NOTHROW;

/** One object, in the state that its constructor or its last owner left it in. */
KMEM_API void* kmem_cache_alloc(struct kmem_cache* cache, gfp_t flags) KMEM_NOTHROW __attribute__((__malloc__));
KMEM_API void* kmem_cache_alloc_node(struct kmem_cache* cache, gfp_t flags, int nid) KMEM_NOTHROW
    __attribute__((__malloc__));
/** One object, cleared; for caches without a constructor. */
__attribute__((__malloc__)) static inline void* kmem_cache_zalloc(struct kmem_cache* cache, gfp_t flags) {
  return kmem_cache_alloc(cache, flags | __GFP_ZERO);
}
/** Gives an object back to its cache; NULL is ignored. */
KMEM_API void kmem_cache_free(struct kmem_cache* cache, void* object) KMEM_NOTHROW;

/** `n` objects at once into objects[0 .. n): n, or 0 and none.  Cheaper than one by one. */
KMEM_API int kmem_cache_alloc_bulk(struct kmem_cache* cache, gfp_t flags, size_t n, void** objects) KMEM_NOTHROW;
/** Frees objects[0 .. n).  A cache of NULL: each object goes where it came from, kmalloc's blocks too. */
KMEM_API void kmem_cache_free_bulk(struct kmem_cache* cache, size_t n, void** objects) KMEM_NOTHROW;
/** A sheaf: objects set aside by one task, for a section in which no allocation may fail (of Linux 6.18). */
struct slab_sheaf;
/** With `size` objects at least, or NULL; up to 65,536.  So many calls of kmem_cache_alloc_from_sheaf() then succeed. */
KMEM_API struct slab_sheaf* kmem_cache_prefill_sheaf(struct kmem_cache* cache, gfp_t flags, unsigned int size)
    KMEM_NOTHROW;
/** Gives the sheaf back, with what is left in it. */
KMEM_API void kmem_cache_return_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf* sheaf) KMEM_NOTHROW;
/** Again up to `size` objects at least; it may be another sheaf then.  0, or -ENOMEM with the sheaf as it was. */
KMEM_API int kmem_cache_refill_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf** sheafp,
                                     unsigned int size) KMEM_NOTHROW;
/** One of the sheaf's objects; NULL when it is empty.  Never sleeps; of the flags only __GFP_ZERO means something. */
KMEM_API void* kmem_cache_alloc_from_sheaf(struct kmem_cache* cache, gfp_t flags, struct slab_sheaf* sheaf)
    KMEM_NOTHROW;
/** How many objects are in it. */
KMEM_API unsigned int kmem_cache_sheaf_size(struct slab_sheaf* sheaf) KMEM_NOTHROW;
static inline void kfree_bulk(size_t n, void** objects) { kmem_cache_free_bulk(NULL, n, objects); }

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

/** A cache named and sized after a struct. */
#define KMEM_CACHE(type, flags) (kmem_cache_create)(#type, sizeof(struct type), __alignof__(struct type), (flags), NULL)
#define KMEM_CACHE_USERCOPY(type, flags, field)                                             \
  kmem_cache_create_usercopy(#type, sizeof(struct type), __alignof__(struct type), (flags), \
                             (unsigned int)offsetof(struct type, field), sizeof(((struct type*)0)->field), NULL)

#endif
