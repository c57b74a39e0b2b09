// mallopt(): glibc's parameters as far as they apply to kmem; 0 for the others.  docs/malloc.md has the table.

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "base/attributes.h"
#include "own.h"
#include "settings.h"
#include "system/system.h"

MallocSettings malloc_settings;

namespace {
constexpr int kLargestMmapThreshold = 32 << 20;  // bytes, as in glibc
constexpr int kLargestFast = 80 * sizeof(size_t) / 4;
}  // namespace

using kmem::system;

bool MallocSettings::set_perturb(int value) {
  perturb_.store(static_cast<uint32_t>(value));
  kmem::set_fast_paths(kmem::kForPatterns, value ? kmem::FastPath::Closed : kmem::FastPath::Open);
  return true;
}

void MallocSettings::fill_new(void* p, size_t size) const { memset(p, static_cast<int>(perturb_.peek() ^ 0xff), size); }

// Ignores invalid pointers and double frees, which the free itself reports.
size_t MallocSettings::note_free(void* p) const {
  if (!kmem::boot()) return 0;
  const kmem::Block block = system().heap.classify(p);
  const bool out = block.bytes && !(block.cache && block.kind == kmem::BlockKind::Object &&
                                    !block.cache->checked().debug().is_out(static_cast<char*>(p)));
  if (!out) return 0;
  if (perturbs()) memset(p, static_cast<int>(perturb_.peek()), block.bytes);
  const uint64_t from = returned_from_.peek();
  return from && block.kind == kmem::BlockKind::Run && block.bytes >= from - 1 ? block.bytes : 0;
}

void MallocSettings::give_back(size_t bytes) {
  const uint64_t dirty = system().pages.nr_dirty(), frames = kmem::round_up(bytes, kmem::kPageSize) >> kmem::kPageShift;
  system().pages.give_to_host(dirty > frames ? dirty - frames : 0);
}

bool MallocSettings::bound_keep() {
  const int64_t limit = trim_threshold_.load();
  // As in glibc, a negative threshold is never reached, because it is converted to unsigned.
  const uint64_t frames = limit == kNotSet ? kmem::KeepInputs::kByUse
                          : limit < 0      ? kmem::KeepInputs::kByUse >> 1
                                           : static_cast<uint64_t>(limit) >> kmem::kPageShift;
  system().pages.bound_keep(top_pad_.load() >> kmem::kPageShift, frames);
  return true;
}

int MallocSettings::set(int parameter, int value) {
  switch (parameter) {
    case M_PERTURB: return set_perturb(value);
    case M_TRIM_THRESHOLD: trim_threshold_.store(value); return bound_keep();
    case M_TOP_PAD:
      if (value < 0) return 0;
      top_pad_.store(static_cast<uint64_t>(value));
      return bound_keep();
    case M_MMAP_THRESHOLD:
      if (value < 0 || value > kLargestMmapThreshold) return 0;
      returned_from_.store(static_cast<uint64_t>(value) + 1);
      return 1;
    case M_CHECK_ACTION:
      // Mistakes are always reported.
      if (!(value & 1)) return 0;
      kmem::set_panic_on_warn(value & 2);
      return 1;
    // Accepted without effect: there is one heap instead of arenas, and no unmerged free blocks.
    case M_ARENA_MAX:
    case M_ARENA_TEST: return value >= 0;
    case M_MXFAST: return value >= 0 && value <= kLargestFast;
    default: return 0;
  }
}

extern "C" KMEM_REPLACEABLE int mallopt(int parameter, int value) {
  const int saved = errno;
  const int set = kmem::boot() ? malloc_settings.set(parameter, value) : 0;
  errno = saved;
  return set;
}
