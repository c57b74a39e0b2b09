// Which allocator a stress program is built for: malloc, whichever one the process has; or, with STRESS_ON_KMALLOC,
// kmalloc and kfree of libkmem, which can be linked with a sanitizer where a preloaded malloc can't.
#pragma once

#include <cstddef>

#ifdef STRESS_ON_KMALLOC
#include <linux/slab.h>
inline void* heap_alloc(std::size_t n) { return kmalloc(n, GFP_KERNEL); }
inline void heap_free(void* p) { kfree(p); }
#else
#include <cstdlib>
inline void* heap_alloc(std::size_t n) { return std::malloc(n); }
inline void heap_free(void* p) { std::free(p); }
#endif
