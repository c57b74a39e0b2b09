// The function that is called for each acquire and release of a lock.

#include "lock_watch.h"

namespace kmem {
Atomic<const kmem_lock_watch*> lock_watch{nullptr};
}

extern "C" {

void kmem_watch_locks(const kmem_lock_watch* watch) noexcept { kmem::lock_watch.store(watch); }

}  // extern "C"
