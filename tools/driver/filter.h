#pragma once
// Which system calls of a program are asked about before they run: seccomp's user notification.

#include <string>

namespace kmem::driver_host {

/// Puts the filter on the calling thread, which exec and its children keep.  The listener, or -1 with errno: the kernel has
/// none, or somebody forbids it.  `exact`: a signal ends a call only where we say so.
int install_filter(bool* exact);

}  // namespace kmem::driver_host
