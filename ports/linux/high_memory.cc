// In a process every frame has an address, also one of the zone HighMem.

#include "port/high_memory.h"

extern "C" {
kmem::Online kmem_port_online_high(uint64_t, uint64_t) { return kmem::Online::Refused; }
void kmem_port_clear_high(uint64_t, uint64_t) {}
void* kmem_port_show_frame(uint64_t) { return nullptr; }
void kmem_port_hide_frame(uint64_t) {}
void* kmem_port_shown_at(uint64_t) { return nullptr; }
uint64_t kmem_port_frame_at(const void*) { return kmem::kNoFrame; }
bool kmem_port_window_alias_high(void*, uint64_t, size_t, kmem::Access) { return false; }
}
