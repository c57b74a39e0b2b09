// For a machine without memory limits and without reports of memory pressure.

#include "default.h"
#include "port/memory.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_watch_pressure() { return false; }
KMEM_DEFAULT bool kmem_port_pressure(uint64_t) { return false; }
KMEM_DEFAULT uint64_t kmem_port_room() { return kmem::kNoBound; }
}
