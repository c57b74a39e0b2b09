#pragma once
// Several kmems in one process: a program is linked with libkmem.so and run on a preloaded libkmem-malloc.so, a plugin contains
// libkmem.a. All of them export the same names, and the dynamic linker binds all references to the first. The others are not
// booted; if two are up nevertheless (docs/decisions/names.md says when), each passes frees of the other's blocks on.

#include "base/types.h"

namespace kmem {

/// Do the process's symbol references resolve to this kmem? Constant once the library is loaded; any context.
bool names_lead_here();

/// Makes this kmem known to the others. Once, when it is up.
void meet_neighbours();

/// The size of a block that another kmem of the process allocated; 0: none did. Any context.
size_t usable_at_neighbours(const void* p);
/// Frees a block of another kmem there. False: it is none. Any context.
bool free_at_neighbours(void* p);

}  // namespace kmem
