#pragma once
// Reports about callers' mistakes with locks.

#include "sync/waiting_lock.h"
#include "watch/context.h"
#include "watch/report.h"

/// The task would wait for itself, for ever.
[[noreturn]] KMEM_COLD inline void die_of_recursion(const char* what, const void* lock) {
  kmem::bug_report(kmem::Trouble::Bug, "%s recursion on %p: its holder locks it again%s", what, lock,
                   kmem::in_interrupt() ? ", in an interrupt that came while it was held" : "");
  kmem_port_panic();
}

KMEM_COLD inline void report_unlock(const char* what, const void* lock, const void* owner) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, kmem::Trouble::Bug, "%s %p is unlocked by a task that does not hold it%s; nothing was done",
                           what, lock, owner ? "" : ", and neither does another");
}

inline void lock_or_die(kmem::WaitingLock& lock, const char* what) {
  if (KMEM_UNLIKELY(lock.is_mine())) die_of_recursion(what, &lock);
  lock.lock();
}

inline bool unlock_or_report(kmem::WaitingLock& lock, const char* what) {
  if (KMEM_UNLIKELY(!lock.is_mine())) return report_unlock(what, &lock, lock.owner()), false;
  lock.unlock();
  return true;
}
