// The configuration space of a simulated function.

#include <linux/kernel.h>

#include "pci/machine.h"
#include "pci/simulated/simulated.h"

namespace kmem_driver::pci {
namespace {

constexpr int kMsiAt = 0x50, kMsixAt = 0x70, kPowerAt = 0x40;

void put16(Simulated& f, int where, unsigned value) {
  f.config[where] = static_cast<u8>(value);
  f.config[where + 1] = static_cast<u8>(value >> 8);
}
void put32(Simulated& f, int where, u32 value) {
  put16(f, where, value & 0xffff);
  put16(f, where + 2, value >> 16);
}
void allow16(Simulated& f, int where, unsigned mask) {
  f.writable[where] = static_cast<u8>(mask);
  f.writable[where + 1] = static_cast<u8>(mask >> 8);
}

/// Adds a capability at the front of the list.
void add_capability(Simulated& f, int at, u8 id) {
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

void add_capabilities(Simulated& f) {
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
void fill_bar(Simulated& f, int bar) {
  const resource& r = f.function.pdev.resource[bar];
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

}  // namespace

void fill_config(Simulated& f) {
  const kmem_pci_function& what = *f.what;
  put16(f, PCI_VENDOR_ID, what.vendor);
  put16(f, PCI_DEVICE_ID, what.device);
  put32(f, PCI_CLASS_REVISION, what.class_code << 8 | what.revision);
  put16(f, PCI_SUBSYSTEM_VENDOR_ID, what.subsystem_vendor);
  put16(f, PCI_SUBSYSTEM_ID, what.subsystem_device);
  f.config[PCI_INTERRUPT_PIN] = what.interrupt_pin;
  f.config[PCI_INTERRUPT_LINE] = static_cast<u8>(f.function.pin_irq);
  for (int bar = 0; bar < kBars; ++bar) fill_bar(f, bar);
  add_capabilities(f);
  allow16(f, PCI_COMMAND,
          PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
              PCI_COMMAND_INTX_DISABLE);
  f.writable[PCI_INTERRUPT_LINE] = f.writable[PCI_CACHE_LINE_SIZE] = f.writable[PCI_LATENCY_TIMER] = 0xff;
}

u32 read_config(const Function& f, int where, int bytes) {
  const Simulated& s = simulated(f);
  u32 value = 0;
  for (int i = 0; i < bytes; ++i) value |= u32{__atomic_load_n(&s.config[where + i], __ATOMIC_RELAXED)} << (8 * i);
  return value;
}

void write_config(Function& f, int where, int bytes, u32 value) {
  Simulated& s = simulated(f);
  for (int i = 0; i < bytes; ++i) {
    u8 &at = s.config[where + i], mask = s.writable[where + i];
    __atomic_store_n(&at, static_cast<u8>((at & ~mask) | (static_cast<u8>(value >> (8 * i)) & mask)), __ATOMIC_RELAXED);
  }
  if (where <= PCI_COMMAND + 1 && where + bytes > PCI_COMMAND) follow_pin(s);
}

}  // namespace kmem_driver::pci
