#pragma once
// A function that is told of memory that is freed: for a library above kmem that knows who else still uses it.
//
// Each place where memory returns to kmem tells it, on slow paths only; while there is a function the fast paths are closed
// (system/fast_paths.cc).

#include <stddef.h>

#include "base/attributes.h"

/// Null: nobody is told.
extern "C" KMEM_HIDDEN void (*kmem_free_watch)(const void* memory, size_t bytes);

namespace kmem {

inline void tell_freed(const void* memory, size_t bytes) {
  if (const auto watch = __atomic_load_n(&kmem_free_watch, __ATOMIC_ACQUIRE); KMEM_UNLIKELY(watch != nullptr))
    watch(memory, bytes);
}

}  // namespace kmem
