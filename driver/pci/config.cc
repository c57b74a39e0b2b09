// Configuration space.

#include <linux/kernel.h>

#include "pci/function.h"

namespace kmem_driver::pci {
namespace {

constexpr int kMsiAt = 0x50, kMsixAt = 0x70, kPowerAt = 0x40;

void put16(Function& f, int where, unsigned value) {
  f.config[where] = static_cast<u8>(value);
  f.config[where + 1] = static_cast<u8>(value >> 8);
}
void put32(Function& f, int where, u32 value) {
  put16(f, where, value & 0xffff);
  put16(f, where + 2, value >> 16);
}
void allow16(Function& f, int where, unsigned mask) {
  f.writable[where] = static_cast<u8>(mask);
  f.writable[where + 1] = static_cast<u8>(mask >> 8);
}

/// Adds a capability at the front of the list.
void add_capability(Function& f, int at, u8 id) {
  f.config[at] = id;
  f.config[at + 1] = f.config[PCI_CAPABILITY_LIST];
  f.config[PCI_CAPABILITY_LIST] = static_cast<u8>(at);
  f.config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
}

/// The exponent of MSI's number of messages.
unsigned order_of(unsigned n) {
  unsigned order = 0;
  while (order < 5 && 1u << order < n) ++order;
  return order;
}

void add_capabilities(Function& f) {
  if (f.what->nr_msix) {
    add_capability(f, kMsixAt, PCI_CAP_ID_MSIX);
    put16(f, kMsixAt + PCI_MSIX_FLAGS, f.what->nr_msix - 1u);
    allow16(f, kMsixAt + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
  }
  if (f.what->nr_msi) {
    add_capability(f, kMsiAt, PCI_CAP_ID_MSI);
    put16(f, kMsiAt + PCI_MSI_FLAGS, order_of(f.what->nr_msi) << 1 | PCI_MSI_FLAGS_64BIT);
    allow16(f, kMsiAt + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
  }
  add_capability(f, kPowerAt, PCI_CAP_ID_PM);
  put16(f, kPowerAt + PCI_PM_PMC, 3);
  allow16(f, kPowerAt + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
}

/// A BAR's low bits encode its type; the bits below its size stay zero, so that writing all ones and reading back gives the
/// size.
void fill_bar(Function& f, int bar) {
  const resource& r = f.pdev.resource[bar];
  const int where = PCI_BASE_ADDRESS_0 + 4 * bar;
  if (!r.flags) return;
  const u32 mask = static_cast<u32>(~(resource_size(&r) - 1));
  const bool io = r.flags & IORESOURCE_IO;
  u32 kind = io ? PCI_BASE_ADDRESS_SPACE_IO : 0u;
  if (r.flags & IORESOURCE_PREFETCH) kind |= PCI_BASE_ADDRESS_MEM_PREFETCH;
  if (r.flags & IORESOURCE_MEM_64) kind |= PCI_BASE_ADDRESS_MEM_TYPE_64;
  put32(f, where, (static_cast<u32>(r.start) & mask) | kind);
  allow16(f, where, mask & 0xffff);
  allow16(f, where + 2, mask >> 16);
  if (!(r.flags & IORESOURCE_MEM_64)) return;
  put32(f, where + 4, static_cast<u32>(r.start >> 32));
  allow16(f, where + 4, 0xffff);
  allow16(f, where + 6, 0xffff);
}

bool fits(int where, int bytes) { return where >= 0 && where + bytes <= kConfigBytes && !(where % bytes); }

template <typename T>
int read(const pci_dev* pdev, int where, T* value) {
  *value = static_cast<T>(~T{0});
  if (!fits(where, sizeof(T))) return PCIBIOS_BAD_REGISTER_NUMBER;
  Function& f = function_of(pdev);
  Quietly hold(f.lock);
  *value = 0;
  for (unsigned i = 0; i < sizeof(T); ++i)
    *value = static_cast<T>(*value | static_cast<T>(f.config[where + static_cast<int>(i)]) << (8 * i));
  return PCIBIOS_SUCCESSFUL;
}

template <typename T>
int write(const pci_dev* pdev, int where, T value) {
  if (!fits(where, sizeof(T))) return PCIBIOS_BAD_REGISTER_NUMBER;
  Function& f = function_of(pdev);
  Quietly hold(f.lock);
  for (unsigned i = 0; i < sizeof(T); ++i) {
    u8 &at = f.config[where + static_cast<int>(i)], mask = f.writable[where + static_cast<int>(i)];
    at = static_cast<u8>((at & ~mask) | (static_cast<u8>(value >> (8 * i)) & mask));
  }
  return PCIBIOS_SUCCESSFUL;
}

}  // namespace

void fill_config(Function& f) {
  const kmem_pci_function& what = *f.what;
  put16(f, PCI_VENDOR_ID, what.vendor);
  put16(f, PCI_DEVICE_ID, what.device);
  put32(f, PCI_CLASS_REVISION, what.class_code << 8 | what.revision);
  put16(f, PCI_SUBSYSTEM_VENDOR_ID, what.subsystem_vendor);
  put16(f, PCI_SUBSYSTEM_ID, what.subsystem_device);
  f.config[PCI_INTERRUPT_PIN] = what.interrupt_pin;
  f.config[PCI_INTERRUPT_LINE] = static_cast<u8>(f.pin_irq);
  for (int bar = 0; bar < kBars; ++bar) fill_bar(f, bar);
  add_capabilities(f);
  allow16(f, PCI_COMMAND,
          PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
              PCI_COMMAND_INTX_DISABLE);
  f.writable[PCI_INTERRUPT_LINE] = f.writable[PCI_CACHE_LINE_SIZE] = f.writable[PCI_LATENCY_TIMER] = 0xff;
}

u16 command_of(const Function& f) {
  return static_cast<u16>(__atomic_load_n(&f.config[PCI_COMMAND], __ATOMIC_RELAXED) |
                          __atomic_load_n(&f.config[PCI_COMMAND + 1], __ATOMIC_RELAXED) << 8);
}

void set_command(Function& f, u16 set, u16 clear) {
  Quietly hold(f.lock);
  const unsigned command = (command_of(f) | set) & ~static_cast<unsigned>(clear);
  __atomic_store_n(&f.config[PCI_COMMAND], static_cast<u8>(command), __ATOMIC_RELAXED);
  __atomic_store_n(&f.config[PCI_COMMAND + 1], static_cast<u8>(command >> 8), __ATOMIC_RELAXED);
}

}  // namespace kmem_driver::pci

using namespace kmem_driver::pci;

extern "C" {

int pci_read_config_byte(const pci_dev* pdev, int where, u8* value) noexcept { return read(pdev, where, value); }
int pci_read_config_word(const pci_dev* pdev, int where, u16* value) noexcept { return read(pdev, where, value); }
int pci_read_config_dword(const pci_dev* pdev, int where, u32* value) noexcept { return read(pdev, where, value); }
int pci_write_config_byte(const pci_dev* pdev, int where, u8 value) noexcept { return write(pdev, where, value); }
int pci_write_config_word(const pci_dev* pdev, int where, u16 value) noexcept { return write(pdev, where, value); }
int pci_write_config_dword(const pci_dev* pdev, int where, u32 value) noexcept { return write(pdev, where, value); }

u8 pci_find_capability(pci_dev* pdev, int capability) noexcept {
  const Function& f = function_of(pdev);
  for (u8 at = f.config[PCI_CAPABILITY_LIST]; at; at = f.config[at + 1])
    if (f.config[at] == capability) return at;
  return 0;
}

}  // extern "C"
