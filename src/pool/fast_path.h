#pragma once
// The fast paths of a pool over a cache or kmalloc: an element from this CPU's sheaf and back, without a call.
//
// They inline the cache's fast paths, so boot words and fault injection that close those close these too, and Mempool::alloc()
// and free() see every call. In addition they count the elements that are out with one locked instruction each way, on a line
// of this CPU (out_count.h).

#include "pool/mempool.h"
#include "slab/cache.h"
#include "slab/fast_path.h"

namespace kmem {

KMEM_INLINE void* Mempool::try_alloc() {
  if (KMEM_UNLIKELY(state_ != State::Served)) return nullptr;
  void* element = CpuStack::try_pop(shown(cache_->fast().slot));
  if (KMEM_LIKELY(element != nullptr)) out_.add();
  return element;
}

// The element is counted before it is pushed: afterwards another task may get it, and free it.
KMEM_INLINE bool Mempool::try_free(void* element) {
  if (KMEM_UNLIKELY(state_ != State::Served || !reserve_.full())) return false;
  if (KMEM_UNLIKELY(!out_.sub_here())) return false;
  if (KMEM_UNLIKELY(fast::free_to(cache_->fast().class_byte, element) != Push::Done)) {
    out_.add();
    return false;
  }
  if (KMEM_UNLIKELY(line_.any())) line_.wake_first();
  return true;
}

}  // namespace kmem
