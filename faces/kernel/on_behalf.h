#pragma once
// Variants of API functions for calls by other API functions: a mistake in the flags or the context is attributed to the code
// at `site`, which called the outer function.

#include <linux/gfp.h>

#include "base/attributes.h"

extern "C" {
KMEM_HIDDEN void* kmem_kmalloc_from(size_t size, gfp_t flags, const void* site);
KMEM_HIDDEN void* kmem_kmalloc_node_from(size_t size, gfp_t flags, int nid, const void* site);
KMEM_HIDDEN struct page* kmem_alloc_pages_from(int nid, gfp_t flags, unsigned int order, const void* site);
KMEM_HIDDEN void* kmem_vmalloc_from(size_t bytes, gfp_t flags, int nid, const void* site);
KMEM_HIDDEN void kmem_vfree_from(const void* p, const char* who, const void* site);
/// The size of the block for kmalloc(size), by the size classes.
KMEM_HIDDEN size_t kmem_kmalloc_size(size_t size);
}
