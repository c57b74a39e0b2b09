// For a simple window: all of it is reserved at once, there are no guards inside open ranges, pages cannot be moved or mapped
// twice, and accesses to unused ranges are not detected.

#include "default.h"
#include "port/window.h"

extern "C" {
KMEM_DEFAULT void* kmem_port_window_choose(size_t bytes, size_t align) { return kmem_port_window_reserve(bytes, align); }
KMEM_DEFAULT bool kmem_port_window_take(void*, size_t) { return true; }
KMEM_DEFAULT bool kmem_port_window_access(void*, size_t, kmem::Access) { return false; }
KMEM_DEFAULT bool kmem_port_window_guard(void*, size_t) { return false; }
KMEM_DEFAULT bool kmem_port_window_move(void*, void*, size_t) { return false; }
KMEM_DEFAULT bool kmem_port_window_alias(void*, void*, size_t, kmem::Access) { return false; }
KMEM_DEFAULT void kmem_port_window_mark(void*, size_t, kmem::WindowUse) {}
}
