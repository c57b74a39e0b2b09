#pragma once
// A simulated PCI function: its description, its configuration space, and its driver's resources.

#include <kmem/simulated.h>
#include <linux/pci.h>

#include "sync/quiet_lock.h"

namespace kmem_driver::pci {

constexpr int kBars = PCI_STD_NUM_BARS, kConfigBytes = 256, kMostVectors = 32;

struct Function;
/// The argument of a BAR's functions.
struct Bar {
  Function* of;
  kmem_pci_bar what;
  phys_addr_t start;  // memory BARs only
  Bar* next_placed;
};

struct Function {
  pci_dev pdev;
  const kmem_pci_function* what;
  void* device;
  Bar bars[kBars];
  QuietLock lock;  // guards the members below
  u8 config[kConfigBytes], writable[kConfigBytes];
  int enabled;
  unsigned claimed;  // bit n: BAR n
  int pin_irq;       // 0: none
  int nr_vectors;
  int vectors[kMostVectors];
  bool told_disabled, told_no_master;
};
inline Function& function_of(const pci_dev* pdev) { return *container_of(const_cast<pci_dev*>(pdev), Function, pdev); }

/// Fills in the initial configuration space.
void fill_config(Function& f);
u16 command_of(const Function& f);
void set_command(Function& f, u16 set, u16 clear);

/// Registers the BARs as devices with addresses; and unregisters them.
int map_bars(Function& f);
void unmap_bars(Function& f);

/// After the driver was unbound: reports resources that it has left, and releases them.
void take_back(Function& f, const char* driver);

}  // namespace kmem_driver::pci
