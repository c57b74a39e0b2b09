// For a machine on which every frame has an address.

#include "default.h"
#include "port/high_memory.h"

extern "C" {
KMEM_DEFAULT kmem::Online kmem_port_online_high(uint64_t, uint64_t) { return kmem::Online::Refused; }
KMEM_DEFAULT void kmem_port_clear_high(uint64_t, uint64_t) {}
KMEM_DEFAULT void* kmem_port_show_frame(uint64_t) { return nullptr; }
KMEM_DEFAULT void kmem_port_hide_frame(uint64_t) {}
KMEM_DEFAULT void* kmem_port_shown_at(uint64_t) { return nullptr; }
KMEM_DEFAULT uint64_t kmem_port_frame_at(const void*) { return kmem::kNoFrame; }
KMEM_DEFAULT bool kmem_port_window_alias_high(void*, uint64_t, size_t, kmem::Access) { return false; }
}
