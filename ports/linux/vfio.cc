#include "vfio.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux_port.h"

namespace linux_port {
namespace {

/// An open group, and the container that attaches it to an IOMMU.
struct Group {
  char path[320] = {};
  int file = -1, container = -1;
  unsigned nr_devices = 0;
};
/// A device's file, and its group.
struct DeviceFile {
  int file = -1;
  Group* group = nullptr;
};
constinit Group groups[16];
DeviceFile files[64];

int open_file(const char* path) { return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC)); }
void close_file(int& file) {
  if (file >= 0) syscall(SYS_close, file);
  file = -1;
}

bool because(kmem::HostDevice& device, const char* what, bool of_errno = false) {
  snprintf(device.problem, sizeof device.problem, of_errno ? "%s (error %d)" : "%s", what, errno);
  return false;
}

void close_group(Group& group) {
  close_file(group.file);  // before its container
  close_file(group.container);
  group.path[0] = 0;
}

bool open_container(Group& group, kmem::HostDevice& device) {
  char path[sizeof group.path];
  snprintf(path, sizeof path, "%s", device.path);
  char* slash = strrchr(path, '/');
  if (!slash || static_cast<size_t>(path + sizeof path - slash) < sizeof "/vfio")
    return because(device, "the group's path is too long");
  strcpy(slash, "/vfio");
  group.container = open_file(path);
  if (group.container < 0) return because(device, "/dev/vfio/vfio cannot be opened", true);
  if (ioctl(group.container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
    return because(device, "the host speaks another version of VFIO");
  return true;
}

/// Sets the container's IOMMU, or "no IOMMU" if the host is configured for it.
bool join(Group& group, kmem::HostDevice& device) {
  struct vfio_group_status status = {};
  status.argsz = sizeof status;
  if (ioctl(group.file, VFIO_GROUP_GET_STATUS, &status)) return because(device, "VFIO_GROUP_GET_STATUS", true);
  if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
    return because(device, "other devices of its VFIO group are bound to drivers of the host");
  if (ioctl(group.file, VFIO_GROUP_SET_CONTAINER, &group.container)) return because(device, "VFIO_GROUP_SET_CONTAINER", true);
  static constexpr int kKinds[] = {VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU, VFIO_NOIOMMU_IOMMU};
  for (const int iommu : kKinds)
    if (ioctl(group.container, VFIO_CHECK_EXTENSION, iommu) > 0 && ioctl(group.container, VFIO_SET_IOMMU, iommu) == 0)
      return true;
  return because(device, "VFIO_SET_IOMMU", true);
}

Group* group_of(kmem::HostDevice& device) {
  for (Group& group : groups)
    if (group.file >= 0 && !strcmp(group.path, device.path)) return &group;
  for (Group& group : groups) {
    if (group.file >= 0) continue;
    group.file = open_file(device.path);
    if (group.file < 0)
      return because(device, errno == EBUSY ? "another program has its VFIO group" : "its VFIO group cannot be opened",
                     errno != EBUSY),
             nullptr;
    memcpy(group.path, device.path, sizeof group.path);
    group.nr_devices = 0;
    if (open_container(group, device) && join(group, device)) return &group;
    close_group(group);
    return nullptr;
  }
  return because(device, "too many VFIO groups"), nullptr;
}

bool find_region(int file, kmem::HostDevice& device) {
  struct vfio_region_info info = {};
  info.argsz = sizeof info;
  info.index = device.region;
  if (ioctl(file, VFIO_DEVICE_GET_REGION_INFO, &info)) return because(device, "VFIO_DEVICE_GET_REGION_INFO", true);
  if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
    return because(device, "VFIO lets this region be read and written, but not mapped");
  if (info.size < device.bytes) return because(device, "VFIO's region is shorter than the BAR");
  device.offset = info.offset + device.phys % host_page;
  return true;
}

bool keep(int file, Group* group) {
  for (DeviceFile& slot : files) {
    if (slot.file >= 0) continue;
    slot = {file, group};
    ++group->nr_devices;
    return true;
  }
  return false;
}

int open_device(Group* group, kmem::HostDevice& device) {
  int file = ioctl(group->file, VFIO_GROUP_GET_DEVICE_FD, device.function);
  if (file < 0) return because(device, "VFIO_GROUP_GET_DEVICE_FD", true), -1;
  if (!find_region(file, device)) return close_file(file), -1;
  if (!keep(file, group)) return because(device, "too many regions"), close_file(file), -1;
  return file;
}

}  // namespace

int open_vfio(kmem::HostDevice& device) {
  Group* group = group_of(device);
  if (!group) return -1;
  const int file = open_device(group, device);
  if (!group->nr_devices) close_group(*group);
  return file;
}

void close_vfio(int file) {
  for (DeviceFile& slot : files) {
    if (slot.file != file) continue;
    if (!--slot.group->nr_devices) close_group(*slot.group);
    slot = {};
    return;
  }
}

}  // namespace linux_port
