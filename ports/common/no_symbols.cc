// For a machine without symbols, and without saved stacks for a debugger.

#include "default.h"
#include "port/diagnosis.h"

extern "C" {
KMEM_DEFAULT size_t kmem_port_name_code(const void*, char* out, size_t bytes) {
  if (bytes) *out = 0;
  return 0;
}
KMEM_DEFAULT bool kmem_port_save_stack(kmem::SavedStack*) { return false; }
}
