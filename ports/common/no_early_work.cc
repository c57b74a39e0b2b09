// For a machine without an early hook of the program.

#include "default.h"
#include "port/memory.h"

extern "C" {
KMEM_DEFAULT void kmem_port_early() {}
}
