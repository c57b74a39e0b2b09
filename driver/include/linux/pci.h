#ifndef KMEM_LINUX_PCI_H
#define KMEM_LINUX_PCI_H
/* PCI functions and their drivers.  The functions are simulated (<kmem/simulated.h>), all on one bus, 0000:00; their places in
 * /sys are below /sys/devices/pci0000:00.
 *
 * As on a machine, registers can be accessed only while the function is enabled, and message interrupts and DMA work only while
 * it is bus master. Resources that a driver leaves behind when it is unbound are reported.
 *
 * Configuration space: any context.  The rest: task context.  What differs: the machine never sleeps, so power states are only
 * numbers; no hot-plugging by the driver, no virtual functions, no bridges.
 * Meaning: the kernel's Documentation/PCI/pci.rst. */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/pci_ids.h>
#include <linux/pci_regs.h>

#define PCI_DEVFN(slot, function) ((((slot)&0x1f) << 3) | ((function)&0x07))
#define PCI_SLOT(devfn) (((devfn) >> 3) & 0x1f)
#define PCI_FUNC(devfn) ((devfn)&0x07)
#define PCI_DEVID(bus, devfn) ((((u16)(bus)) << 8) | (devfn))

enum {
  PCI_STD_RESOURCES,
  PCI_STD_RESOURCE_END = 5,
  PCI_ROM_RESOURCE,
  PCI_NUM_RESOURCES,
  DEVICE_COUNT_RESOURCE = PCI_NUM_RESOURCES
};
#ifndef PCI_STD_NUM_BARS
#define PCI_STD_NUM_BARS 6
#endif

typedef int pci_power_t;
#define PCI_D0 0
#define PCI_D1 1
#define PCI_D2 2
#define PCI_D3hot 3
#define PCI_D3cold 4
#define PCI_UNKNOWN 5

struct pci_bus {
  unsigned char number;
  struct device dev;
};
struct pci_driver;
struct pci_dev {
  struct pci_bus* bus;
  unsigned int devfn;
  unsigned short vendor, device, subsystem_vendor, subsystem_device;
#ifdef __cplusplus
  unsigned int class_; /* class, subclass, interface */
#else
  unsigned int class;
#endif
  u8 revision, hdr_type, pin;
  u64 dma_mask;
  pci_power_t current_state;
  struct device dev;
  unsigned int irq; /* of the pin, or of the first message */
  struct resource resource[DEVICE_COUNT_RESOURCE];
  unsigned int is_busmaster : 1, msi_enabled : 1, msix_enabled : 1, is_managed : 1;
  struct pci_driver* driver;
};

struct pci_error_handlers;
struct pci_driver {
  const char* name;
  const struct pci_device_id* id_table;
  int (*probe)(struct pci_dev* pdev, const struct pci_device_id* id);
  void (*remove)(struct pci_dev* pdev);
  int (*suspend)(struct pci_dev* pdev, pm_message_t state);
  int (*resume)(struct pci_dev* pdev);
  void (*shutdown)(struct pci_dev* pdev);
  int (*sriov_configure)(struct pci_dev* pdev, int n);
  const struct pci_error_handlers* err_handler;
  const struct attribute_group** groups;
  const struct attribute_group** dev_groups;
  struct device_driver driver;
  bool driver_managed_dma;
};

#define to_pci_dev(device) container_of(device, struct pci_dev, dev)
#define to_pci_driver(device_driver) container_of(device_driver, struct pci_driver, driver)
#define dev_is_pci(device) ((device)->bus == &pci_bus_type)
#define pci_bus_type kmem_pci_bus_type
/* There are no virtual functions. */
#define pci_sriov_configure_simple NULL

#define PCI_DEVICE(of_vendor, of_device) \
  .vendor = (of_vendor), .device = (of_device), .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID
#define PCI_DEVICE_SUB(of_vendor, of_device, of_subvendor, of_subdevice) \
  .vendor = (of_vendor), .device = (of_device), .subvendor = (of_subvendor), .subdevice = (of_subdevice)
#define PCI_DEVICE_CLASS(of_class, mask)                                                                             \
  .vendor = PCI_ANY_ID, .device = PCI_ANY_ID, .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID, .class = (of_class), \
  .class_mask = (mask)
#define PCI_VDEVICE(vend, dev) \
  .vendor = PCI_VENDOR_ID_##vend, .device = (dev), .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID, 0, 0
#define PCI_DEVICE_DATA(vend, dev, data)                                                                                       \
  .vendor = PCI_VENDOR_ID_##vend, .device = PCI_DEVICE_ID_##vend##_##dev, .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID, 0, \
  0, .driver_data = (kernel_ulong_t)(data)

#define pci_resource_n(pdev, bar) (&(pdev)->resource[bar])
#define pci_resource_start(pdev, bar) (pci_resource_n(pdev, bar)->start)
#define pci_resource_end(pdev, bar) (pci_resource_n(pdev, bar)->end)
#define pci_resource_flags(pdev, bar) (pci_resource_n(pdev, bar)->flags)
#define pci_resource_len(pdev, bar) (pci_resource_end(pdev, bar) ? resource_size(pci_resource_n(pdev, bar)) : 0)

#define PCI_IRQ_LEGACY (1 << 0)
#define PCI_IRQ_INTX PCI_IRQ_LEGACY
#define PCI_IRQ_MSI (1 << 1)
#define PCI_IRQ_MSIX (1 << 2)
#define PCI_IRQ_AFFINITY (1 << 3)
#define PCI_IRQ_ALL_TYPES (PCI_IRQ_LEGACY | PCI_IRQ_MSI | PCI_IRQ_MSIX)
struct msix_entry {
  u32 vector; /* written: the number for request_irq() */
  u16 entry;  /* which of the function's */
};

KMEM_BEGIN_C
extern KMEM_API struct bus_type kmem_pci_bus_type;

static inline const char* pci_name(const struct pci_dev* pdev) { return dev_name(&pdev->dev); }
static inline void* pci_get_drvdata(struct pci_dev* pdev) { return dev_get_drvdata(&pdev->dev); }
static inline void pci_set_drvdata(struct pci_dev* pdev, void* data) { dev_set_drvdata(&pdev->dev, data); }
static inline int pci_domain_nr(const struct pci_bus* bus) { return (void)bus, 0; }
static inline u16 pci_dev_id(const struct pci_dev* pdev) { return PCI_DEVID(pdev->bus->number, pdev->devfn); }

/* Drivers. */
KMEM_MUST_CHECK KMEM_API int __pci_register_driver(struct pci_driver* driver, struct module* owner, const char* module_name)
    KMEM_DRIVER_NAME(__pci_register_driver);
KMEM_API void pci_unregister_driver(struct pci_driver* driver) KMEM_DRIVER_NAME(pci_unregister_driver);
/** The entry of a table that the function matches; NULL if none. */
KMEM_API const struct pci_device_id* pci_match_id(const struct pci_device_id* ids, struct pci_dev* pdev)
    KMEM_DRIVER_NAME(pci_match_id);
/** The next matching function after `from` (NULL: the first one), with a reference; drops the reference to `from`. NULL if
 *  there is none. PCI_ANY_ID matches any. */
KMEM_API struct pci_dev* pci_get_device(unsigned int vendor, unsigned int device, struct pci_dev* from)
    KMEM_DRIVER_NAME(pci_get_device);
/** The same by class, subclass and interface. */
KMEM_API struct pci_dev* pci_get_class(unsigned int class_code, struct pci_dev* from) KMEM_DRIVER_NAME(pci_get_class);
#define for_each_pci_dev(pdev) while (((pdev) = pci_get_device(PCI_ANY_ID, PCI_ANY_ID, (pdev))))
KMEM_API struct pci_dev* pci_dev_get(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_dev_get);
KMEM_API void pci_dev_put(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_dev_put);

/* Configuration space: 0, or PCIBIOS_BAD_REGISTER_NUMBER if the offset is not a multiple of the width, or past the end. */
KMEM_API int pci_read_config_byte(const struct pci_dev* pdev, int where, u8* value) KMEM_DRIVER_NAME(pci_read_config_byte);
KMEM_API int pci_read_config_word(const struct pci_dev* pdev, int where, u16* value) KMEM_DRIVER_NAME(pci_read_config_word);
KMEM_API int pci_read_config_dword(const struct pci_dev* pdev, int where, u32* value) KMEM_DRIVER_NAME(pci_read_config_dword);
KMEM_API int pci_write_config_byte(const struct pci_dev* pdev, int where, u8 value) KMEM_DRIVER_NAME(pci_write_config_byte);
KMEM_API int pci_write_config_word(const struct pci_dev* pdev, int where, u16 value) KMEM_DRIVER_NAME(pci_write_config_word);
KMEM_API int pci_write_config_dword(const struct pci_dev* pdev, int where, u32 value) KMEM_DRIVER_NAME(pci_write_config_dword);
/** Where a capability begins; 0: there is none. */
KMEM_API u8 pci_find_capability(struct pci_dev* pdev, int capability) KMEM_DRIVER_NAME(pci_find_capability);

/* Enabling is counted: disable as often as enable. */
KMEM_MUST_CHECK KMEM_API int pci_enable_device(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_enable_device);
KMEM_MUST_CHECK KMEM_API int pci_enable_device_mem(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_enable_device_mem);
KMEM_API void pci_disable_device(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_disable_device);
/** Managed: disabled, with its regions and interrupts released, among the device's other resources. */
KMEM_MUST_CHECK KMEM_API int pcim_enable_device(struct pci_dev* pdev) KMEM_DRIVER_NAME(pcim_enable_device);
KMEM_API int pci_is_enabled(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_is_enabled);
KMEM_API void pci_set_master(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_set_master);
KMEM_API void pci_clear_master(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_clear_master);
KMEM_API void pci_intx(struct pci_dev* pdev, int enable) KMEM_DRIVER_NAME(pci_intx);
/** For the handler of a shared line.  Silences the pin if the function asserts its interrupt; returns whether it does. */
KMEM_API bool pci_check_and_mask_intx(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_check_and_mask_intx);
/** Lets the pin speak again if the function asserts no interrupt; returns whether it asserts none. */
KMEM_API bool pci_check_and_unmask_intx(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_check_and_unmask_intx);
static inline bool pci_intx_mask_supported(struct pci_dev* pdev) { return (void)pdev, true; }
static inline int pci_set_power_state(struct pci_dev* pdev, pci_power_t state) { return pdev->current_state = state, 0; }
static inline int pci_save_state(struct pci_dev* pdev) { return (void)pdev, 0; }
static inline void pci_restore_state(struct pci_dev* pdev) { (void)pdev; }
static inline int pci_wake_from_d3(struct pci_dev* pdev, bool enable) { return (void)pdev, (void)enable, 0; }
static inline bool pci_is_bridge(struct pci_dev* pdev) { return (void)pdev, false; }
static inline bool pci_is_pcie(struct pci_dev* pdev) { return (void)pdev, false; }
static inline int pci_try_set_mwi(struct pci_dev* pdev) { return (void)pdev, 0; }
static inline void pci_clear_mwi(struct pci_dev* pdev) { (void)pdev; }

/* BARs: claiming one or all of them, and mapping. 0, or -EBUSY. */
KMEM_MUST_CHECK KMEM_API int pci_request_region(struct pci_dev* pdev, int bar, const char* name)
    KMEM_DRIVER_NAME(pci_request_region);
KMEM_API void pci_release_region(struct pci_dev* pdev, int bar) KMEM_DRIVER_NAME(pci_release_region);
KMEM_MUST_CHECK KMEM_API int pci_request_selected_regions(struct pci_dev* pdev, int bars, const char* name)
    KMEM_DRIVER_NAME(pci_request_selected_regions);
KMEM_API void pci_release_selected_regions(struct pci_dev* pdev, int bars) KMEM_DRIVER_NAME(pci_release_selected_regions);
KMEM_MUST_CHECK static inline int pci_request_regions(struct pci_dev* pdev, const char* name) {
  return pci_request_selected_regions(pdev, (1 << PCI_STD_NUM_BARS) - 1, name);
}
static inline void pci_release_regions(struct pci_dev* pdev) {
  pci_release_selected_regions(pdev, (1 << PCI_STD_NUM_BARS) - 1);
}
static inline int pci_request_mem_regions(struct pci_dev* pdev, const char* name) { return pci_request_regions(pdev, name); }
static inline void pci_release_mem_regions(struct pci_dev* pdev) { pci_release_regions(pdev); }
/** Bit n for each BAR of that kind (IORESOURCE_MEM, IORESOURCE_IO). */
KMEM_API int pci_select_bars(struct pci_dev* pdev, unsigned long flags) KMEM_DRIVER_NAME(pci_select_bars);
/** Maps at most so many bytes of the BAR, 0: all. NULL on failure. */
KMEM_API void __iomem* pci_iomap(struct pci_dev* pdev, int bar, unsigned long most) KMEM_DRIVER_NAME(pci_iomap);
KMEM_API void __iomem* pci_iomap_range(struct pci_dev* pdev, int bar, unsigned long offset, unsigned long most)
    KMEM_DRIVER_NAME(pci_iomap_range);
KMEM_API void pci_iounmap(struct pci_dev* pdev, void __iomem* address) KMEM_DRIVER_NAME(pci_iounmap);
static inline void __iomem* pci_ioremap_bar(struct pci_dev* pdev, int bar) { return pci_iomap(pdev, bar, 0); }
/* Managed forms. */
KMEM_API void __iomem* pcim_iomap(struct pci_dev* pdev, int bar, unsigned long most) KMEM_DRIVER_NAME(pcim_iomap);
KMEM_API void pcim_iounmap(struct pci_dev* pdev, void __iomem* address) KMEM_DRIVER_NAME(pcim_iounmap);
/** The addresses of the BARs mapped by the managed forms, by number; NULL: no memory. */
KMEM_API void __iomem* const* pcim_iomap_table(struct pci_dev* pdev) KMEM_DRIVER_NAME(pcim_iomap_table);
KMEM_MUST_CHECK KMEM_API int pcim_iomap_regions(struct pci_dev* pdev, int bars, const char* name)
    KMEM_DRIVER_NAME(pcim_iomap_regions);
KMEM_API void pcim_iounmap_regions(struct pci_dev* pdev, int bars) KMEM_DRIVER_NAME(pcim_iounmap_regions);

/* Interrupts: uses the first of MSI-X, MSI, pin that the flags allow and that has enough vectors. Returns how many; -ENOSPC,
 * -ERANGE. */
KMEM_API int pci_alloc_irq_vectors(struct pci_dev* pdev, unsigned int fewest, unsigned int most, unsigned int flags)
    KMEM_DRIVER_NAME(pci_alloc_irq_vectors);
/** All handlers must be freed first; those that are not are reported. */
KMEM_API void pci_free_irq_vectors(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_free_irq_vectors);
/** For request_irq(); -EINVAL. */
KMEM_API int pci_irq_vector(struct pci_dev* pdev, unsigned int n) KMEM_DRIVER_NAME(pci_irq_vector);
KMEM_API int pci_msi_vec_count(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_msi_vec_count);
KMEM_API int pci_msix_vec_count(struct pci_dev* pdev) KMEM_DRIVER_NAME(pci_msix_vec_count);
/** `entries` says which entries of the table are used, and gets their numbers; NULL: the first ones. */
KMEM_API int pci_enable_msix_range(struct pci_dev* pdev, struct msix_entry* entries, int fewest, int most)
    KMEM_DRIVER_NAME(pci_enable_msix_range);
static inline int pci_enable_msi(struct pci_dev* pdev) {
  const int n = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
  return n < 0 ? n : 0;
}
static inline void pci_disable_msi(struct pci_dev* pdev) { pci_free_irq_vectors(pdev); }
static inline void pci_disable_msix(struct pci_dev* pdev) { pci_free_irq_vectors(pdev); }
static inline bool pci_dev_msi_enabled(struct pci_dev* pdev) { return pdev->msi_enabled || pdev->msix_enabled; }
KMEM_MUST_CHECK KMEM_API int pci_request_irq(struct pci_dev* pdev, unsigned int n, irq_handler_t handler,
                                             irq_handler_t thread_fn, void* dev_id, const char* format, ...)
    KMEM_DRIVER_NAME(pci_request_irq) KMEM_PRINTF_LIKE(6, 7);
KMEM_API void pci_free_irq(struct pci_dev* pdev, unsigned int n, void* dev_id) KMEM_DRIVER_NAME(pci_free_irq);
KMEM_END_C

#define pci_register_driver(driver) __pci_register_driver(driver, THIS_MODULE, KBUILD_MODNAME)
#define module_pci_driver(driver_name) module_driver(driver_name, pci_register_driver, pci_unregister_driver)
#define builtin_pci_driver(driver_name) builtin_driver(driver_name, pci_register_driver)
#define PCIBIOS_SUCCESSFUL 0x00
#define PCIBIOS_FUNC_NOT_SUPPORTED 0x81
#define PCIBIOS_BAD_VENDOR_ID 0x83
#define PCIBIOS_DEVICE_NOT_FOUND 0x86
#define PCIBIOS_BAD_REGISTER_NUMBER 0x87
#define PCIBIOS_SET_FAILED 0x88
#define PCIBIOS_BUFFER_TOO_SMALL 0x89
/** What an access to configuration space has returned, as -errno; -ERANGE: a number that it never returns. */
static inline int pcibios_err_to_errno(int error) {
  switch (error) {
    case PCIBIOS_FUNC_NOT_SUPPORTED: return -ENOENT;
    case PCIBIOS_BAD_VENDOR_ID: return -ENOTTY;
    case PCIBIOS_DEVICE_NOT_FOUND: return -ENODEV;
    case PCIBIOS_BAD_REGISTER_NUMBER: return -EFAULT;
    case PCIBIOS_SET_FAILED: return -EIO;
    case PCIBIOS_BUFFER_TOO_SMALL: return -ENOSPC;
    default: return error <= 0 ? error : -ERANGE;
  }
}

#define pci_printk(level, pdev, ...) dev_printk(level, &(pdev)->dev, __VA_ARGS__)
#define pci_err(pdev, ...) dev_err(&(pdev)->dev, __VA_ARGS__)
#define pci_warn(pdev, ...) dev_warn(&(pdev)->dev, __VA_ARGS__)
#define pci_notice(pdev, ...) dev_notice(&(pdev)->dev, __VA_ARGS__)
#define pci_info(pdev, ...) dev_info(&(pdev)->dev, __VA_ARGS__)
#define pci_dbg(pdev, ...) dev_dbg(&(pdev)->dev, __VA_ARGS__)
#endif
