// fork(): the child has one thread.  What the parent's other threads had in their hands is let go of.
//
// No lock is taken before the fork, because nothing here can be left half done: see docs/decisions/no-locks.md.

#include <pthread.h>

#include "api/system.h"

namespace {

[[gnu::constructor]] void watch_forks() { pthread_atfork(nullptr, nullptr, kmem::after_fork); }

}  // namespace
