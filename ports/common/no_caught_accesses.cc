// For a machine that stops at a refused access.

#include "default.h"
#include "port/diagnosis.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_catch_accesses(bool (*)(const kmem::BadAccess&), kmem::Handlers) { return false; }
KMEM_DEFAULT bool kmem_port_catches_accesses() { return false; }
KMEM_DEFAULT unsigned kmem_port_backtrace_of(const kmem::BadAccess*, void**, unsigned) { return 0; }
}
