#pragma once
#include "port/machine.h"

namespace sim_port {

/// Closes all memory of the simulated machine and forgets its contents; then opens what must be there at boot and names
/// it in the machine.
void lay_out_memory(kmem::Machine& machine);
void close_memory();

/// Do the addresses belong to frames or descriptors, the two that come online piece by piece?  A test's own memory,
/// outside of the machine's, may do so too.
bool comes_online(const void* address, size_t bytes);
bool open_memory(void* address, size_t bytes);
bool protect_memory(void* address, size_t bytes, bool open);
void zero_memory(void* address, size_t bytes);

/// Memory of its own, for kmem_port_map().
void* map_memory(size_t bytes, size_t align);
bool unmap_memory(void* address, size_t bytes);
void* remap_memory(void* address, size_t old_bytes, size_t new_bytes);
size_t nr_mapped();
void unmap_all();

}  // namespace sim_port
