#ifndef KMEM_SIMULATED_H
#define KMEM_SIMULATED_H
/* The other side of a driver: what a simulated device does to it.  Its registers are functions (<kmem/device.h>); its
 * interrupts, its place on the bus and its accesses to memory are here.  A simulation is a separate module beside the
 * driver's, or part of a test.
 *
 * docs/driver-devices.md. */
#include <kmem/device.h>
#include <kmem/driver_face.h>
#include <linux/types.h>

struct device;
struct i2c_adapter;
struct pci_dev;

KMEM_BEGIN_C

/* Interrupt lines ------------------------------------------------------------------------------------------------------- */

/** How a line asks for attention: for as long as it is raised, or once each time it is raised.  A message works like an edge,
 *  and needs no masking while a threaded handler runs. */
enum kmem_irq_kind { KMEM_IRQ_LEVEL, KMEM_IRQ_EDGE, KMEM_IRQ_MESSAGE };

/** Returns a new line's number, for request_irq(); -ENOSPC. The name is not copied. Task context. */
KMEM_API int kmem_irq_alloc(const char* name, enum kmem_irq_kind kind) KMEM_NOTHROW;
/** The same with a number from 1 to 15, for devices whose drivers are told it; -EBUSY: the line is taken; -EINVAL. */
KMEM_API int kmem_irq_alloc_line(int irq, const char* name, enum kmem_irq_kind kind) KMEM_NOTHROW;
/** Handlers that are still registered are reported, and never called again. Task context. */
KMEM_API void kmem_irq_free(int irq) KMEM_NOTHROW;
/** The device raises or lowers its line.  The handlers run soon, in another thread.  Any context. */
KMEM_API void kmem_irq_raise(int irq) KMEM_NOTHROW;
KMEM_API void kmem_irq_lower(int irq) KMEM_NOTHROW;
/** Waits until all raised interrupts are handled: no handler or its thread runs. Does not wait for lines that are disabled, or
 *  for level lines that stay raised without being handled. May sleep. */
KMEM_API void kmem_irq_settle(void) KMEM_NOTHROW;
/** How often its handlers were called. */
KMEM_API unsigned long kmem_irq_count(int irq) KMEM_NOTHROW;

/* I/O ports ------------------------------------------------------------------------------------------------------------- */

/** Registers the ports that inb(), outb() and related functions access; `ops` is not copied. -EBUSY: some of the ports are
 *  taken; -EINVAL; -ENOMEM. Task context. */
KMEM_API int kmem_register_simulated_ports(const char* name, unsigned long first, unsigned long n,
                                           const struct kmem_device_ops* ops, void* device) KMEM_NOTHROW;
/** -ENODEV; -EBUSY: they are mapped. */
KMEM_API int kmem_unregister_simulated_ports(unsigned long first) KMEM_NOTHROW;

/* PCI ------------------------------------------------------------------------------------------------------------------- */

/** A BAR: `bytes` is a power of 2, of at least 16; 0: there is none.  Flags: 0 for memory, IORESOURCE_PREFETCH,
 *  IORESOURCE_MEM_64 (it takes two), IORESOURCE_IO. */
struct kmem_pci_bar {
  size_t bytes;
  unsigned long flags;
  const struct kmem_device_ops* ops;
};
/** A function as it is when the machine starts. */
struct kmem_pci_function {
  const char* name;
  unsigned short vendor, device, subsystem_vendor, subsystem_device;
  unsigned int class_code; /* class, subclass, interface; 0x00ff00: unclassified */
  unsigned char revision;
  unsigned char interrupt_pin; /* 1: INTA; 0: none */
  unsigned char nr_msi, nr_msix;
  unsigned char dma_bits; /* how many address lines it has for memory; 0: 64 */
  /* Functions of one number, 1 to 15, share an interrupt line, which is up while one of them raises it; 0: a line of its
   * own. */
  unsigned char shared_line;
  struct kmem_pci_bar bars[6];
};
/** Puts a function on the bus and binds it to a matching driver. `what` is not copied; `device` is passed to the functions of
 *  the BARs. ERR_PTR() on failure. Task context. */
KMEM_API struct pci_dev* kmem_pci_plug(const struct kmem_pci_function* what, void* device) KMEM_NOTHROW;
/** Unbinds the driver first. */
KMEM_API void kmem_pci_unplug(struct pci_dev* pdev) KMEM_NOTHROW;
/** Raises an interrupt: message n, if messages are enabled; else the pin, until it is lowered. Message n is entry n of MSI-X's
 *  table; one that the driver has no vector for is lost. A function that is not bus master sends no message, which is
 *  reported. A pin that the driver has silenced, by pci_intx(), is seen when it may be seen again. Any context. */
KMEM_API void kmem_pci_raise(struct pci_dev* pdev, unsigned int n) KMEM_NOTHROW;
KMEM_API void kmem_pci_lower(struct pci_dev* pdev) KMEM_NOTHROW;

/* Two-wire buses -------------------------------------------------------------------------------------------------------- */

/** A chip: its functions are called byte by byte.  A message begins with `start`, again for each message of a transfer; `write`
 *  returns 0, or anything else to refuse the byte; `read` gives one.  Each may be NULL: a chip that refuses, or sends ones. */
struct kmem_i2c_chip {
  void (*start)(void* device, bool read);
  int (*write)(void* device, unsigned char byte);
  unsigned char (*read)(void* device);
  void (*stop)(void* device);
};
/** A new bus without chips, for i2c_new_client_device(); ERR_PTR(). Transfers to an address without a chip give -ENXIO, a byte
 *  that is refused -EIO. Task context. */
KMEM_API struct i2c_adapter* kmem_i2c_bus(const char* name) KMEM_NOTHROW;
/** Removes its clients first. */
KMEM_API void kmem_i2c_bus_remove(struct i2c_adapter* bus) KMEM_NOTHROW;
/** Puts a chip on the bus, for transfers; drivers bind to clients, which are made apart. `chip` is not copied. -EBUSY: there is
 *  one at this address; -EINVAL. */
KMEM_API int kmem_i2c_attach(struct i2c_adapter* bus, unsigned address, const struct kmem_i2c_chip* chip,
                             void* device) KMEM_NOTHROW;
KMEM_API int kmem_i2c_detach(struct i2c_adapter* bus, unsigned address) KMEM_NOTHROW;

/* Memory ---------------------------------------------------------------------------------------------------------------- */

/** The device reads or writes memory by DMA: at an address that its driver has mapped for it.  0; -EFAULT: it is not mapped,
 *  or not all of it, or not in this direction; -EPERM: a PCI function that is not bus master, or that has fewer address lines.
 *  Errors are reported, and nothing is read or written.  Any context. */
KMEM_API int kmem_dma_read(struct device* dev, dma_addr_t from, void* to, size_t n) KMEM_NOTHROW;
KMEM_API int kmem_dma_write(struct device* dev, dma_addr_t to, const void* from, size_t n) KMEM_NOTHROW;
/** How many mappings its driver has. */
KMEM_API unsigned long kmem_dma_count(struct device* dev) KMEM_NOTHROW;

KMEM_END_C
#endif
