// kmalloc's relatives that only need kmalloc, kfree and ksize.

#include <linux/slab.h>
#include <linux/string.h>

#include "base/memory.h"

/// Bytes that kmalloc(size) takes; from the size classes.
extern "C" size_t kmem_kmalloc_size(size_t size);
extern "C" void* kmem_kmalloc_from(size_t size, gfp_t flags, const void* site);

extern "C" {

size_t kmalloc_size_roundup(size_t size) noexcept {
  return size == 0 || size > KMALLOC_MAX_SIZE ? size : kmem_kmalloc_size(size);
}

void* krealloc(const void* pointer, size_t new_size, gfp_t flags) noexcept {
  if (new_size == 0) {
    kfree(pointer);
    return ZERO_SIZE_PTR;
  }
  if (ZERO_OR_NULL_PTR(pointer)) return kmem_kmalloc_from(new_size, flags, __builtin_return_address(0));

  char* old = static_cast<char*>(const_cast<void*>(pointer));
  const size_t room = ksize(old);
  if (new_size <= room) {
    // Nobody remembers which bytes were in use, so for a later growth the rest has to be zero from now on.
    if (flags & __GFP_ZERO) memset(old + new_size, 0, room - new_size);
    return old;
  }
  void* grown = kmem_kmalloc_from(new_size, flags, __builtin_return_address(0));
  if (!grown) return nullptr;
  memcpy(grown, old, room);
  kfree(old);
  return grown;
}

void memzero_explicit(void* memory, size_t bytes) noexcept {
  memset(memory, 0, bytes);
  asm volatile("" : : "r"(memory) : "memory");  // somebody may read it, as far as the compiler knows
}

void kfree_sensitive(const void* pointer) noexcept {
  if (ZERO_OR_NULL_PTR(pointer)) return;
  memzero_explicit(const_cast<void*>(pointer), ksize(pointer));
  kfree(pointer);
}

}  // extern "C"
