// The functions that a bare machine has, for drivers: found in configuration space, their pins and messages to interrupt lines.

#include <kmem/simulated.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "bare.h"
#include "devices.h"
#include "irq/lines.h"
#include "pci/machine.h"

namespace kmem_driver::pci {
namespace {

struct Real {
  Function function;
  const bare::PciFunction* pci;
  char name[16];
  unsigned vector;
};
Real& real(const Function& f) { return *container_of(const_cast<Function*>(&f), Real, function); }

void release_function(device* dev) { kfree(&real(function_of(to_pci_dev(dev)))); }

void describe_bar(resource& r, const bare::PciBar& bar, const char* name) {
  if (!bar.bytes) return;
  r.start = bar.phys;
  r.end = bar.phys + bar.bytes - 1;
  r.name = name;
  r.flags = IORESOURCE_SIZEALIGN | (bar.kind & 1 ? IORESOURCE_IO : IORESOURCE_MEM);
  if (!(bar.kind & 1) && bar.kind & 4) r.flags |= IORESOURCE_MEM_64;
  if (!(bar.kind & 1) && bar.kind & 8) r.flags |= IORESOURCE_PREFETCH;
}

void arrived(void* line) { kmem_irq_raise(static_cast<int>(reinterpret_cast<long>(line))); }

// A line for each input of the interrupt controller that a pin is wired to.
struct Wire {
  unsigned input;
  int irq;
};
constexpr int kMostWires = 32;
Wire wires[kMostWires];
int nr_wires = 0;

void open_wire(int irq) {
  for (int i = 0; i < nr_wires; ++i)
    if (wires[i].irq == irq) bare::open_input(wires[i].input);
}

/// 0: there is no line left, or no vector.
int add_wire(unsigned input) {
  if (nr_wires == kMostWires) return 0;
  const int irq = kmem_irq_alloc("pci", KMEM_IRQ_LEVEL);
  if (irq < 0) return 0;
  if (!bare::take_input(input, arrived, reinterpret_cast<void*>(static_cast<long>(irq)))) return kmem_irq_free(irq), 0;
  wires[nr_wires++] = {input, irq};
  Quietly hold(lines().lock);
  lines().slot(irq).open = open_wire;
  return irq;
}

int irq_of(unsigned input) {
  for (int i = 0; i < nr_wires; ++i)
    if (wires[i].input == input) return wires[i].irq;
  return add_wire(input);
}

unsigned nr_functions_at(unsigned input) {
  unsigned nr = 0;
  for (unsigned n = 0; n < bare::nr_pci(); ++n) nr += bare::input_of(bare::pci_function(n)) == input;
  return nr;
}

/// pdev.irq stays 0 where it is not known how the pin is wired, which means that there is none.
void connect_pin(Function& f, const bare::PciFunction& pci) {
  const unsigned input = bare::input_of(pci);
  if (input == bare::kNoInput) return;
  f.pin_irq = irq_of(input);
  f.pin_is_shared = nr_functions_at(input) > 1;
  f.pdev.irq = static_cast<unsigned>(f.pin_irq);
}

void describe(Real& f) {
  pci_dev& pdev = f.function.pdev;
  f.function.name = f.name;
  pdev.devfn = f.pci->where & 0xff;
  pdev.vendor = f.pci->vendor;
  pdev.device = f.pci->device;
  pdev.subsystem_vendor = static_cast<u16>(read_config(f.function, PCI_SUBSYSTEM_VENDOR_ID, 2));
  pdev.subsystem_device = static_cast<u16>(read_config(f.function, PCI_SUBSYSTEM_ID, 2));
  pdev.class_ = read_config(f.function, PCI_CLASS_REVISION, 4) >> 8;
  pdev.revision = static_cast<u8>(read_config(f.function, PCI_CLASS_REVISION, 1));
  pdev.pin = static_cast<u8>(read_config(f.function, PCI_INTERRUPT_PIN, 1));
  for (int bar = 0; bar < kBars; ++bar) describe_bar(pdev.resource[bar], f.pci->bars[bar], f.name);
  connect_pin(f.function, *f.pci);
}

int add(const bare::PciFunction& pci) {
  auto* f = static_cast<Real*>(kzalloc(sizeof(Real), GFP_KERNEL));
  if (!f) return -ENOMEM;
  f->pci = &pci;
  snprintf(f->name, sizeof(f->name), "0000:%02x:%02x.%x", pci.where >> 8, PCI_SLOT(pci.where & 0xffu),
           PCI_FUNC(pci.where & 0xffu));
  describe(*f);
  int error = place_on_bus(f->function, f->name, release_function);
  if (!error) error = device_add(&f->function.pdev.dev);
  if (error) put_device(&f->function.pdev.dev);
  return error;
}

}  // namespace

void find_functions() {
  for (unsigned n = 0; n < bare::nr_pci(); ++n) {
    const bare::PciFunction& pci = bare::pci_function(n);
    if (pci.is_bridge) continue;
    if (const int error = add(pci)) pr_err("pci: function %04x has no device: %d\n", pci.where, error);
  }
}

u32 read_config(const Function& f, int where, int bytes) {
  return bare::read_pci(*real(f).pci, static_cast<unsigned>(where), static_cast<unsigned>(bytes));
}
void write_config(Function& f, int where, int bytes, u32 value) {
  bare::write_pci(*real(f).pci, static_cast<unsigned>(where), static_cast<unsigned>(bytes), value);
}

/// One message by MSI; the tables of MSI-X are not used.
int nr_messages(const Function& f, Messages kind) {
  if (kind == Messages::MsiX || !bare::has_messages()) return 0;
  return pci_find_capability(const_cast<pci_dev*>(&f.pdev), PCI_CAP_ID_MSI) ? 1 : 0;
}

int connect_messages(Function& f, int) {
  Real& r = real(f);
  r.vector = bare::take_vector(bare::Raiser::Message, arrived, reinterpret_cast<void*>(static_cast<long>(f.vectors[0])));
  if (!r.vector) return -ENOSPC;
  if (bare::aim_message(*r.pci, r.vector)) return 0;
  bare::give_vector(r.vector);
  return -EINVAL;
}

void disconnect_messages(Function& f, int) { bare::give_vector(real(f).vector); }

}  // namespace kmem_driver::pci
