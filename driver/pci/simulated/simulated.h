#pragma once
// A simulated function: its description, its registers and its configuration space.

#include <kmem/simulated.h>

#include "pci/function.h"

namespace kmem_driver::pci {

struct Simulated;
/// The argument of a BAR's functions.
struct Bar {
  Simulated* of;
  kmem_pci_bar what;
  phys_addr_t start;  // memory BARs only
  Bar* next_placed;
};

struct Simulated {
  Function function;
  const kmem_pci_function* what;
  void* device;
  Bar bars[kBars];
  u8 config[kConfigBytes], writable[kConfigBytes];
  bool told_disabled, told_no_master;
};
inline Simulated& simulated(const Function& f) { return *container_of(const_cast<Function*>(&f), Simulated, function); }

/// Fills in the initial configuration space.
void fill_config(Simulated& f);

/// Registers the BARs as devices with addresses; and unregisters them.
int map_bars(Simulated& f);
void unmap_bars(Simulated& f);

}  // namespace kmem_driver::pci
