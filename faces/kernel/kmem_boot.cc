// Memory that a boot word reserved.

#include "early_memory.h"

#include <kmem/boot.h>

extern "C" {

void* kmem_reserved(const char* name, size_t* bytes) noexcept {
  const kmem::NamedMemory* named = name && early::is_there() ? kmem::boot_memory().find(name) : nullptr;
  if (named && bytes) *bytes = named->bytes;
  return named ? kmem::boot_memory().address(named->start) : nullptr;
}

}  // extern "C"
