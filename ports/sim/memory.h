#pragma once
#include "port/machine.h"
#include "port/memory.h"

namespace sim_port {

/// Closes all memory of the simulated machine and forgets its contents; then opens the memory needed at boot and enters it in
/// `machine`.
void lay_out_memory(kmem::Machine& machine);
void close_memory();

/// Are the addresses those of frames or descriptors, which come online step by step? Also true for a test's own memory outside
/// of the machine.
bool comes_online(const void* address, size_t bytes);
bool open_memory(void* address, size_t bytes);
bool protect_memory(void* address, size_t bytes, kmem::Protection wanted);
void zero_memory(void* address, size_t bytes);

/// Maps separate memory, for kmem_port_map().
void* map_memory(size_t bytes, size_t align);
bool unmap_memory(void* address, size_t bytes);
void* remap_memory(void* address, size_t old_bytes, size_t new_bytes);
size_t nr_mapped();
void unmap_all();

}  // namespace sim_port
