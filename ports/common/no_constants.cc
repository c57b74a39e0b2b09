// For a machine on which the program's read-only data is unknown: kstrdup_const() always copies.

#include "default.h"
#include "port/diagnosis.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_is_constant(const void*) { return false; }
}
