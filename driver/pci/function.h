#pragma once
// A PCI function with its driver's resources. What the machine does for it is in pci/machine.h.

#include <linux/pci.h>

#include "sync/quiet_lock.h"

namespace kmem_driver::pci {

constexpr int kBars = PCI_STD_NUM_BARS, kConfigBytes = 256, kMostVectors = 32;

struct Function {
  pci_dev pdev;
  const char* name;
  QuietLock lock;  // guards the members below, and changes of the configuration space
  int enabled;
  unsigned claimed;    // bit n: BAR n
  int pin_irq;         // 0: none
  bool pin_is_shared;  // other functions have it too
  int nr_vectors;
  int vectors[kMostVectors];   // lines
  u16 messages[kMostVectors];  // which of the function's messages each of them is
};
inline Function& function_of(const pci_dev* pdev) { return *container_of(const_cast<pci_dev*>(pdev), Function, pdev); }

u16 command_of(const Function& f);
void set_command(Function& f, u16 set, u16 clear);

/// Registers the bus, once. 0 or -errno.
int begin();
/// Makes it a device of the bus, at a place ("0000:00:04.0"); device_add() then binds its driver. `release` frees it: after an
/// error too, by put_device(). 0 or -errno.
int place_on_bus(Function& f, const char* at, void (*release)(device*));

/// After the driver was unbound: reports resources that it has left, and releases them.
void take_back(Function& f, const char* driver);

}  // namespace kmem_driver::pci
