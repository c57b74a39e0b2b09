#pragma once
// An element of a pool over a cache or kmalloc, from this CPU's sheaf and back: what as a rule happens, without a call.
//
// The cache's own fast paths lie in line here, so whatever closes those (boot words, faults that are injected) closes
// these too, and Mempool::alloc() and free() see every call.  What remains beside them is the count of elements that are
// out: it is exact, so that one element too many is noticed at once, and takes one locked instruction each way.

#include "pool/mempool.h"
#include "slab/cache.h"
#include "slab/fast_path.h"

namespace kmem {

KMEM_INLINE void* Mempool::try_alloc() {
  if (KMEM_UNLIKELY(!initialized() || !cache_)) return nullptr;
  void* element = CpuStack::try_pop(cache_->fast_slot());
  if (KMEM_LIKELY(element != nullptr)) nr_out_.fetch_add(1);
  return element;
}

// The element is counted before it goes: from then on another task may have it, and free it.
KMEM_INLINE bool Mempool::try_free(void* element) {
  if (KMEM_UNLIKELY(!initialized() || !cache_ || !reserve_.full())) return false;
  if (KMEM_UNLIKELY(nr_out_.fetch_sub(1) <= 0 || fast::free_to(cache_->class_byte(), element) != Push::Done)) {
    nr_out_.fetch_add(1);
    return false;
  }
  if (KMEM_UNLIKELY(line_.anybody())) line_.ring();
  return true;
}

}  // namespace kmem
