// kmalloc() and kfree(): the hot pair of kernel code.

#include <linux/slab.h>

#include "api/system.h"
#include "api/trouble.h"
#include "page/gfp_context.h"
#include "slab/fast_path.h"

namespace {

using kmem::Cache;

KMEM_NOINLINE void* kmalloc_slowly(size_t size, gfp_t flags, int nid, const void* site) {
  if (!size) return ZERO_SIZE_PTR;
  if (!kmem::boot()) return nullptr;
  flags = kmem::effective_gfp(flags, site, "kmalloc");
  kmem::System& s = kmem::system();
  if (nid == kmem::kNoNode && size <= kmem::kKmallocMax && !(flags & kmem::fast::kSlowGfp) && kmem::only_counted())
    if (void* p = s.heap.kmalloc_cache(size).pop_counted()) return p;
  void* p = s.heap.kmalloc(size, flags, nid);
  if (KMEM_UNLIKELY(!p)) kmem::report_failure("kmalloc", size, flags);
  return p;
}

KMEM_NOINLINE void kfree_slowly(const void* pointer) {
  if (ZERO_OR_NULL_PTR(pointer)) return;
  if (!kmem::slow_free(const_cast<void*>(pointer), kmem::Family::Kmalloc)) kmem::report_bad_free(pointer);
}

}  // namespace

static_assert(KMALLOC_MAX_SIZE == kmem::Heap::kKmallocLimit && KMALLOC_MAX_CACHE_SIZE == kmem::kKmallocMax);

extern "C" {

void* kmalloc(size_t size, gfp_t flags) noexcept {
  void* p = kmem::fast::kmalloc(size, flags);
  return KMEM_LIKELY(p != nullptr) ? p : kmalloc_slowly(size, flags, kmem::kNoNode, __builtin_return_address(0));
}

/// For names that allocate on somebody's behalf: a mistake in the flags is theirs who called.
KMEM_HIDDEN void* kmem_kmalloc_from(size_t size, gfp_t flags, const void* site) {
  void* p = kmem::fast::kmalloc(size, flags);
  return p ? p : kmalloc_slowly(size, flags, kmem::kNoNode, site);
}

void* kmalloc_node(size_t size, gfp_t flags, int nid) noexcept {
  return kmalloc_slowly(size, flags, nid, __builtin_return_address(0));
}

void kfree(const void* pointer) noexcept {
  const kmem::Push pushed = kmem::fast::free(pointer);
  if (KMEM_LIKELY(pushed == kmem::Push::Done)) return;
  if (pushed == kmem::Push::Full) return kfree_slowly(pointer);
  kmem::report_bad_free(pointer);
}

size_t ksize(const void* pointer) noexcept {
  if (const size_t size = kmem::fast::size_of(pointer)) return size;
  return ZERO_OR_NULL_PTR(pointer) || !kmem::boot() ? 0 : kmem::system().heap.usable(pointer);
}

KMEM_HIDDEN size_t kmem_kmalloc_size(size_t size) { return kmem::boot() ? kmem::system().heap.kmalloc_size(size) : size; }

}  // extern "C"
