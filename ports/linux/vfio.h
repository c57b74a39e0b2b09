#pragma once
// Regions of devices that VFIO gives to programs: /dev/vfio, by the ioctls that <linux/vfio.h> documents.

#include "port/devices.h"

namespace linux_port {

/// The driver of functions whose registers are mapped through their VFIO group.
inline constexpr const char* kVfioDriver = "vfio-pci";

/// Opens the group at `device.path`, puts it in a container and asks for the device and its region: the device's file, and
/// the region's offset in `device`; negative if that fails, with the reason in `device.problem`.  A group can be opened once
/// only, so it stays open until the last of its files is closed.  One call at a time.
int open_vfio(kmem::HostDevice& device);
/// To be called for each file that is closed: closes the group with its last file.
void close_vfio(int file);

}  // namespace linux_port
