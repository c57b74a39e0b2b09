// How a simulated device reaches memory.

#include <kmem/simulated.h>
#include <linux/kernel.h>
#include <linux/pci.h>

#include "dma/space.h"
#include "pci/simulated/simulated.h"

namespace {

using namespace kmem_driver;
using namespace kmem_driver::dma;

enum class Access { Read, Write };
const char* name_of(Access access) { return access == Access::Read ? "reads" : "writes"; }

/// Null: it may send addresses to memory.
const char* why_not(const device* dev, dma_addr_t address) {
  if (!dev_is_pci(dev)) return nullptr;
  const pci::Function& f = pci::function_of(to_pci_dev(dev));
  if (!(pci::command_of(f) & PCI_COMMAND_MASTER)) return "is not bus master: pci_set_master() is missing";
  const unsigned bits = pci::simulated(f).what->dma_bits;
  if (bits && address >> bits) return "has fewer address lines: dma_set_mask() is missing";
  return nullptr;
}

/// What is wrong with the access to a mapping; null: nothing.
const char* fault_of(const Mapping* m, dma_addr_t address, size_t n, Access access) {
  if (!m) return "where nothing is mapped";
  if (m->freed) return "what the driver has freed";
  if (!m->holds(address, n)) return "beyond the end of what is mapped";
  if (access == Access::Write && m->direction == DMA_TO_DEVICE) return "what is mapped with DMA_TO_DEVICE";
  if (access == Access::Read && m->direction == DMA_FROM_DEVICE) return "what is mapped with DMA_FROM_DEVICE";
  if (m->is_drivers && m->shadow && m->direction != DMA_FROM_DEVICE && was_written(*m))
    return "what the driver has written to: dma_sync_single_for_device() is missing before";
  return nullptr;
}

template <typename Copy>
int access(device* dev, dma_addr_t address, size_t n, Access kind, Copy copy) {
  if (!n) return 0;
  const char* fault = why_not(dev, address);
  if (fault) {
    WARN(1, "DMA-API: %s %s: the device %s memory at 0x%016llx, and %s", dev_driver_string(dev), dev_name(dev), name_of(kind),
         static_cast<unsigned long long>(address), fault);
    return -EPERM;
  }
  {
    Quietly hold(lock);
    Mapping* m = find(dev, address);
    fault = fault_of(m, address, n, kind);
    if (!fault) copy(m->shadow ? m->shadow + (address - m->address) : static_cast<u8*>(m->memory) + (address - m->address));
  }
  WARN(fault, "DMA-API: %s %s: the device %s %zu bytes at 0x%016llx, %s", dev_driver_string(dev), dev_name(dev), name_of(kind),
       n, static_cast<unsigned long long>(address), fault);
  return fault ? -EFAULT : 0;
}

}  // namespace

extern "C" {

int kmem_dma_read(device* dev, dma_addr_t from, void* to, size_t n) noexcept {
  return access(dev, from, n, Access::Read, [&](const u8* memory) { memcpy(to, memory, n); });
}
int kmem_dma_write(device* dev, dma_addr_t to, const void* from, size_t n) noexcept {
  return access(dev, to, n, Access::Write, [&](u8* memory) { memcpy(memory, from, n); });
}
unsigned long kmem_dma_count(device* dev) noexcept {
  Quietly hold(lock);
  return dev->kmem_dma ? dev->kmem_dma->nr : 0;
}

}  // extern "C"
