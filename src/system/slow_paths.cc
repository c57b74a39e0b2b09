// The slow paths of malloc and free.

#include "base/memory.h"
#include "slab/hardened_path.h"
#include "system/bad_free.h"
#include "system/system.h"
#include "watch/profile.h"

namespace kmem {

void follow_profile() {
  if (!kmem_profile.is_stale()) return;
  System& s = system();
  // Where there is no memory for the caches, the next slow call tries again.
  if (!kmem_profile.update() || (kmem_profile.is_on() && !s.heap.samples().make_caches(s.heap.caches()))) return;
  set_fast_paths(kForProfile, kmem_profile.is_on() ? FastPath::Closed : FastPath::Open);
  kmem_profile.set_in_force();
}

void* slow_malloc(size_t size, Contents contents, Counted counted) {
  if (!boot()) return nullptr;
  System& s = system();
  follow_profile();
  if (void* p = hardened::malloc<CpuStack::Own>(size))
    return contents == Contents::Zero && !kmem_hardened.comes_zero ? memset(p, 0, size) : p;
  if (contents == Contents::Any && size <= MallocClasses::kMost && only_counted())
    if (void* p = s.heap.sizes().malloc(size).pop_counted()) return p;
  return s.heap.samples().malloc(s.heap, size, contents, counted);
}

void* slow_malloc_aligned(size_t size, size_t align) {
  if (!boot()) return nullptr;
  follow_profile();
  Heap& heap = system().heap;
  return heap.samples().malloc_aligned(heap, size, align);
}

namespace {

// Most blocks that come here and are no objects are malloc's runs: one look into their table, and nothing need be classified.
// Not where frees are counted, noted or checked.
bool free_run(System& s, void* p) {
  return !s.options.hardened && !s.world.counts && !kmem_profile.has_live() && s.heap.runs().free_mallocs(p);
}

}  // namespace

bool slow_free(void* p, Family by) {
  if (!boot()) return false;
  System& s = system();
  // The most frequent case: the fast path found the sheaf full.
  if (const unsigned c = fast::class_of(p); c && c != kSharedClass) return s.heap.cache(c).free(p), true;
  if (KMEM_LIKELY(by == Family::Malloc) && free_run(s, p)) return true;
  const Block block = s.heap.classify(p);
  if (KMEM_UNLIKELY(s.options.hardened)) check_family(p, block, by);
  return free_block(p, block);
}

bool slow_free_sized(void* p, size_t size) {
  if (!boot()) return false;
  const Block block = system().heap.classify(p);
  system().heap.check_size(p, block, size);
  if (KMEM_UNLIKELY(system().options.hardened)) check_family(p, block, Family::Malloc);
  return free_block(p, block);
}

}  // namespace kmem
