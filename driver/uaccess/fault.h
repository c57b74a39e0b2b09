#pragma once
// Copies that stop at a bad address, and faults in memory that a driver has mapped.

#include <stddef.h>

#include "host/host.h"

namespace kmem_driver {

/// Copies in this process. Returns the number of bytes that could not be copied because an address is bad.
size_t copy_guarded(void* to, const void* from, size_t n);
size_t clear_guarded(void* to, size_t n);

/// Called in a signal handler for other faults. True: the access is repeated.
using host::FaultHandler;
void set_fault_handler(FaultHandler handler);
/// Installs the handler for faults, which passes others on to the previous handler.
void watch_faults();

}  // namespace kmem_driver
