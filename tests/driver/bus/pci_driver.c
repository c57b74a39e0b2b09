// A driver of a PCI function as it is written for the kernel: one BAR of memory, one of ports, one message.
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_test.h"

struct lamp {
  struct pci_dev* pdev;
  void __iomem* registers;
  unsigned long port;
  int interrupts;
};

static irqreturn_t lamp_handler(int irq, void* data) {
  struct lamp* lamp = data;

  if (!ioread32(lamp->registers + LAMP_STATUS)) return IRQ_NONE;
  iowrite32(0, lamp->registers + LAMP_STATUS);
  lamp->interrupts++;
  return IRQ_HANDLED;
}

static ssize_t interrupts_show(struct device* dev, struct device_attribute* attr, char* buf) {
  struct lamp* lamp = dev_get_drvdata(dev);

  return sysfs_emit(buf, "%d\n", lamp->interrupts);
}
static DEVICE_ATTR_RO(interrupts);
static struct attribute* lamp_attrs[] = {&dev_attr_interrupts.attr, NULL};
ATTRIBUTE_GROUPS(lamp);

static int lamp_probe(struct pci_dev* pdev, const struct pci_device_id* id) {
  struct lamp* lamp;
  int err;

  lamp = devm_kzalloc(&pdev->dev, sizeof(*lamp), GFP_KERNEL);
  if (!lamp) return -ENOMEM;
  err = pcim_enable_device(pdev);
  if (err) return err;
  err = pcim_iomap_regions(pdev, BIT(0), "lamp");
  if (err) return err;
  lamp->registers = pcim_iomap_table(pdev)[0];
  lamp->port = pci_resource_start(pdev, 1);
  pci_set_master(pdev);
  err = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
  if (err < 0) return err;
  lamp->pdev = pdev;
  pci_set_drvdata(pdev, lamp);
  err = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, 0), lamp_handler, IRQF_SHARED, "lamp", lamp);
  if (err) return err;
  iowrite32(LAMP_ON, lamp->registers + LAMP_CONTROL);
  outb(0x5a, lamp->port + 3);
  pci_info(pdev, "lamp %lx by %s\n", (unsigned long)id->driver_data, pdev->msi_enabled ? "message" : "pin");
  return 0;
}

static void lamp_remove(struct pci_dev* pdev) {
  struct lamp* lamp = pci_get_drvdata(pdev);

  iowrite32(0, lamp->registers + LAMP_CONTROL);
}

static const struct pci_device_id lamp_ids[] = {{PCI_DEVICE(LAMP_VENDOR, LAMP_DEVICE), .driver_data = 0xa},
                                                {PCI_DEVICE_SUB(LAMP_VENDOR, PCI_ANY_ID, LAMP_VENDOR, 7), .driver_data = 0xb},
                                                {PCI_DEVICE_CLASS(0xabcd00, 0xffff00), .driver_data = 0xc},
                                                {0}};
MODULE_DEVICE_TABLE(pci, lamp_ids);

static struct pci_driver lamp_driver = {
    .name = "lamp",
    .id_table = lamp_ids,
    .probe = lamp_probe,
    .remove = lamp_remove,
    .dev_groups = lamp_groups,
};
module_pci_driver(lamp_driver);

MODULE_LICENSE("GPL");
