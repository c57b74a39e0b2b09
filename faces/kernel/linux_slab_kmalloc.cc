// kmalloc() and kfree().

#include <linux/slab.h>

#include "on_behalf.h"
#include "page/gfp_context.h"
#include "slab/fast_path.h"
#include "slab/profiled_path.h"
#include "system/bad_free.h"
#include "system/neighbours.h"
#include "system/system.h"
#include "system/trouble.h"

namespace {

using kmem::Cache;

using Own = kmem::CpuStack::Own;  // of a thread that has no restartable sequences

KMEM_NOINLINE void* kmalloc_slowly(size_t size, gfp_t flags, int nid, const void* site) {
  kmem::Counted counted = kmem::Counted::No;
  if (nid == kmem::kNoNode) {
    const bool counts = kmem::profiled::counts_kmalloc(size);
    if (void* p = counts ? kmem::profiled::kmalloc(size, flags, counted) : kmem::fast::kmalloc<Own>(size, flags)) return p;
  }
  if (!size) return ZERO_SIZE_PTR;
  if (!kmem::boot()) return nullptr;
  flags = kmem::effective_gfp(flags, site, "kmalloc");
  kmem::System& s = kmem::system();
  kmem::follow_profile();
  if (nid == kmem::kNoNode && size <= kmem::KmallocClasses::kMost && !(flags & kmem::fast::kSlowGfp) && kmem::only_counted())
    if (void* p = s.heap.sizes().kmalloc(size).pop_counted()) return p;
  void* p = s.heap.samples().kmalloc(s.heap, size, flags, nid, counted, site);
  if (KMEM_UNLIKELY(!p)) kmem::report_failure("kmalloc", size, flags);
  return p;
}

KMEM_NOINLINE void kfree_slowly(const void* pointer) {
  if (ZERO_OR_NULL_PTR(pointer) || KMEM_LIKELY(kmem::fast::free<Own>(pointer) == kmem::Push::Done)) return;
  if (!kmem::slow_free(const_cast<void*>(pointer), kmem::Family::Kmalloc)) kmem::report_foreign_free(pointer);
}

}  // namespace

static_assert(KMALLOC_MAX_SIZE == kmem::kKmallocLimit && KMALLOC_MAX_CACHE_SIZE == kmem::KmallocClasses::kMost);

extern "C" {

void* kmalloc(size_t size, gfp_t flags) noexcept {
  void* p = kmem::fast::kmalloc(size, flags);
  return KMEM_LIKELY(p != nullptr) ? p : kmalloc_slowly(size, flags, kmem::kNoNode, __builtin_return_address(0));
}

/// For functions that allocate for their caller, to which a mistake in the flags is attributed.
KMEM_HIDDEN void* kmem_kmalloc_from(size_t size, gfp_t flags, const void* site) {
  void* p = kmem::fast::kmalloc(size, flags);
  return p ? p : kmalloc_slowly(size, flags, kmem::kNoNode, site);
}

KMEM_HIDDEN void* kmem_kmalloc_node_from(size_t size, gfp_t flags, int nid, const void* site) {
  return kmalloc_slowly(size, flags, nid, site);
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
  if (ZERO_OR_NULL_PTR(pointer) || !kmem::boot()) return 0;
  const size_t size = kmem::system().heap.usable(pointer);
  return size ? size : kmem::usable_at_neighbours(pointer);
}

KMEM_HIDDEN size_t kmem_kmalloc_size(size_t size) {
  return kmem::boot() ? kmem::system().heap.sizes().kmalloc_size(size) : size;
}

}  // extern "C"
