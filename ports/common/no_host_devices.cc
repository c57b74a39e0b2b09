// For a machine without devices as files: ioremap() maps physical addresses directly, if the window can.

#include "default.h"
#include "port/devices.h"

extern "C" {
KMEM_DEFAULT bool kmem_port_find_device(const char*, uint64_t, kmem::IoWrites, kmem::HostDevice*) { return false; }
KMEM_DEFAULT int kmem_port_open_device(kmem::HostDevice*) { return -1; }
KMEM_DEFAULT int kmem_port_keep_device(int) { return -1; }
KMEM_DEFAULT void kmem_port_close_device(int) {}
KMEM_DEFAULT bool kmem_port_window_device(void*, int, uint64_t, size_t) { return false; }
}
