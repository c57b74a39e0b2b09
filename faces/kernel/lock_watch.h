#pragma once
// The function that is called for each acquire and release of a lock, if any.

#include <kmem/lock_watch.h>

#include "base/atomic.h"
#include "base/attributes.h"

namespace kmem {

extern Atomic<const kmem_lock_watch*> lock_watch;

inline void tell_of_acquire(const void* lock, const void* lock_class, unsigned how, const void* caller) {
  const kmem_lock_watch* watch = lock_watch.peek();
  if (KMEM_UNLIKELY(watch != nullptr)) watch->acquire(lock, lock_class, how, caller);
}
inline void tell_of_release(const void* lock, const void* caller) {
  const kmem_lock_watch* watch = lock_watch.peek();
  if (KMEM_UNLIKELY(watch != nullptr)) watch->release(lock, caller);
}

}  // namespace kmem
