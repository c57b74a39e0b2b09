#pragma once
// The guarded pool's reports, worded as the kernel's.

#include "port/port.h"
#include "slab/guarded_slot.h"

namespace kmem::guarded_report {

/// An object of the pool and its number, or no object.
struct Subject {
  const GuardedSlot* slot = nullptr;
  int number = -1;
};

/// A bad access.  `what`: such as "out-of-bounds"; `where`: text behind the address.
void access(const BadAccess& access, Subject of, const char* what, const char* where);
/// A free of p, where no allocated object begins.
void invalid_free(Subject of, const void* p);
/// A write next to an object, found when it was freed: bytes between `at` and `end` differ from the pattern.
void damage(Subject of, const char* at, const char* end);

}  // namespace kmem::guarded_report
