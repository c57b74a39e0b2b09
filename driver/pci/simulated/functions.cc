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

void undo(Simulated& f) {
  unmap_bars(f);
  unwire_pin(f);
  give_slot(PCI_SLOT(f.function.pdev.devfn));
}

int plug_in(Simulated& f) {
  int error = place(f);
  if (!error) error = wire_pin(f);
  if (!error) error = map_bars(f);
  if (!error) {
    fill_config(f);
    error = device_add(&f.function.pdev.dev);
  }
  if (error) undo(f);
  return error;
}

pci_dev* error_of(int error) { return static_cast<pci_dev*>(ERR_PTR(error)); }

/// 0: no vector takes the message. With the function's lock held.
int line_of_message(const Function& f, unsigned n) {
  for (int i = 0; i < f.nr_vectors; ++i)
    if (f.messages[i] == n) return f.vectors[i];
  return 0;
}

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
  int line;
  bool messages;
  {
    Quietly hold(f.lock);
    messages = f.nr_vectors > 0;
    line = line_of_message(f, n);
  }
  if (!messages) set_pin(simulated(f), true);
  else if (line && may_send(simulated(f))) kmem_irq_raise(line);
}
void kmem_pci_lower(pci_dev* pdev) noexcept { set_pin(simulated(function_of(pdev)), false); }

}  // extern "C"
