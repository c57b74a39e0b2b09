#pragma once
// The core that is linked into the tool, over the memory of a target (mirror.h): its objects are where the target has them.

#include "find_kmem.h"

namespace kmem::tool {

/// From now on system() and percpu() are the target's.  Reads it, so: within Mirror::run().
void adopt(const KmemPlace& place);

}  // namespace kmem::tool
