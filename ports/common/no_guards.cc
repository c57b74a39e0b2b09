// For a machine that cannot make pages permanently inaccessible: the core leaves a gap, or has no guard.

#include "default.h"
#include "port/memory.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_guard(void*, size_t) { return false; }
}
