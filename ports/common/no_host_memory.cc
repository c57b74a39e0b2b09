// For a machine without a host: all of the firmware's memory is present from the start, and none is returned.

#include "default.h"
#include "port/memory.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_bind(void*, size_t, unsigned) { return false; }
KMEM_DEFAULT bool kmem_port_discard(void*, size_t) { return false; }
KMEM_DEFAULT void kmem_port_close(void*, size_t) {}
}
