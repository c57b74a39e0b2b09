// For a machine that cannot make memory resident or use larger pages on request.

#include "default.h"
#include "port/memory.h"

extern "C" {
KMEM_DEFAULT void kmem_port_populate(void*, size_t) {}
KMEM_DEFAULT bool kmem_port_huge(void*, size_t) { return true; }
}
