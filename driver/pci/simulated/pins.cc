// Interrupt pins of simulated functions, and the lines that they are wired to.
//
// A line is up while one of its functions drives it: each asserts its interrupt, and has not set INTx Disable.  So the line of
// a function that was told to be silent comes up again when it may speak again.

#include <linux/kernel.h>

#include "lock/queued.h"
#include "pci/simulated/simulated.h"

namespace kmem_driver::pci {
namespace {

constexpr int kShared = 16;

constinit QuietLock pins_lock;
constinit unsigned guard_word = 0;
constinit Wire shared[kShared] = {};  // by the guard, as to their users

Wire* wire_of(Simulated& f) {
  const unsigned n = f.what->shared_line;
  return n ? n < kShared ? &shared[n] : nullptr : &f.own_wire;
}

/// With the pins' lock held.
void follow(Simulated& f) {
  const bool drives = f.asserted && !(command_of(f.function) & PCI_COMMAND_INTX_DISABLE);
  if (!f.wire || drives == f.drives) return;
  f.drives = drives;
  Wire& wire = *f.wire;
  wire.drivers += drives ? 1 : -1;
  if (drives && wire.drivers == 1) kmem_irq_raise(wire.irq);
  if (!drives && wire.drivers == 0) kmem_irq_lower(wire.irq);
}

}  // namespace

int wire_pin(Simulated& f) {
  if (!f.what->interrupt_pin) return 0;
  Wire* wire = wire_of(f);
  if (!wire) return -EINVAL;
  Guard hold(guard_word);
  if (!wire->functions) {
    // A shared line may outlive the function that gets it, so it has a name of its own.
    const int irq = kmem_irq_alloc(f.what->shared_line ? "pci" : f.what->name, KMEM_IRQ_LEVEL);
    if (irq < 0) return irq;
    *wire = {irq, 0, 0};
  }
  ++wire->functions;
  f.wire = wire;
  f.function.pin_irq = wire->irq;
  f.function.pin_is_shared = f.what->shared_line != 0;
  f.function.pdev.irq = static_cast<unsigned>(wire->irq);
  return 0;
}

void unwire_pin(Simulated& f) {
  if (!f.wire) return;
  set_pin(f, false);
  const int irq = f.wire->irq;
  int left;
  {
    Guard hold(guard_word);
    left = --f.wire->functions;
  }
  f.wire = nullptr;
  if (!left) kmem_irq_free(irq);
}

void set_pin(Simulated& f, bool asserted) {
  if (!f.wire) return;
  Quietly hold(pins_lock);
  f.asserted = asserted;
  const u8 status = f.config[PCI_STATUS];
  const u8 wanted = static_cast<u8>(asserted ? status | PCI_STATUS_INTERRUPT : status & ~PCI_STATUS_INTERRUPT);
  __atomic_store_n(&f.config[PCI_STATUS], wanted, __ATOMIC_RELAXED);
  follow(f);
}

void follow_pin(Simulated& f) {
  Quietly hold(pins_lock);
  follow(f);
}

}  // namespace kmem_driver::pci
