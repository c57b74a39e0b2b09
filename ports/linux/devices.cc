// Devices as Linux shows them in sysfs: the BARs of PCI functions, by sysfs or by VFIO, and the maps of UIO.

#include "port/devices.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "linux_port.h"
#include "port/port.h"
#include "vfio.h"

namespace linux_port {
namespace {

constexpr size_t kPath = 320;

/// The names in a folder, one after the other; without allocation.
class Folder {
 public:
  explicit Folder(const char* path)
      : fd_(static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))) {}
  ~Folder() {
    if (fd_ >= 0) syscall(SYS_close, fd_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const char* next() {
    for (;;) {
      if (at_ >= bytes_) {
        bytes_ = fd_ < 0 ? 0 : syscall(SYS_getdents64, fd_, room_, sizeof room_);
        at_ = 0;
        if (bytes_ <= 0) return nullptr;
      }
      struct Entry {  // as getdents64(2) has it
        uint64_t inode;
        int64_t offset;
        uint16_t length;
        uint8_t type;
        char name[1];
      };
      const auto* entry = reinterpret_cast<const Entry*>(room_ + at_);
      at_ += entry->length;
      if (entry->name[0] != '.') return entry->name;
    }
  }

 private:
  int fd_;
  long at_ = 0, bytes_ = 0;
  alignas(8) char room_[2048];
};

template <typename... Args>
bool make_path(char (&out)[kPath], const char* format, Args... args) {
  const int n = snprintf(out, sizeof out, format, args...);
  return n > 0 && n < static_cast<int>(sizeof out);
}

uint64_t number_in(const char* path) {
  char text[64];
  return read_file(path, text, sizeof text) ? strtoull(text, nullptr, 0) : 0;
}

bool is_there(const char* path) { return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0; }

/// The last component of the target of a link in a function's folder; "unknown" if it is no link, "" if it does not exist.
template <size_t N>
void name_of_link(const char* function, const char* link, char (&out)[N]) {
  char path[kPath], target[256];
  out[0] = 0;
  if (!make_path(path, "%s/%s", function, link)) return;
  const long n = syscall(SYS_readlinkat, AT_FDCWD, path, target, sizeof target - 1);
  if (n < 0) {
    if (is_there(path)) snprintf(out, N, "unknown");
    return;
  }
  target[n] = 0;
  const char* slash = strrchr(target, '/');
  snprintf(out, N, "%.*s", static_cast<int>(N - 1), slash ? slash + 1 : target);
}

/// Drivers that leave the registers to programs.
bool is_harmless(const char* driver) {
  static constexpr const char* kHarmless[] = {kVfioDriver, "uio_pci_generic", "igb_uio", "pci-stub"};
  for (const char* harmless : kHarmless)
    if (!strcmp(driver, harmless)) return true;
  return false;
}

/// If the function's VFIO group can be opened, its registers are mapped through it: that needs ownership of the group, not
/// root.
bool find_vfio(const char* sysfs, const char* function, const char* name, unsigned bar, kmem::HostDevice& device) {
  char group[32], path[kPath];
  name_of_link(function, "iommu_group", group);
  if (strcmp(device.driver, kVfioDriver) || !group[0] || !make_path(path, "%s/../dev/vfio/%s", sysfs, group)) return false;
  // Without an IOMMU the host names the group "noiommu-...".
  if (!is_there(path) && (!make_path(path, "%s/../dev/vfio/noiommu-%s", sysfs, group) || !is_there(path))) return false;
  snprintf(device.function, sizeof device.function, "%.15s", name);
  device.region = bar;
  memcpy(device.path, path, sizeof path);
  return true;
}

/// The line of a function's file `resource` that has the address: "0x<start> 0x<end> 0x<flags>", one for each BAR.
bool find_bar(const char* function, uint64_t phys, unsigned& bar, kmem::HostDevice& device) {
  char path[kPath], text[1024];
  if (!make_path(path, "%s/resource", function) || !read_file(path, text, sizeof text)) return false;
  constexpr unsigned kBars = 7;        // six, and the ROM
  constexpr uint64_t kMemory = 0x200;  // IORESOURCE_MEM
  const char* line = text;
  for (bar = 0; bar < kBars && *line; ++bar) {
    char* end;
    const uint64_t from = strtoull(line, &end, 16), to = strtoull(end, &end, 16), flags = strtoull(end, &end, 16);
    if (to > from && phys >= from && phys <= to && (flags & kMemory)) {
      device.phys = from;
      device.bytes = to - from + 1;
      return true;
    }
    line = strchr(line, '\n');
    if (!line++) break;
  }
  return false;
}

bool find_pci(const char* sysfs, uint64_t phys, kmem::IoWrites writes, kmem::HostDevice& device) {
  char path[kPath];
  if (!make_path(path, "%s/bus/pci/devices", sysfs)) return false;
  Folder functions(path);
  while (const char* name = functions.next()) {
    char function[kPath];
    unsigned bar;
    if (!make_path(function, "%s/bus/pci/devices/%s", sysfs, name) || !find_bar(function, phys, bar, device)) continue;
    snprintf(device.name, sizeof device.name, "%.40s BAR %u", name, bar);
    name_of_link(function, "driver", device.driver);
    device.offset = device.phys % host_page;  // the file begins at the start of the device's first page
    const bool vfio = find_vfio(sysfs, function, name, bar, device);
    if (is_harmless(device.driver)) device.driver[0] = 0;
    if (vfio) return true;
    device.combining =
        writes == kmem::IoWrites::Combined && make_path(path, "%s/resource%u_wc", function, bar) && is_there(path);
    if (!device.combining && !make_path(path, "%s/resource%u", function, bar)) return false;
    memcpy(device.path, path, sizeof path);
    return true;
  }
  return false;
}

/// /sys/class/uio/uioN/maps/mapM/{addr,size,offset}; mapped at M pages into /dev/uioN.
bool find_uio_map(const char* sysfs, const char* uio, uint64_t phys, kmem::HostDevice& device) {
  char path[kPath];
  for (unsigned m = 0; m < 5; ++m) {
    if (!make_path(path, "%s/class/uio/%s/maps/map%u/addr", sysfs, uio, m)) return false;
    const uint64_t from = number_in(path);
    if (!make_path(path, "%s/class/uio/%s/maps/map%u/size", sysfs, uio, m)) return false;
    const uint64_t bytes = number_in(path);
    if (!bytes || phys < from || phys - from >= bytes) continue;
    snprintf(device.name, sizeof device.name, "%.20s map %u", uio, m);
    device.phys = from;
    device.bytes = bytes;
    device.offset = m * host_page + from % host_page;
    return make_path(device.path, "%s/../dev/%s", sysfs, uio);
  }
  return false;
}

bool find_uio(const char* sysfs, uint64_t phys, kmem::HostDevice& device) {
  char path[kPath];
  if (!make_path(path, "%s/class/uio", sysfs)) return false;
  Folder uios(path);
  while (const char* name = uios.next())
    if (find_uio_map(sysfs, name, phys, device)) return true;
  return false;
}

}  // namespace
}  // namespace linux_port

extern "C" {

bool kmem_port_find_device(const char* sysfs, uint64_t phys, kmem::IoWrites writes, kmem::HostDevice* device) {
  const linux_port::KeepErrno keep;
  memset(static_cast<void*>(device), 0, sizeof *device);
  // UIO first: a device that UIO gives to programs may also be listed as a BAR of its driver.
  return linux_port::find_uio(sysfs, phys, *device) || linux_port::find_pci(sysfs, phys, writes, *device);
}

int kmem_port_open_device(kmem::HostDevice* device) {
  const linux_port::KeepErrno keep;
  if (device->function[0]) return linux_port::open_vfio(*device);
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, device->path, O_RDWR | O_CLOEXEC));
}

int kmem_port_keep_device(int file) {
  const linux_port::KeepErrno keep;
  return static_cast<int>(syscall(SYS_fcntl, file, F_DUPFD_CLOEXEC, 3));
}

void kmem_port_close_device(int file) {
  const linux_port::KeepErrno keep;
  linux_port::close_vfio(file);
  syscall(SYS_close, file);
}

bool kmem_port_window_device(void* to, int file, uint64_t offset, size_t bytes) {
  const linux_port::KeepErrno keep;
  // Maps at any address first, so that a refusal by the file's driver leaves no hole in the window.
  void* got = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, static_cast<off_t>(offset));
  if (got == MAP_FAILED) return false;
  if (mremap(got, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to) return true;
  munmap(got, bytes);
  mmap(to, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return false;
}
}
