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

enum class IoFault : uint8_t { None, Size, Ram, Unknown, Overlap, Beyond, Unaligned, Bound, Host, Full, InUse, Context };
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

/// What an access to an address of the window meets.
struct IoTarget {
  const IoDevice* device = nullptr;  // a simulated one, whose functions are to be called
  uint64_t offset = 0;
  bool gone = false;  // nothing is mapped there (any more)
};

/// Which physical addresses are whose: devices, and the regions that drivers have claimed.
///
/// Accesses are lock-free, in any context, and so is unmap(); all else is under lock_, in task context, or by trying.
///
/// Invariants on a quiet system (walked by check()):
///   I1  no two live devices overlap
///   I2  a device has as many mappings as there are areas that name it
///   I3  no two claimed regions overlap
class IoSpace {
 public:
  static constexpr unsigned kMost = 64;
  struct Region {
    // What the driver is shown: struct resource.
    uint64_t start = 0, last = 0;
    const char* label = nullptr;
    unsigned long flags = 0;
    // Ours.
    Atomic<uint32_t> used;
    uint64_t bytes = 0;
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

  /// One access of a register's width.  `gone`: there was none, and the value is all ones, as a bus gives it.
  template <typename T>
  T read(const volatile void* p, bool& gone) const;
  template <typename T>
  void write(T value, volatile void* p, bool& gone) const;

  /// Claims a region for a driver; null where somebody has part of it.
  Region* claim(uint64_t start, uint64_t bytes, const char* name);
  bool release(uint64_t start, uint64_t bytes);
  /// As the kernel's /proc/iomem: devices and claimed regions.
  void put_iomem(Text& out) const;
  Fault check() const;

  void before_fork() { held_for_fork_ = lock_.hold_for_fork(); }
  void after_fork_in_parent() KMEM_TSA(no_thread_safety_analysis) {
    if (!held_for_fork_) return;  // booted since then
    held_for_fork_ = false;
    lock_.unlock();
  }
  void after_fork_in_child();

 private:
  friend class IoSpaceTestPeer;
  enum State : uint32_t { Unused, Making, Live };

  template <typename T, typename Do>
  T alone(T otherwise, Do what);
  IoTarget target(const volatile void* p) const;
  uint32_t count_mappings(const IoDevice& device) const;
  void forget_unused();
  IoFault look(uint64_t phys, uint64_t bytes) const;
  IoDevice* make(const char* name, uint64_t phys, uint64_t bytes, IoFault& fault);
  IoDevice* find(uint64_t phys);
  IoDevice* find_in_sysfs(uint64_t phys, uint64_t bytes, bool combine, IoFault& fault, Text& who);
  void* map_alone(uint64_t phys, uint64_t bytes, bool combine, const void* caller, IoFault& fault, Text& who);
  Region* claim_alone(uint64_t start, uint64_t bytes, const char* name);
  void* show(IoDevice& device, uint64_t phys, uint64_t bytes, const void* caller, IoFault& fault);
  void forget(IoDevice& device);

  PageAllocator* pages_ = nullptr;
  Vmap* vmap_ = nullptr;
  char sysfs_[128] = "/sys";
  IoDevice devices_[kMost];
  Region regions_[kMost];
  SleepLock lock_;
  bool held_for_fork_ = false;
};

template <typename T>
T IoSpace::read(const volatile void* p, bool& gone) const {
  const IoTarget at = target(p);
  gone = at.gone;
  if (at.gone) return static_cast<T>(~T{0});
  if (!at.device) return *static_cast<const volatile T*>(p);
  const IoOps& ops = *at.device->ops;
  return static_cast<T>(ops.read ? ops.read(at.device->arg, at.offset, sizeof(T)) : ~0ull);
}

template <typename T>
void IoSpace::write(T value, volatile void* p, bool& gone) const {
  const IoTarget at = target(p);
  gone = at.gone;
  if (at.gone) return;
  if (!at.device) *static_cast<volatile T*>(p) = value;
  else if (at.device->ops->write) at.device->ops->write(at.device->arg, at.offset, sizeof(T), value);
}

}  // namespace kmem
