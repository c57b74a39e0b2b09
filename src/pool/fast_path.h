#pragma once
// The fast paths of a pool over a cache or kmalloc: an element from this CPU's sheaf and back, without a call.
//
// They inline the cache's fast paths, so boot words and fault injection that close those close these too, and Mempool::alloc()
// and free() see every call. In addition they count the elements that are out with one locked instruction each way; the count
// is exact, so that one free too many is noticed at once.

#include "pool/mempool.h"
#include "slab/cache.h"
#include "slab/fast_path.h"

namespace kmem {

KMEM_INLINE void* Mempool::try_alloc() {
  if (KMEM_UNLIKELY(state_ != State::Served)) return nullptr;
  void* element = CpuStack::try_pop(cache_->fast().slot);
  if (KMEM_LIKELY(element != nullptr)) nr_out_.fetch_add(1);
  return element;
}

// The element is counted before it is pushed: afterwards another task may get it, and free it.
KMEM_INLINE bool Mempool::try_free(void* element) {
  if (KMEM_UNLIKELY(state_ != State::Served || !reserve_.full())) return false;
  if (KMEM_UNLIKELY(nr_out_.fetch_sub(1) <= 0 || fast::free_to(cache_->fast().class_byte, element) != Push::Done)) {
    nr_out_.fetch_add(1);
    return false;
  }
  if (KMEM_UNLIKELY(line_.any())) line_.wake_first();
  return true;
}

}  // namespace kmem
