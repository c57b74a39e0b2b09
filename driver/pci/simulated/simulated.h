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

/// An interrupt line: of one function, or of several.
struct Wire {
  int irq;
  int functions;  // how many it serves
  int drivers;    // how many of them drive it now
};

struct Simulated {
  Function function;
  const kmem_pci_function* what;
  void* device;
  Bar bars[kBars];
  u8 config[kConfigBytes], writable[kConfigBytes];
  Wire own_wire, *wire;   // null: it has no pin
  bool asserted, drives;  // its pin's state, and what of it reaches the line; by the pins' lock
  bool told_disabled, told_no_master;
};
inline Simulated& simulated(const Function& f) { return *container_of(const_cast<Function*>(&f), Simulated, function); }

/// Fills in the initial configuration space.
void fill_config(Simulated& f);

/// Connects the function's pin, where it has one, to its line. 0 or -errno.
int wire_pin(Simulated& f);
/// Reports handlers that are left on a line that goes with it.
void unwire_pin(Simulated& f);
/// The device asserts or deasserts its interrupt.  Any context.
void set_pin(Simulated& f, bool asserted);
/// The command register was written: INTx Disable may have changed.
void follow_pin(Simulated& f);

/// Registers the BARs as devices with addresses; and unregisters them.
int map_bars(Simulated& f);
void unmap_bars(Simulated& f);

}  // namespace kmem_driver::pci
