// Heap profiles that a program takes of itself.

#include <kmem/profile.h>

#include "system/system.h"
#include "watch/profile.h"
#include "watch/profile_text.h"

namespace {
constexpr int kNoMemory = -12, kNoData = -61;  // -ENOMEM, -ENODATA
}

extern "C" {

int kmem_profile_start(size_t period) noexcept {
  if (!kmem::boot()) return kNoMemory;
  kmem_profile.ask(period ? period : kmem::Profile::kDefaultPeriod);
  kmem::follow_profile();
  return kmem_profile.is_stale() ? kNoMemory : 0;
}

void kmem_profile_stop() noexcept {
  if (!kmem::boot()) return;
  kmem_profile.ask(0);
  kmem::follow_profile();
}

int kmem_profile_write(int fd) noexcept { return kmem::write_profile(fd) ? 0 : kNoData; }

}  // extern "C"
