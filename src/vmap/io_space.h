#pragma once
// ioremap(): maps the memory of devices, found by physical address, in the window.
//
// A device is a piece of a file (a PCI function's BAR as sysfs shows it, a UIO map, whatever a program has opened), or
// simulated: then nothing is mapped, and readl() and similar functions call the device's functions.

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
  bool found = false;  // by kmem, in sysfs: forgotten with its last mapping
  bool combining = false;
  char name[64] = {};
};

/// The target of an access to an address of the window.
struct IoTarget {
  const IoDevice* device = nullptr;  // a simulated one, whose functions are to be called
  uint64_t offset = 0;
  bool gone = false;  // no device is mapped there (any more)
};

/// The users of physical addresses: devices, and the regions that drivers have claimed.
///
/// Accesses and unmap() are lock-free, in any context. The other functions take lock_ in task context, or only try it.
/// release() and the reports access only the states.
///
/// Invariants on a quiet system (walked by check()):
///   I1  no two live devices overlap
///   I2  a device has as many mappings as there are areas that name it
///   I3  no two claimed regions overlap
class IoSpace {
 public:
  static constexpr unsigned kMost = 64;
  struct Region {
    // The part that drivers see: struct resource.
    uint64_t start = 0, last = 0;
    const char* label = nullptr;
    unsigned long flags = 0;
    // Private:
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
  /// Fails while it is mapped.
  IoFault remove(uint64_t phys);

  /// Maps a range of any alignment. On failure null, with `fault` set; `who` is then the name of the device or its driver.
  void* map(uint64_t phys, uint64_t bytes, IoWrites writes, const void* caller, IoFault& fault, Text& who);
  AreaFault unmap(const volatile void* p);

  /// One access of a register's width.  `gone`: no device is there, and the value is all ones, as on a bus.
  template <typename T>
  T read(const volatile void* p, bool& gone) const;
  template <typename T>
  void write(T value, volatile void* p, bool& gone) const;

  /// Claims a region for a driver; null if part of it is claimed already.
  Region* claim(uint64_t start, uint64_t bytes, const char* name);
  bool release(uint64_t start, uint64_t bytes);
  /// As the kernel's /proc/iomem: devices and claimed regions.
  void put_iomem(Text& out) const;
  Fault check() const;

  void before_fork() KMEM_NO_LOCK_CHECK { lock_.hold_for_fork(); }
  void after_fork_in_parent() KMEM_NO_LOCK_CHECK { lock_.release_after_fork(); }
  void after_fork_in_child() KMEM_NO_LOCK_CHECK;  // the child has one task

 private:
  friend class IoSpaceTestPeer;
  enum State : uint32_t { Unused, Making, Live };

  IoFault add(const char* name, IoDevice& wish);
  bool lock() KMEM_TRY_ACQUIRE(true, lock_);
  IoFault add_locked(const IoDevice& wish) KMEM_REQUIRES(lock_);
  IoFault remove_locked(uint64_t phys) KMEM_REQUIRES(lock_);
  IoTarget target(const volatile void* p) const;
  uint32_t count_mappings(const IoDevice& device) const;
  void forget_unused() KMEM_REQUIRES(lock_);
  IoFault look(uint64_t phys, uint64_t bytes) const;
  IoDevice* make(const char* name, uint64_t phys, uint64_t bytes, IoFault& fault) KMEM_REQUIRES(lock_);
  IoDevice* find(uint64_t phys);
  IoDevice* find_in_sysfs(uint64_t phys, uint64_t bytes, IoWrites writes, IoFault& fault, Text& who) KMEM_REQUIRES(lock_);
  void* map_locked(uint64_t phys, uint64_t bytes, IoWrites writes, const void* caller, IoFault& fault, Text& who)
      KMEM_REQUIRES(lock_);
  Region* claim_locked(uint64_t start, uint64_t bytes, const char* name) KMEM_REQUIRES(lock_);
  void* show(IoDevice& device, uint64_t phys, uint64_t bytes, const void* caller, IoFault& fault) KMEM_REQUIRES(lock_);
  void forget(IoDevice& device) KMEM_REQUIRES(lock_);

  PageAllocator* pages_ = nullptr;
  Vmap* vmap_ = nullptr;
  SleepLock lock_;
  char sysfs_[128] KMEM_GUARDED_BY(lock_) = "/sys";
  // Added and removed under the lock; readers check only the states.
  IoDevice devices_[kMost];
  Region regions_[kMost];
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
