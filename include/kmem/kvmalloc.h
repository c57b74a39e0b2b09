#ifndef KMEM_KVMALLOC_H
#define KMEM_KVMALLOC_H
/* kvmalloc(): kmalloc() if possible, otherwise vmalloc().  <linux/slab.h> and <linux/mm.h> include this.
 *
 * Sizes are bytes.  Up to one page it is kmalloc() alone; above, kmalloc() is tried without reclaim, and vmalloc() serves if
 * there are not enough contiguous frames. vmalloc() may sleep, so without __GFP_DIRECT_RECLAIM there is no second try. For 0
 * bytes it returns ZERO_SIZE_PTR, as kmalloc(0).  More than INT_MAX bytes are refused, with a warning. May sleep if the flags
 * allow it.  kvfree() is for tasks that may sleep and for interrupts, as vfree() is. */
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <stddef.h>

KMEM_BEGIN_C

KMEM_API void* kvmalloc_node(size_t bytes, gfp_t flags, int nid) KMEM_NOTHROW_NAME(kvmalloc_node) KMEM_ALLOCATES(1);
KMEM_API void* kvmalloc(size_t bytes, gfp_t flags) KMEM_NOTHROW_NAME(kvmalloc) KMEM_ALLOCATES(1);
/** A block with the old contents, as far as they fit; on failure NULL, and the old block is unchanged. */
KMEM_API void* kvrealloc(const void* pointer, size_t bytes, gfp_t flags) KMEM_NOTHROW_NAME(kvrealloc) KMEM_MUST_CHECK
    __attribute__((alloc_size(2)));
/** The same with an alignment and a node; see krealloc_node_align(). */
KMEM_API void* kvrealloc_node_align(const void* pointer, size_t bytes, unsigned long align, gfp_t flags, int nid)
    KMEM_NOTHROW_NAME(kvrealloc_node_align) KMEM_MUST_CHECK __attribute__((alloc_size(2)));
KMEM_API void kvfree(const void* pointer) KMEM_NOTHROW_NAME(kvfree);
/** Overwrites `bytes` with zeroes before it frees. */
KMEM_API void kvfree_sensitive(const void* pointer, size_t bytes) KMEM_NOTHROW_NAME(kvfree_sensitive);

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
