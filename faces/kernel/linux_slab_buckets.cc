// kmem_buckets: a user's own caches for kmalloc's sizes.

#include <linux/kernel.h>
#include <linux/slab.h>

#include "on_behalf.h"
#include "sleeping.h"

/// A cache for each of kmalloc's sizes; a null entry ends the array.
struct kmem_buckets {
  static constexpr unsigned kMost = 32;
  kmem_cache* cache[kMost];
  size_t size[kMost];
};

namespace {

/// The part of an object of that size that may be copied to user space.
unsigned user_part(size_t size, unsigned offset, unsigned bytes) {
  const size_t room = size > offset ? size - offset : 0;
  return static_cast<unsigned>(bytes < room ? bytes : room);
}

bool fill(kmem_buckets& b, const char* name, slab_flags_t flags, unsigned offset, unsigned bytes, void (*constructor)(void*)) {
  unsigned n = 0;
  for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE && n < kmem_buckets::kMost; size = b.size[n++] + 1) {
    b.size[n] = kmalloc_size_roundup(size);
    char* full = kasprintf(GFP_KERNEL, "%s-%zu", name, b.size[n]);
    const unsigned part = user_part(b.size[n], offset, bytes);
    kmem_cache_args args = {static_cast<unsigned>(b.size[n] & -b.size[n]), part ? offset : 0, part, 0, false, constructor, 0};
    b.cache[n] =
        full ? __kmem_cache_create_args(full, static_cast<unsigned>(b.size[n]), &args, flags | SLAB_NO_MERGE) : nullptr;
    kfree(full);
    if (!b.cache[n]) return false;
  }
  return true;
}

kmem_cache* cache_for(const kmem_buckets* buckets, size_t size) {
  if (!buckets || !size || size > KMALLOC_MAX_CACHE_SIZE) return nullptr;
  unsigned n = 0;
  while (buckets->size[n] < size) ++n;
  return buckets->cache[n];
}

}  // namespace

extern "C" {

kmem_buckets* kmem_buckets_create(const char* name, slab_flags_t flags, unsigned int useroffset, unsigned int usersize,
                                  void (*constructor)(void*)) noexcept {
  auto* buckets = static_cast<kmem_buckets*>(kzalloc(sizeof(kmem_buckets), KMEM_GFP_HERE(GFP_KERNEL)));
  if (!buckets || fill(*buckets, name, flags & ~SLAB_PANIC, useroffset, usersize, constructor)) return buckets;
  for (unsigned n = 0; n < kmem_buckets::kMost && buckets->cache[n]; ++n) kmem_cache_destroy(buckets->cache[n]);
  kfree(buckets);
  return nullptr;
}

void* kmem_buckets_alloc(kmem_buckets* buckets, size_t size, gfp_t flags) noexcept {
  kmem_cache* cache = cache_for(buckets, size);
  return cache ? kmem_cache_alloc(cache, KMEM_GFP_HERE(flags)) : kmem_kmalloc_from(size, flags, __builtin_return_address(0));
}

void* kmem_buckets_valloc(kmem_buckets* buckets, size_t size, gfp_t flags) noexcept {
  flags = KMEM_GFP_HERE(flags);
  kmem_cache* cache = cache_for(buckets, size);
  return cache ? kmem_cache_alloc(cache, flags) : kvmalloc(size, flags);
}

}  // extern "C"
