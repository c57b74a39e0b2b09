// For a machine without threads for kmem: no background reclaim.

#include "default.h"
#include "port/tasks.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_spawn(void (*)(void*), void*) { return false; }
}
