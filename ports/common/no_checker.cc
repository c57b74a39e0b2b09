// For a machine without a checker of accesses.

#include "default.h"
#include "port/diagnosis.h"

extern "C" {
KMEM_DEFAULT void kmem_port_tell(kmem::Tell, const void*, size_t) {}
}
