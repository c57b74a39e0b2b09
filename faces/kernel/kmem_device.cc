// Devices that a program registers itself.

#include <kmem/device.h>

#include "report/texts.h"
#include "sleeping.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::IoFault;
using kmem::Trouble;

kmem::IoSpace& io() { return kmem::system().io; }

int number_of(IoFault fault) {
  switch (fault) {
    case IoFault::None: return 0;
    case IoFault::Overlap:
    case IoFault::Ram:
    case IoFault::InUse:
    case IoFault::Context: return -16;  // -EBUSY
    case IoFault::Unknown: return -19;  // -ENODEV
    case IoFault::Full: return -28;     // -ENOSPC
    case IoFault::Host: return -5;      // -EIO
    default: return -22;                // -EINVAL
  }
}

int complain(const char* what, const char* name, uint64_t phys, IoFault fault) {
  if (fault != IoFault::None)
    kmem::bug_report(Trouble::Warning, "%s(%s) at %#llx: %s", what, name ? name : "", static_cast<unsigned long long>(phys),
                     text_of(fault));
  return number_of(fault);
}

}  // namespace

static_assert(sizeof(kmem_device_ops) == sizeof(kmem::IoOps));

extern "C" {

int kmem_register_device_region(const char* name, phys_addr_t physical, size_t bytes, int file,
                                unsigned long long offset) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!kmem::boot()) return -12;  // -ENOMEM
  return complain("kmem_register_device_region", name, physical,
                  io().add_file(name ? name : "", physical, bytes, file, offset));
}

int kmem_register_simulated_device(const char* name, phys_addr_t physical, size_t bytes, const struct kmem_device_ops* ops,
                                   void* device) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!kmem::boot()) return -12;
  if (!ops) return -22;
  return complain("kmem_register_simulated_device", name, physical,
                  io().add_simulated(name ? name : "", physical, bytes, reinterpret_cast<const kmem::IoOps*>(ops), device));
}

int kmem_unregister_device(phys_addr_t physical) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!kmem::boot()) return -12;
  return complain("kmem_unregister_device", nullptr, physical, io().remove(physical));
}

void kmem_set_sysfs(const char* folder) noexcept {
  KMEM_MIGHT_SLEEP();
  if (kmem::boot()) io().set_sysfs(folder ? folder : "");
}

size_t kmem_iomem(char* buffer, size_t size) noexcept {
  if (!kmem::boot()) return 0;
  kmem::Text text(kmem::Span<char>(buffer, size));
  kmem::SystemSnapshot snapshot;
  if (kmem_take_snapshot(&snapshot)) kmem::put_iomem(text, snapshot);
  io().put_iomem(text);
  return text.total();
}

}  // extern "C"
