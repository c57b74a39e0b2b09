#pragma once
// For functions of the kernel's API that take a cache.

#include "slab/cache_handle.h"

namespace kmem {

/// The cache if it is live; otherwise null, and reported in the name of `who`.
Cache* live_cache(kmem_cache* handle, const char* who);

}  // namespace kmem
