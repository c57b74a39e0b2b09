// At the end of an ordinary program: reports mistakes that no call has detected yet.
//
// A block that was freed twice lies twice in the sheaves, and an overrun of a block that is never freed is visible around it.
// Checking at the end costs little, and nothing before.

#include <errno.h>
#include <pthread.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>

#include "system/system.h"

namespace {

/// Counts tasks by the link count of a folder in /proc, a system call that a sandbox may forbid.
bool is_last_task() {
  struct stat tasks;
  return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3;
}

/// Other threads could be changing the structures. Only the host knows whether the process' threads have ended, and it is asked
/// only if a boot word requested checks.
bool alone() { return __libc_single_threaded || (kmem::checks_were_asked_for() && is_last_task()); }

/// A forked child is not checked: it shares its parent's pages, and checking would copy them.
bool forked = false;

[[gnu::constructor]] void begin() {
  pthread_atfork(nullptr, nullptr, [] { forked = true; });
}

[[gnu::destructor(102)]] void end() {
  const int saved = errno;
  if (!forked && kmem::is_up()) kmem::look_at_the_end(alone() ? kmem::OtherTasks::None : kmem::OtherTasks::Some);
  errno = saved;
}

}  // namespace
