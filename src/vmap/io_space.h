#pragma once
// Physical space with devices behind it, seen in the window: ioremap().
//
// A device is a piece of a file (a PCI function's BAR as sysfs shows it, a UIO map, whatever a program has opened), or one
// that is simulated: then nothing is mapped, and each access by readl() and its kin calls the device's functions.

#include "base/format.h"
#include "port/devices.h"
#include "vmap/vmap.h"

namespace kmem {

/// A simulated device's registers; `bytes` is 1, 2, 4 or 8.
struct IoOps {
  unsigned long long (*read)(void* device, size_t offset, unsigned bytes);
  void (*write)(void* device, size_t offset, unsigned bytes, unsigned long long value);
};

enum class IoFault : uint8_t { None, Size, Ram, Unknown, Overlap, Beyond, Unaligned, Bound, Host, Full, InUse };
const char* text_of(IoFault fault);

struct IoDevice {
  Atomic<uint32_t> state;  // Unused, Making, Live
  Atomic<uint32_t> nr_mapped;
  uint64_t phys = 0, bytes = 0;
  int file = -1;
  uint64_t offset = 0;  // in the file, of its first byte
  const IoOps* ops = nullptr;
  void* arg = nullptr;
  bool found = false;  // by us, in sysfs: forgotten with its last mapping
  bool combining = false;
  char name[64] = {};
};

/// Which physical addresses are whose: devices, and the regions that drivers have claimed.
///
/// Finding the device behind an address of the window is lock-free, in any context; all else is for task context.
///
/// Invariants on a quiet system (walked by check()):
///   I1  no two live devices overlap
///   I2  a device has as many mappings as there are areas that name it
///   I3  no two claimed regions overlap
class IoSpace {
 public:
  static constexpr unsigned kMost = 64;
  struct Region {
    Atomic<uint32_t> used;
    uint64_t start = 0, bytes = 0;
    char name[48] = {};
  };

  void init(PageAllocator* pages, Vmap* vmap) {
    pages_ = pages;
    vmap_ = vmap;
  }
  void set_sysfs(const char* root);

  IoFault add_file(const char* name, uint64_t phys, uint64_t bytes, int file, uint64_t offset);
  IoFault add_simulated(const char* name, uint64_t phys, uint64_t bytes, const IoOps* ops, void* arg);
  /// Refused while it is mapped.
  IoFault remove(uint64_t phys);

  /// Any alignment, and what the device has of it: null, and the fault; `who` is then the device's or its driver's name.
  void* map(uint64_t phys, uint64_t bytes, bool combine, const void* caller, IoFault& fault, Text& who);
  AreaFault unmap(const volatile void* p);

  /// The simulated device behind an address, and the register's offset; null where there is none.
  const IoDevice* simulated_at(const volatile void* p, uint64_t& offset) const;
  /// An address of the window where nothing is mapped for a device any more.
  bool is_gone(const volatile void* p) const;

  /// Claims a region for a driver; null where somebody has part of it.
  Region* claim(uint64_t start, uint64_t bytes, const char* name);
  bool release(uint64_t start, uint64_t bytes);
  /// As the kernel's /proc/iomem: devices and claimed regions.
  void put_iomem(Text& out) const;
  Fault check() const;

 private:
  friend class IoSpaceTestPeer;
  enum State : uint32_t { Unused, Making, Live };

  IoFault look(uint64_t phys, uint64_t bytes) const;
  IoDevice* make(const char* name, uint64_t phys, uint64_t bytes, IoFault& fault);
  IoDevice* find(uint64_t phys);
  IoDevice* find_in_sysfs(uint64_t phys, uint64_t bytes, bool combine, IoFault& fault, Text& who);
  void* show(IoDevice& device, uint64_t phys, uint64_t bytes, const void* caller, IoFault& fault);
  void forget(IoDevice& device);

  PageAllocator* pages_ = nullptr;
  Vmap* vmap_ = nullptr;
  char sysfs_[128] = "/sys";
  IoDevice devices_[kMost];
  Region regions_[kMost];
};

}  // namespace kmem
