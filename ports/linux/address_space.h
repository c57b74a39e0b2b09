#pragma once
#include "port/machine.h"
#include "port/port.h"

namespace linux_port {

/// Fills the addresses and RAM ranges of the machine, whose CPUs and size are known; false if nothing fits.
bool lay_out_address_space(kmem::Machine& machine);

/// Makes the host pages of a range accessible: in a region that is opened in steps, or in an inaccessible mapping.
kmem::Online open_pages(void* at, size_t bytes);

/// The same for addresses around the base, which may be open from the start.
bool ensure_open(const void* at, size_t bytes);

/// Chooses unused addresses below the heap, and reserves nothing. Null if there are none, or if the heap itself is at addresses
/// that the host chose.
void* choose_below_heap(size_t bytes, size_t align);
/// Reserves these addresses, inaccessible; false if the host has no more, or they are in use.
bool reserve_at(void* at, size_t bytes);

}  // namespace linux_port
