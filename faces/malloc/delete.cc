// Every form of operator delete.  The array form calls the form for a single object; the nothrow and sized forms call the plain
// ones ([new.delete]). If a program replaces one of these, the other forms call the program's; otherwise they call kmem
// directly, as in new.cc.

#include <stddef.h>

#include <new>

#include "own.h"

extern "C" {
#define KMEM_OWN(name) [[gnu::alias(name)]] KMEM_HIDDEN
KMEM_OWN("_ZdlPv") void kmem_own_delete(void* p) noexcept;
KMEM_OWN("_ZdaPv") void kmem_own_delete_array(void* p) noexcept;
KMEM_OWN("_ZdlPvSt11align_val_t") void kmem_own_delete_aligned(void* p, std::align_val_t align) noexcept;
KMEM_OWN("_ZdaPvSt11align_val_t") void kmem_own_delete_array_aligned(void* p, std::align_val_t align) noexcept;
}

namespace {

using Delete = void(void*) noexcept;
using DeleteAligned = void(void*, std::align_val_t) noexcept;

bool one_is_ours() { return is_ours<Delete>(&operator delete, kmem_own_delete); }
bool array_is_ours() { return is_ours<Delete>(&operator delete[], kmem_own_delete_array) && one_is_ours(); }
bool aligned_is_ours() { return is_ours<DeleteAligned>(&operator delete, kmem_own_delete_aligned); }
bool aligned_array_is_ours() {
  return is_ours<DeleteAligned>(&operator delete[], kmem_own_delete_array_aligned) && aligned_is_ours();
}

size_t plain(std::align_val_t align) { return static_cast<size_t>(align); }

}  // namespace

KMEM_REPLACEABLE void operator delete(void* p) noexcept { kmem_own_free(p); }
KMEM_REPLACEABLE void operator delete[](void* p) noexcept { one_is_ours() ? kmem_own_free(p) : operator delete(p); }
KMEM_REPLACEABLE void operator delete(void* p, const std::nothrow_t&) noexcept {
  one_is_ours() ? kmem_own_free(p) : operator delete(p);
}
KMEM_REPLACEABLE void operator delete[](void* p, const std::nothrow_t&) noexcept {
  array_is_ours() ? kmem_own_free(p) : operator delete[](p);
}
KMEM_REPLACEABLE void operator delete(void* p, size_t size) noexcept {
  one_is_ours() ? kmem_own_free_sized(p, size) : operator delete(p);
}
KMEM_REPLACEABLE void operator delete[](void* p, size_t size) noexcept {
  array_is_ours() ? kmem_own_free_sized(p, size) : operator delete[](p);
}

KMEM_REPLACEABLE void operator delete(void* p, std::align_val_t) noexcept { kmem_own_free(p); }
KMEM_REPLACEABLE void operator delete[](void* p, std::align_val_t align) noexcept {
  aligned_is_ours() ? kmem_own_free(p) : operator delete(p, align);
}
KMEM_REPLACEABLE void operator delete(void* p, std::align_val_t align, const std::nothrow_t&) noexcept {
  aligned_is_ours() ? kmem_own_free(p) : operator delete(p, align);
}
KMEM_REPLACEABLE void operator delete[](void* p, std::align_val_t align, const std::nothrow_t&) noexcept {
  aligned_array_is_ours() ? kmem_own_free(p) : operator delete[](p, align);
}
KMEM_REPLACEABLE void operator delete(void* p, size_t size, std::align_val_t align) noexcept {
  aligned_is_ours() ? kmem_own_free_aligned_sized(p, plain(align), size) : operator delete(p, align);
}
KMEM_REPLACEABLE void operator delete[](void* p, size_t size, std::align_val_t align) noexcept {
  aligned_array_is_ours() ? kmem_own_free_aligned_sized(p, plain(align), size) : operator delete[](p, align);
}
