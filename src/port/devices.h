#pragma once
// Devices that the host shows as files.

#include "base/types.h"

namespace kmem {

/// The file behind a stretch of physical space.
struct HostDevice {
  char name[64];       // "0000:00:1f.3 BAR 2", "uio0 map 1"
  char driver[32];     // of the host, which has it; empty for none
  char path[320];
  char function[16];   // behind a VFIO group, which is then at `path`: the name that the group knows it by
  uint32_t region = 0;
  char problem[96];    // why it could not be opened, if that can be told
  uint64_t phys = 0, bytes = 0;  // all of the stretch
  uint64_t offset = 0;           // in the file
  bool combining = false;        // writes through this file are combined
};

}  // namespace kmem

extern "C" {

/// The device whose memory has the physical address, by the tree of files at `sysfs` (laid out as Linux' /sys; device nodes
/// lie in dev/ beside it).  `combine`: rather the file through which writes are combined.  False where there is none.
bool kmem_port_find_device(const char* sysfs, uint64_t phys, bool combine, kmem::HostDevice* device);
/// A number for the file, to be given back by close_device(), and its offset where that is not known before; negative where
/// it cannot be opened.  One call of open and close at a time.
int kmem_port_open_device(kmem::HostDevice* device);
/// A number of our own for a file that the program has open.
int kmem_port_keep_device(int file);
void kmem_port_close_device(int file);
/// Shows a piece of the file at reserved addresses of the window; false: they are as they were.
bool kmem_port_window_device(void* to, int file, uint64_t offset, size_t bytes);
}
