#ifndef KMEM_KVMALLOC_H
#define KMEM_KVMALLOC_H
/* kvmalloc(): kmalloc() where it can, vmalloc() where it cannot.  <linux/slab.h> and <linux/mm.h> include this.
 *
 * Sizes are bytes.  Up to one page it is kmalloc() alone; above, kmalloc() is tried without effort, and vmalloc() serves
 * where there are not enough frames in a row.  vmalloc() may sleep, so without __GFP_DIRECT_RECLAIM there is no second try.
 * Of 0 bytes it is ZERO_SIZE_PTR, as kmalloc(0).  More than INT_MAX bytes are refused, with a warning.
 * Task context unless the flags say otherwise; kvfree() as vfree(). */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <stddef.h>

KMEM_BEGIN_C

KMEM_API void* kvmalloc_node(size_t bytes, gfp_t flags, int nid) KMEM_NOTHROW KMEM_ALLOCATES(1);
KMEM_API void* kvmalloc(size_t bytes, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** A block with the old contents, as far as they fit; NULL leaves the old one. */
KMEM_API void* kvrealloc(const void* pointer, size_t bytes, gfp_t flags) KMEM_NOTHROW KMEM_MUST_CHECK
    __attribute__((__alloc_size__(2)));
KMEM_API void kvfree(const void* pointer) KMEM_NOTHROW;
/** Overwrites `bytes` with zeroes before it frees. */
KMEM_API void kvfree_sensitive(const void* pointer, size_t bytes) KMEM_NOTHROW;

KMEM_ALLOCATES(1) static inline void* kvzalloc(size_t bytes, gfp_t flags) { return kvmalloc(bytes, flags | __GFP_ZERO); }
KMEM_ALLOCATES(1) static inline void* kvzalloc_node(size_t bytes, gfp_t flags, int nid) {
  return kvmalloc_node(bytes, flags | __GFP_ZERO, nid);
}
KMEM_ALLOCATES(1, 2) static inline void* kvmalloc_array(size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  return kvmalloc(bytes, flags);
}
KMEM_ALLOCATES(1, 2) static inline void* kvmalloc_array_node(size_t n, size_t size, gfp_t flags, int nid) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  return kvmalloc_node(bytes, flags, nid);
}
KMEM_ALLOCATES(1, 2) static inline void* kvcalloc(size_t n, size_t size, gfp_t flags) {
  return kvmalloc_array(n, size, flags | __GFP_ZERO);
}
KMEM_ALLOCATES(1, 2) static inline void* kvcalloc_node(size_t n, size_t size, gfp_t flags, int nid) {
  return kvmalloc_array_node(n, size, flags | __GFP_ZERO, nid);
}

KMEM_END_C

#endif
