// Simulated functions: plugged in and out, their interrupts.

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "lock/queued.h"
#include "pci/machine.h"
#include "pci/simulated/simulated.h"

namespace kmem_driver::pci {

void find_functions() {}  // they come by kmem_pci_plug()

int nr_messages(const Function& f, Messages kind) {
  const kmem_pci_function& what = *simulated(f).what;
  return kind == Messages::Msi ? what.nr_msi : what.nr_msix;
}
int connect_messages(Function&, int) { return 0; }  // kmem_pci_raise() knows the lines
void disconnect_messages(Function&, int) {}

namespace {

constinit unsigned guard_word = 0;
constinit u32 slots = 0;  // bit n: taken

/// 0 to 2 are the machine's own.
int take_slot() {
  Guard hold(guard_word);
  for (int slot = 3; slot < 32; ++slot) {
    if (slots >> slot & 1) continue;
    slots |= 1u << slot;
    return slot;
  }
  return -ENOSPC;
}
void give_slot(int slot) {
  Guard hold(guard_word);
  slots &= ~(1u << slot);
}

void release_function(::device* dev) { kfree(&simulated(function_of(to_pci_dev(dev)))); }

void describe(Simulated& f, const kmem_pci_function& what, int slot) {
  pci_dev& pdev = f.function.pdev;
  f.function.name = what.name;
  pdev.devfn = PCI_DEVFN(static_cast<unsigned>(slot), 0u);
  pdev.vendor = what.vendor;
  pdev.device = what.device;
  pdev.subsystem_vendor = what.subsystem_vendor;
  pdev.subsystem_device = what.subsystem_device;
  pdev.class_ = what.class_code;
  pdev.revision = what.revision;
  pdev.pin = what.interrupt_pin;
}

int place(Simulated& f) {
  char at[16];
  snprintf(at, sizeof(at), "0000:00:%02x.0", PCI_SLOT(f.function.pdev.devfn));
  return place_on_bus(f.function, at, release_function);
}

int give_pin(Simulated& f) {
  if (!f.what->interrupt_pin) return 0;
  const int irq = kmem_irq_alloc(f.what->name, KMEM_IRQ_LEVEL);
  if (irq < 0) return irq;
  f.function.pin_irq = irq;
  f.function.pdev.irq = static_cast<unsigned>(irq);
  return 0;
}

void undo(Simulated& f) {
  unmap_bars(f);
  if (f.function.pin_irq) kmem_irq_free(f.function.pin_irq);
  give_slot(PCI_SLOT(f.function.pdev.devfn));
}

int plug_in(Simulated& f) {
  int error = place(f);
  if (!error) error = give_pin(f);
  if (!error) error = map_bars(f);
  if (!error) {
    fill_config(f);
    error = device_add(&f.function.pdev.dev);
  }
  if (error) undo(f);
  return error;
}

pci_dev* error_of(int error) { return static_cast<pci_dev*>(ERR_PTR(error)); }

bool may_send(Simulated& f) {
  if (command_of(f.function) & PCI_COMMAND_MASTER) return true;
  if (!__atomic_exchange_n(&f.told_no_master, true, __ATOMIC_RELAXED))
    pci_err(&f.function.pdev, "a message is not sent: the function is not bus master, pci_set_master() is missing\n");
  return false;
}

}  // namespace
}  // namespace kmem_driver::pci

using namespace kmem_driver;
using namespace kmem_driver::pci;

extern "C" {

pci_dev* kmem_pci_plug(const kmem_pci_function* what, void* device) noexcept {
  if (const int error = begin()) return error_of(error);
  const int slot = take_slot();
  if (slot < 0) return error_of(slot);
  auto* f = static_cast<Simulated*>(kzalloc(sizeof(Simulated), GFP_KERNEL));
  if (!f) return give_slot(slot), error_of(-ENOMEM);
  f->what = what;
  f->device = device;
  describe(*f, *what, slot);
  const int error = plug_in(*f);
  if (!error) return &f->function.pdev;
  put_device(&f->function.pdev.dev);
  return error_of(error);
}

void kmem_pci_unplug(pci_dev* pdev) noexcept {
  device_del(&pdev->dev);
  undo(simulated(function_of(pdev)));
  put_device(&pdev->dev);
}

void kmem_pci_raise(pci_dev* pdev, unsigned n) noexcept {
  Function& f = function_of(pdev);
  int message = 0;
  bool messages;
  {
    Quietly hold(f.lock);
    messages = f.nr_vectors > 0;
    if (n < static_cast<unsigned>(f.nr_vectors)) message = f.vectors[n];
  }
  if (messages) {
    if (message && may_send(simulated(f))) kmem_irq_raise(message);
  } else if (f.pin_irq && !(command_of(f) & PCI_COMMAND_INTX_DISABLE)) {
    kmem_irq_raise(f.pin_irq);
  }
}
void kmem_pci_lower(pci_dev* pdev) noexcept { kmem_irq_lower(function_of(pdev).pin_irq); }

}  // extern "C"
