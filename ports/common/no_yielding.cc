// For a machine whose tasks cannot yield the CPU.

#include "default.h"
#include "port/tasks.h"

extern "C" {
KMEM_DEFAULT void kmem_port_yield() {}
}
