// For a machine with a single program, without fork.

#include "default.h"
#include "port/port.h"

extern "C" {
KMEM_DEFAULT uint32_t kmem_port_process_id() { return 1; }
KMEM_DEFAULT void kmem_port_at_fork(void (*)(), void (*)(), void (*)()) {}
KMEM_DEFAULT bool kmem_port_with_copy(void (*)(void*, void*), void*, void*, size_t) { return false; }
}
