// For a machine that cannot move mappings: the core copies instead.

#include "default.h"
#include "port/memory.h"

extern "C" {
KMEM_DEFAULT void* kmem_port_remap(void*, size_t, size_t) { return nullptr; }
}
