#pragma once
// I/O ports of simulated devices.

#include <kmem/device.h>

#include "port/table.h"

namespace kmem_driver {

/// For ioport_map() ports are physical addresses far above all memory.
constexpr phys_addr_t kPortSpace = 0xffff'ff00'0000ull;

}  // namespace kmem_driver
