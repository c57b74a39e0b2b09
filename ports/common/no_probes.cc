// For a machine without probes for sampled blocks.

#include "default.h"
#include "port/diagnosis.h"

extern "C" {
KMEM_DEFAULT void kmem_port_probe_alloc(const void*, size_t, uint64_t) {}
KMEM_DEFAULT void kmem_port_probe_free(const void*) {}
}
