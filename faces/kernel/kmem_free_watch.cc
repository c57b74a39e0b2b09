// The function that is told of memory that is freed.

#include <kmem/free_watch.h>

#include "system/system.h"
#include "watch/free_watch.h"

extern "C" void kmem_watch_frees(kmem_freed_function function) noexcept {
  if (!kmem::boot()) return;
  __atomic_store_n(&kmem_free_watch, function, __ATOMIC_RELEASE);
  kmem::set_fast_paths(kmem::kForFreeWatch, function ? kmem::FastPath::Closed : kmem::FastPath::Open);
}
