#pragma once
#include "port/machine.h"

namespace linux_port {

/// Fills the addresses and RAM ranges of the machine, whose CPUs and size are known; false where nothing fits.
bool lay_out_address_space(kmem::Machine& machine);

/// Gives access to the host pages of a range.
bool open_pages(void* at, size_t bytes);

}  // namespace linux_port
