// For a machine that cannot protect single pages.

#include "default.h"
#include "port/memory.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_protect(void*, size_t, kmem::Protection) { return false; }
}
