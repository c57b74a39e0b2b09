#pragma once
// Devices' interrupts, and PCI: defined by each processor's folder.

#include "base/types.h"

namespace bare {

/// Registers a handler, which runs in an interrupt; returns the vector, or 0 if all are in use.
unsigned take_vector(void (*handler)(void*), void* argument);
void give_vector(unsigned vector);
/// Interrupts the calling CPU with that vector, as soon as its interrupts are on.
void interrupt_self(unsigned vector);

struct PciBar {
  uint64_t phys = 0, bytes = 0;  // of I/O ports: the first one, and how many
  uint32_t kind = 0;             // the low bits of its register: 1 ports, 4 two registers, 8 prefetchable
};
struct PciFunction {
  uint16_t where = 0, vendor = 0, device = 0;  // bus << 8 | slot << 3 | function
  bool is_bridge = false;
  PciBar bars[6];
};
void scan_pci();
unsigned nr_pci();
const PciFunction& pci_function(unsigned n);
/// Null if there is none.
const PciFunction* find_pci(uint16_t vendor, uint16_t device);
/// `bytes` is 1, 2 or 4, and `offset` a multiple of it.
uint32_t read_pci(const PciFunction& f, unsigned offset, unsigned bytes);
void write_pci(const PciFunction& f, unsigned offset, unsigned bytes, uint32_t value);
/// Aims the function's message interrupt, which is not enabled by this, at the vector on the first CPU. False: it has none.
bool aim_message(const PciFunction& f, unsigned vector);

}  // namespace bare
