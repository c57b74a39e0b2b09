#pragma once
// Regions of devices that VFIO gives to programs: /dev/vfio, by the ioctls that <linux/vfio.h> documents.

#include "port/devices.h"

namespace linux_port {

/// The driver that gives a function's registers to whoever opens its group.
inline constexpr const char* kVfioDriver = "vfio-pci";

/// Opens the group at `device.path`, puts it in a container and asks for the device and its region: the device's file, and
/// the region's offset in `device`; negative where it cannot be had, and why in `device.problem`.  A group can be opened
/// once only, so it stays open until the last of its files is closed.  One call at a time.
int open_vfio(kmem::HostDevice& device);
/// For each file that is closed: was it the last of a group, the group is closed too.
void close_vfio(int file);

}  // namespace linux_port
