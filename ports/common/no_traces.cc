// For a machine without stack traces.

#include "default.h"
#include "port/diagnosis.h"

extern "C" {
KMEM_DEFAULT unsigned kmem_port_backtrace(void**, unsigned) { return 0; }
KMEM_DEFAULT unsigned kmem_port_own_frames(void* const*, unsigned) { return 0; }
}
