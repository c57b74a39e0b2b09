// The PCI bus, its functions and their drivers.

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "bus/devices.h"
#include "lock/queued.h"
#include "pci/machine.h"

namespace {

using namespace kmem_driver;
using namespace kmem_driver::pci;

// Matching ---------------------------------------------------------------------------------------------------------

bool is(u32 wanted, unsigned there) { return wanted == static_cast<u32>(PCI_ANY_ID) || wanted == there; }
bool is_match(const pci_device_id* id, const pci_dev* pdev) {
  return is(id->vendor, pdev->vendor) && is(id->device, pdev->device) && is(id->subvendor, pdev->subsystem_vendor) &&
         is(id->subdevice, pdev->subsystem_device) && !((id->class_ ^ pdev->class_) & id->class_mask);
}

int match(device* dev, device_driver* driver) {
  return pci_match_id(to_pci_driver(driver)->id_table, to_pci_dev(dev)) != nullptr;
}

int probe(device* dev) {
  pci_driver* driver = to_pci_driver(dev->driver);
  pci_dev* pdev = to_pci_dev(dev);
  const pci_device_id* id = pci_match_id(driver->id_table, pdev);
  if (!id || !driver->probe) return -ENODEV;
  pdev->driver = driver;
  const int error = driver->probe(pdev, id);
  if (error > 0) pci_warn(pdev, "Driver probe function unexpectedly returned %d\n", error);
  if (error < 0) pdev->driver = nullptr;
  return error < 0 ? error : 0;
}

void remove(device* dev) {
  pci_dev* pdev = to_pci_dev(dev);
  const pci_driver* driver = pdev->driver;
  if (driver && driver->remove) driver->remove(pdev);
  pdev->driver = nullptr;
}

int uevent(device* dev, kobj_uevent_env* env) {
  const pci_dev* pdev = to_pci_dev(dev);
  int error = add_uevent_var(env, "PCI_CLASS=%04X", pdev->class_);
  if (!error) error = add_uevent_var(env, "PCI_ID=%04X:%04X", pdev->vendor, pdev->device);
  if (!error) error = add_uevent_var(env, "PCI_SLOT_NAME=%s", pci_name(pdev));
  return error;
}

// In /sys ----------------------------------------------------------------------------------------------------------------

#define PCI_SHOW(name, format, value)                               \
  ssize_t name##_show(device* dev, device_attribute*, char* page) { \
    const pci_dev* pdev = to_pci_dev(dev);                          \
    return sysfs_emit(page, format, value);                         \
  }                                                                 \
  DEVICE_ATTR_RO(name)
PCI_SHOW(vendor, "0x%04x\n", pdev->vendor);
PCI_SHOW(device, "0x%04x\n", pdev->device);
PCI_SHOW(subsystem_vendor, "0x%04x\n", pdev->subsystem_vendor);
PCI_SHOW(subsystem_device, "0x%04x\n", pdev->subsystem_device);
PCI_SHOW(class, "0x%06x\n", pdev->class_);
PCI_SHOW(revision, "0x%02x\n", pdev->revision);
PCI_SHOW(irq, "%u\n", pdev->irq);
PCI_SHOW(enable, "%d\n", function_of(pdev).enabled);
ssize_t resource_show(::device* dev, device_attribute*, char* page) {
  int n = 0;
  for (const ::resource& r : to_pci_dev(dev)->resource)
    n += sysfs_emit_at(page, n, "0x%016llx 0x%016llx 0x%016llx\n", static_cast<unsigned long long>(r.start),
                       static_cast<unsigned long long>(r.end), static_cast<unsigned long long>(r.flags));
  return n;
}
DEVICE_ATTR_RO(resource);
attribute* pci_dev_attrs[] = {&dev_attr_vendor.attr,
                              &dev_attr_device.attr,
                              &dev_attr_subsystem_vendor.attr,
                              &dev_attr_subsystem_device.attr,
                              &dev_attr_class.attr,
                              &dev_attr_revision.attr,
                              &dev_attr_irq.attr,
                              &dev_attr_enable.attr,
                              &dev_attr_resource.attr,
                              nullptr};
ATTRIBUTE_GROUPS(pci_dev);

constexpr bus_type make_bus() {
  bus_type bus = {};
  bus.name = "pci";
  bus.match = match;
  bus.probe = probe;
  bus.remove = remove;
  bus.uevent = uevent;
  return bus;
}

// The bus ----------------------------------------------------------------------------------------------------------------

constinit pci_bus the_bus = {};
constinit unsigned guard_word = 0;
constinit bool has_looked = false;  // for the functions that are there from the start

int register_bus() {
  Guard hold(guard_word);
  kmem_pci_bus_type.dev_groups = pci_dev_groups;
  if (!kmem_pci_bus_type.p)
    if (const int error = bus_register(&kmem_pci_bus_type)) return error;
  if (the_bus.dev.kobj.state_initialized) return 0;
  the_bus.dev.init_name = "pci0000:00";
  the_bus.dev.release = [](::device*) {};
  return device_register(&the_bus.dev);
}

// Enabling ---------------------------------------------------------------------------------------------------------------

int enable(pci_dev* pdev, u16 what) {
  Function& f = function_of(pdev);
  {
    Quietly hold(f.lock);
    if (f.enabled++) return 0;
  }
  u16 bits = 0;
  for (const ::resource& r : pdev->resource) {
    if (r.flags & IORESOURCE_MEM) bits |= PCI_COMMAND_MEMORY;
    if (r.flags & IORESOURCE_IO) bits |= PCI_COMMAND_IO;
  }
  set_command(f, bits & what, 0);
  return 0;
}

/// Sets INTx Disable to `silent` if the function asserts its interrupt, or not, likewise. Returns whether it asserts it.
bool silence_if(pci_dev* pdev, bool silent) {
  Function& f = function_of(pdev);
  Quietly hold(f.lock);
  const bool asserted = read_config(f, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
  const u32 rest = command_of(f) & ~u32{PCI_COMMAND_INTX_DISABLE};
  if (asserted == silent) write_config(f, PCI_COMMAND, 2, silent ? rest | PCI_COMMAND_INTX_DISABLE : rest);
  return asserted;
}

void release_managed(::device* dev, void*) {
  pci_dev* pdev = to_pci_dev(dev);
  Function& f = function_of(pdev);
  pci_free_irq_vectors(pdev);
  pci_release_selected_regions(pdev, static_cast<int>(f.claimed));
  pdev->is_managed = 0;
  if (f.enabled) pci_disable_device(pdev);
}

}  // namespace

namespace kmem_driver::pci {

int begin() {
  if (const int error = register_bus()) return error;
  if (!__atomic_exchange_n(&has_looked, true, __ATOMIC_ACQ_REL)) find_functions();
  return 0;
}

int place_on_bus(Function& f, const char* at, void (*release)(device*)) {
  pci_dev& pdev = f.pdev;
  pdev.bus = &the_bus;
  pdev.dma_mask = 0xffffffff;
  pdev.dev.dma_mask = &pdev.dma_mask;
  pdev.dev.coherent_dma_mask = 0xffffffff;
  pdev.dev.bus = &kmem_pci_bus_type;
  pdev.dev.parent = &the_bus.dev;
  pdev.dev.release = release;
  device_initialize(&pdev.dev);
  return dev_set_name(&pdev.dev, "%s", at);
}

/// What the driver should have done before it went.
#define LEFT(pdev, driver, format, ...) \
  WARN(1, "%s %s: the driver is gone and has left " format, driver, pci_name(pdev) __VA_OPT__(, ) __VA_ARGS__)

void take_back(Function& f, const char* driver) {
  pci_dev* pdev = &f.pdev;
  if (pci_dev_msi_enabled(pdev)) {
    LEFT(pdev, driver, "%d interrupt vectors: pci_free_irq_vectors() is missing", f.nr_vectors);
    pci_free_irq_vectors(pdev);
  }
  if (f.pin_irq && !f.pin_is_shared && irq_has_action(static_cast<unsigned>(f.pin_irq)))
    LEFT(pdev, driver, "a handler of irq %d: free_irq() is missing", f.pin_irq);
  if (f.claimed) {
    LEFT(pdev, driver, "regions claimed: pci_release_regions() is missing");
    pci_release_selected_regions(pdev, static_cast<int>(f.claimed));
  }
  if (f.enabled) {
    LEFT(pdev, driver, "the function enabled: pci_disable_device() is missing");
    f.enabled = 1;
    pci_disable_device(pdev);
  }
}

}  // namespace kmem_driver::pci

extern "C" {

bus_type kmem_pci_bus_type = make_bus();

int __pci_register_driver(pci_driver* driver, module* owner, const char* module_name) noexcept {
  if (const int error = begin()) return error;
  driver->driver.name = driver->name;
  driver->driver.bus = &kmem_pci_bus_type;
  driver->driver.owner = owner;
  driver->driver.mod_name = module_name;
  driver->driver.groups = driver->groups;
  driver->driver.dev_groups = driver->dev_groups;
  return driver_register(&driver->driver);
}
void pci_unregister_driver(pci_driver* driver) noexcept { driver_unregister(&driver->driver); }

const pci_device_id* pci_match_id(const pci_device_id* ids, pci_dev* pdev) noexcept {
  for (; ids && (ids->vendor || ids->subvendor || ids->class_mask); ++ids)
    if (is_match(ids, pdev)) return ids;
  return nullptr;
}

pci_dev* pci_get_device(unsigned vendor, unsigned device, pci_dev* from) noexcept {
  ::device* found = find_device({.bus = &kmem_pci_bus_type}, from ? &from->dev : nullptr, [=](::device* dev) {
    return is(vendor, to_pci_dev(dev)->vendor) && is(device, to_pci_dev(dev)->device);
  });
  pci_dev_put(from);
  return found ? to_pci_dev(found) : nullptr;
}
pci_dev* pci_get_class(unsigned class_code, pci_dev* from) noexcept {
  ::device* found = find_device({.bus = &kmem_pci_bus_type}, from ? &from->dev : nullptr,
                                [=](::device* dev) { return to_pci_dev(dev)->class_ == class_code; });
  pci_dev_put(from);
  return found ? to_pci_dev(found) : nullptr;
}
pci_dev* pci_dev_get(pci_dev* pdev) noexcept {
  if (pdev) get_device(&pdev->dev);
  return pdev;
}
void pci_dev_put(pci_dev* pdev) noexcept {
  if (pdev) put_device(&pdev->dev);
}

int pci_enable_device(pci_dev* pdev) noexcept { return enable(pdev, PCI_COMMAND_MEMORY | PCI_COMMAND_IO); }
int pci_enable_device_mem(pci_dev* pdev) noexcept { return enable(pdev, PCI_COMMAND_MEMORY); }
void pci_disable_device(pci_dev* pdev) noexcept {
  Function& f = function_of(pdev);
  int left;
  {
    Quietly hold(f.lock);
    left = f.enabled ? --f.enabled : -1;
  }
  if (left < 0) WARN(1, "%s %s: disabling already-disabled device", dev_driver_string(&pdev->dev), pci_name(pdev));
  if (left) return;
  // As in the kernel, the function can no longer access memory. Its registers still respond until the next driver, but drivers
  // must not rely on that.
  set_command(f, 0, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
  pdev->is_busmaster = 0;
}
int pcim_enable_device(pci_dev* pdev) noexcept {
  if (pdev->is_managed) return pci_enable_device(pdev);
  void* block = devres_alloc(release_managed, 1, GFP_KERNEL);
  if (!block) return -ENOMEM;
  if (const int error = pci_enable_device(pdev)) return devres_free(block), error;
  pdev->is_managed = 1;
  devres_add(&pdev->dev, block);
  return 0;
}
int pci_is_enabled(pci_dev* pdev) noexcept { return function_of(pdev).enabled > 0; }

void pci_set_master(pci_dev* pdev) noexcept {
  set_command(function_of(pdev), PCI_COMMAND_MASTER, 0);
  pdev->is_busmaster = 1;
}
void pci_clear_master(pci_dev* pdev) noexcept {
  set_command(function_of(pdev), 0, PCI_COMMAND_MASTER);
  pdev->is_busmaster = 0;
}
void pci_intx(pci_dev* pdev, int on) noexcept {
  set_command(function_of(pdev), on ? 0 : PCI_COMMAND_INTX_DISABLE, on ? PCI_COMMAND_INTX_DISABLE : 0);
}
bool pci_check_and_mask_intx(pci_dev* pdev) noexcept { return silence_if(pdev, true); }
bool pci_check_and_unmask_intx(pci_dev* pdev) noexcept { return !silence_if(pdev, false); }

}  // extern "C"
