#pragma once
// KMEM_PROFILE=FILE and profile_signal=N: the program writes its heap profile.

namespace kmem {

/// When the process ends: the profile, if one is being taken.  Once in a process.
void leave_profile();

}  // namespace kmem
