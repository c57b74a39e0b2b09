// Out-of-memory notifiers.

#include <linux/oom.h>

#include "sleeping.h"
#include "system/system.h"

namespace {

/// The core does not use <linux/errno.h>, which is the system's.
constexpr int ENOENT = 2, ENOMEM = 12, EEXIST = 17, EINVAL = 22, ENOSPC = 28;

using kmem::OomNotifier;

static_assert(sizeof(OomNotifier) <= sizeof(notifier_block::kmem_room));

kmem::Reclaim& reclaim() { return kmem::system().pages.reclaim(); }
OomNotifier& inside(notifier_block* block) { return *static_cast<OomNotifier*>(static_cast<void*>(block->kmem_room)); }

bool notify(OomNotifier& self, uint64_t& freed) {
  auto* block = static_cast<notifier_block*>(self.owner);
  unsigned long pages = 0;
  const int answer = block->notifier_call(block, 0, &pages);
  freed += pages;
  return !(answer & NOTIFY_STOP_MASK);
}

}  // namespace

extern "C" {

int register_oom_notifier(notifier_block* block) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!block || !block->notifier_call) return -EINVAL;
  if (!kmem::boot()) return -ENOMEM;
  OomNotifier& inner = inside(block);
  if (reclaim().oom().has(inner)) return -EEXIST;
  inner = {notify, block, block->priority};
  return reclaim().oom().add(inner) ? 0 : -ENOSPC;
}

int unregister_oom_notifier(notifier_block* block) noexcept {
  KMEM_MIGHT_SLEEP();
  return block && kmem::boot() && reclaim().oom().remove(inside(block)) ? 0 : -ENOENT;
}

}  // extern "C"
