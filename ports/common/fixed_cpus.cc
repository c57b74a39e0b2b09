// For a machine whose CPUs are those of the facts, all of them always online.

#include "default.h"
#include "port/tasks.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_cpus(kmem::HostCpus, uint64_t*, unsigned) { return false; }
KMEM_DEFAULT uint32_t kmem_port_keep_to_cpus(uint32_t) { return 0; }
}
