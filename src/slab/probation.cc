#include "slab/probation.h"

#include "base/format.h"
#include "slab/mapped.h"

namespace kmem {
namespace {

/// After the first blocks of a size, one of so many sheaf refills gives a checked block.
constexpr int32_t kBetweenChecked = 128;
/// A block between closed pages costs system calls and a page fault for each page, and sheaves of large objects are short; so
/// these are rarer.
constexpr int32_t kBetweenMapped = 8 * kBetweenChecked;
constexpr size_t kLargestGuardedRun = 256 << 10;

}  // namespace

void Probation::start(CacheTable& caches, uint32_t nr_blocks) {
  for (unsigned i = 0; i < kNrClasses; ++i) {
    TextOf<32> name;
    const uint32_t size = 32u << i;
    size >= 1024 ? name.put("checked-").dec(size / 1024).put('k') : name.put("checked-").dec(size);
    checked_[i] = caches.create({.name = name.data(),
                                 .object_size = size,
                                 .align = 16,
                                 .flags = debug::kChecks | debug::kRedZone | debug::kPoison,
                                 .frugal = true});
    if (!checked_[i]) return;
  }
  for (auto& until : until_checked_) until.poke(static_cast<int32_t>(nr_blocks));
  large_until_checked_.poke(static_cast<int32_t>(nr_blocks));
  on_ = true;
}

void* Probation::alloc(size_t size, unsigned index, MappedBlocks& mapped) {
  const int32_t until = until_checked_[index].peek();
  const int32_t between = size > kLargestChecked ? kBetweenMapped : kBetweenChecked;
  until_checked_[index].poke(until - 1 > -between ? until - 1 : 1);
  if (until <= 0) return nullptr;
  if (size > kLargestChecked) return mapped.alloc_guarded(size, 16);
  const unsigned order = size <= 32 ? 0 : log2_ceil(size) - 5;
  return checked_[order]->alloc(gfp::kKernel, kNoNode, static_cast<uint32_t>(size ? size : 1));
}

// Not for large runs, which cost no system call without a guard; nor for very large blocks, which mremap() grows without a
// copy if they have no guard.
bool Probation::takes_large(size_t size) {
  const bool fits = size <= kLargestGuardedRun || (size >= kMappedFrom && size < 4 * kMappedFrom);
  const int32_t left = on_ && fits ? large_until_checked_.peek() : 0;
  if (left > 0) large_until_checked_.poke(left - 1);
  return left > 0;
}

bool Probation::has(const Cache* cache) const {
  for (const Cache* checked : checked_)
    if (cache == checked) return true;
  return false;
}

}  // namespace kmem
