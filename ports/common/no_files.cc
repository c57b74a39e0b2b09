// For a machine without files: no shared memory, and no file behind code.

#include "default.h"
#include "port/port.h"

extern "C" {
KMEM_DEFAULT void* kmem_port_share(const char*, size_t) { return nullptr; }
KMEM_DEFAULT void kmem_port_write_mappings(int) {}
KMEM_DEFAULT bool kmem_port_locate(const void*, char*, size_t, uint64_t*) { return false; }
}
