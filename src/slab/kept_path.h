#pragma once
// The path of malloc and free for runs whose length comes and goes (slab/kept_blocks.h).  Tried before the slow paths, which do
// the same and all else.

#include "base/sanitizer.h"
#include "slab/runs.h"
#include "slab/size_class.h"
#include "watch/profile.h"

namespace kmem {

/// What this path reads. Closed while `nr_sizes` is zero.
struct KeptPath {
  size_t nr_sizes = 0;  // so many sizes above malloc's largest class
  Runs* runs = nullptr;
};

}  // namespace kmem

extern KMEM_HIDDEN kmem::KeptPath kmem_kept;

namespace kmem::kept {

/// A kept run; null: take the slow path.
KMEM_INLINE void* malloc(size_t size) {
  if (KMEM_LIKELY(size - MallocClasses::kMost - 1 >= shown(kmem_kept.nr_sizes)) || kmem_profile.is_stale()) return nullptr;
  return kmem_kept.runs->take_kept(size);
}
/// Keeps the run that begins at p. False: nothing was done, take the slow path. A run in `other` is the caller's to release.
KMEM_INLINE bool free(void* p, KeptBlocks::Kept& other) {
  return shown(kmem_kept.nr_sizes) && !kmem_profile.has_live() && kmem_kept.runs->keep(p, other);
}

}  // namespace kmem::kept
