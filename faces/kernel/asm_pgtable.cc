// The addresses of vmalloc's window.

#include <asm/pgtable.h>

#include "system/system.h"

namespace {
kmem::Window& window() { return kmem::system().vmap.window(); }
}  // namespace

extern "C" {

unsigned long kmem_vmalloc_start() noexcept {
  return kmem::boot() && window().ensure() ? reinterpret_cast<unsigned long>(window().start()) : 0;
}
unsigned long kmem_vmalloc_end() noexcept {
  return kmem::boot() && window().ensure() ? reinterpret_cast<unsigned long>(window().end()) : 0;
}

}  // extern "C"
