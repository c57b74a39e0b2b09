#pragma once
// Devices that the host shows as files.

#include "base/types.h"

namespace kmem {

/// May writes to a device's memory be combined, if the host has a file for that?
enum class IoWrites : uint8_t { Single, Combined };

/// The file behind a stretch of physical space.
struct HostDevice {
  char name[64];    // "0000:00:1f.3 BAR 2", "uio0 map 1"
  char driver[32];  // the host's driver that is bound to it; empty: none
  char path[320];
  char function[16];  // if `path` is a VFIO group: the device's name in it
  uint32_t region = 0;
  char problem[96];              // why it could not be opened, if known
  uint64_t phys = 0, bytes = 0;  // all of the stretch
  uint64_t offset = 0;           // in the file
  bool combining = false;        // writes through this file are combined
};

}  // namespace kmem

extern "C" {

/// The device whose memory has the physical address, by the tree of files at `sysfs` (laid out as Linux' /sys; device nodes
/// lie in dev/ beside it).  False where there is none.
bool kmem_port_find_device(const char* sysfs, uint64_t phys, kmem::IoWrites writes, kmem::HostDevice* device);
/// Opens the file and fills in its offset if that was not known. Returns a number for close_device(), or a negative one if it
/// cannot be opened. Calls of open and close must not overlap.
int kmem_port_open_device(kmem::HostDevice* device);
/// A number of our own for a file that the program has open.
int kmem_port_keep_device(int file);
void kmem_port_close_device(int file);
/// Maps a part of the file at reserved addresses of the window. False: nothing has changed.
bool kmem_port_window_device(void* to, int file, uint64_t offset, size_t bytes);
}
