// SPDX-License-Identifier: MIT
/*
 * A driver for the edu device of QEMU (PCI 1234:11e8), which teaches how to
 * write one: registers, interrupts, and DMA with 28 bits, unless the device
 * was made with more (dma_mask=) and the driver is told so (dma_bits=).
 *
 * /dev/edu: read and write copy from and to the memory that the device has,
 * by DMA; its size and the ioctls are in edu.h.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu.h"

#define EDU_ID            0x00
#define EDU_LIVE          0x04
#define EDU_FACT          0x08
#define EDU_STATUS        0x20
#define EDU_STATUS_BUSY   0x01
#define EDU_STATUS_IRQ    0x80
#define EDU_IRQ_STATUS    0x24
#define EDU_IRQ_ACK       0x64
#define EDU_DMA_SRC       0x80
#define EDU_DMA_DST       0x88
#define EDU_DMA_COUNT     0x90
#define EDU_DMA_CMD       0x98
#define EDU_DMA_START     0x01
#define EDU_DMA_TO_MEMORY 0x02
#define EDU_DMA_IRQ       0x04

#define EDU_IRQ_FACT 0x001
#define EDU_IRQ_DMA  0x100

static uint dma_bits = 28;
module_param(dma_bits, uint, 0444);
MODULE_PARM_DESC(dma_bits, "address bits of the DMA engine");

/* Where the device's own memory is, as the device sees it. */
#define EDU_BUFFER 0x40000

/* The longest that anything may take. */
#define EDU_TIMEOUT (5 * HZ)

struct edu {
        struct pci_dev *pdev;
        void __iomem *regs;
        struct miscdevice misc;
        struct mutex lock; /* one request at a time, and the buffer */
        struct completion fact_done;
        struct completion dma_done;
        atomic_t interrupts;
        char *buffer;
};

static irqreturn_t edu_irq(int irq, void *data)
{
        struct edu *edu = data;
        u32 status = ioread32(edu->regs + EDU_IRQ_STATUS);

        if (!status)
                return IRQ_NONE;
        iowrite32(status, edu->regs + EDU_IRQ_ACK);
        atomic_inc(&edu->interrupts);
        if (status & EDU_IRQ_FACT)
                complete(&edu->fact_done);
        if (status & EDU_IRQ_DMA)
                complete(&edu->dma_done);
        return IRQ_HANDLED;
}

static int edu_wait(struct edu *edu, struct completion *done)
{
        if (wait_for_completion_timeout(done, EDU_TIMEOUT))
                return 0;
        dev_err(&edu->pdev->dev, "the device does not answer\n");
        return -EIO;
}

/* Copies @count bytes between the buffer and the device's memory. */
static int edu_dma(struct edu *edu, enum dma_data_direction dir, u32 at,
                   size_t count)
{
        struct device *dev = &edu->pdev->dev;
        u32 cmd = EDU_DMA_START | EDU_DMA_IRQ;
        dma_addr_t addr;
        u64 src, dst;
        int err;

        addr = dma_map_single(dev, edu->buffer, count, dir);
        if (dma_mapping_error(dev, addr))
                return -ENOMEM;
        src = addr;
        dst = EDU_BUFFER + at;
        if (dir == DMA_FROM_DEVICE) {
                src = EDU_BUFFER + at;
                dst = addr;
                cmd |= EDU_DMA_TO_MEMORY;
        }
        reinit_completion(&edu->dma_done);
        iowrite32(lower_32_bits(src), edu->regs + EDU_DMA_SRC);
        iowrite32(lower_32_bits(dst), edu->regs + EDU_DMA_DST);
        iowrite32(count, edu->regs + EDU_DMA_COUNT);
        iowrite32(cmd, edu->regs + EDU_DMA_CMD);
        err = edu_wait(edu, &edu->dma_done);
        dma_unmap_single(dev, addr, count, dir);
        return err;
}

static struct edu *edu_of(struct file *file)
{
        return container_of(file->private_data, struct edu, misc);
}

static ssize_t edu_read(struct file *file, char __user *buf, size_t count,
                        loff_t *ppos)
{
        struct edu *edu = edu_of(file);
        ssize_t ret;

        if (*ppos >= EDU_BUFFER_SIZE)
                return 0;
        count = min_t(size_t, count, EDU_BUFFER_SIZE - *ppos);
        if (!count)
                return 0;
        if (mutex_lock_interruptible(&edu->lock))
                return -ERESTARTSYS;
        ret = edu_dma(edu, DMA_FROM_DEVICE, *ppos, count);
        if (!ret && copy_to_user(buf, edu->buffer, count))
                ret = -EFAULT;
        if (!ret) {
                *ppos += count;
                ret = count;
        }
        mutex_unlock(&edu->lock);
        return ret;
}

static ssize_t edu_write(struct file *file, const char __user *buf,
                         size_t count, loff_t *ppos)
{
        struct edu *edu = edu_of(file);
        ssize_t ret = 0;

        if (*ppos >= EDU_BUFFER_SIZE)
                return -ENOSPC;
        count = min_t(size_t, count, EDU_BUFFER_SIZE - *ppos);
        if (!count)
                return 0;
        if (mutex_lock_interruptible(&edu->lock))
                return -ERESTARTSYS;
        if (copy_from_user(edu->buffer, buf, count))
                ret = -EFAULT;
        if (!ret)
                ret = edu_dma(edu, DMA_TO_DEVICE, *ppos, count);
        if (!ret) {
                *ppos += count;
                ret = count;
        }
        mutex_unlock(&edu->lock);
        return ret;
}

static int edu_factorial(struct edu *edu, u32 *value)
{
        int err;

        reinit_completion(&edu->fact_done);
        iowrite32(EDU_STATUS_IRQ, edu->regs + EDU_STATUS);
        iowrite32(*value, edu->regs + EDU_FACT);
        err = edu_wait(edu, &edu->fact_done);
        *value = ioread32(edu->regs + EDU_FACT);
        return err;
}

static void edu_liveness(struct edu *edu, u32 *value)
{
        iowrite32(*value, edu->regs + EDU_LIVE);
        *value = ioread32(edu->regs + EDU_LIVE);
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
        struct edu *edu = edu_of(file);
        u32 __user *argp = (u32 __user *)arg;
        u32 value = 0;
        int err = 0;

        if (cmd != EDU_INTERRUPTS && get_user(value, argp))
                return -EFAULT;
        if (mutex_lock_interruptible(&edu->lock))
                return -ERESTARTSYS;
        switch (cmd) {
        case EDU_FACTORIAL:
                err = edu_factorial(edu, &value);
                break;
        case EDU_LIVENESS:
                edu_liveness(edu, &value);
                break;
        case EDU_INTERRUPTS:
                value = atomic_read(&edu->interrupts);
                break;
        default:
                err = -ENOTTY;
        }
        mutex_unlock(&edu->lock);
        if (!err && put_user(value, argp))
                err = -EFAULT;
        return err;
}

static const struct file_operations edu_fops = {
        .owner = THIS_MODULE,
        .llseek = default_llseek,
        .read = edu_read,
        .write = edu_write,
        .unlocked_ioctl = edu_ioctl,
};

static ssize_t identification_show(struct device *dev,
                                   struct device_attribute *attr, char *buf)
{
        struct edu *edu = dev_get_drvdata(dev);

        return sysfs_emit(buf, "0x%08x\n", ioread32(edu->regs + EDU_ID));
}
static DEVICE_ATTR_RO(identification);

static struct attribute *edu_attrs[] = {
        &dev_attr_identification.attr,
        NULL,
};
ATTRIBUTE_GROUPS(edu);

static void edu_free_vectors(void *pdev)
{
        pci_free_irq_vectors(pdev);
}

static int edu_start_device(struct edu *edu)
{
        struct pci_dev *pdev = edu->pdev;
        int err;

        err = pcim_enable_device(pdev);
        if (err)
                return err;
        err = pcim_iomap_regions(pdev, BIT(0), "edu");
        if (err)
                return err;
        edu->regs = pcim_iomap_table(pdev)[0];
        err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(dma_bits));
        if (err)
                return err;
        pci_set_master(pdev);
        err = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
        if (err < 0)
                return err;
        err = devm_add_action_or_reset(&pdev->dev, edu_free_vectors, pdev);
        if (err)
                return err;
        return devm_request_irq(&pdev->dev, pci_irq_vector(pdev, 0), edu_irq,
                                IRQF_SHARED, "edu", edu);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
        struct edu *edu;
        int err;

        edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
        if (!edu)
                return -ENOMEM;
        edu->buffer = devm_kmalloc(&pdev->dev, EDU_BUFFER_SIZE, GFP_KERNEL);
        if (!edu->buffer)
                return -ENOMEM;
        edu->pdev = pdev;
        mutex_init(&edu->lock);
        init_completion(&edu->fact_done);
        init_completion(&edu->dma_done);
        err = edu_start_device(edu);
        if (err)
                return err;
        pci_set_drvdata(pdev, edu);
        edu->misc.minor = MISC_DYNAMIC_MINOR;
        edu->misc.name = "edu";
        edu->misc.parent = &pdev->dev;
        edu->misc.fops = &edu_fops;
        err = misc_register(&edu->misc);
        if (err)
                return err;
        dev_info(&pdev->dev, "edu device 0x%08x\n",
                 ioread32(edu->regs + EDU_ID));
        return 0;
}

static void edu_remove(struct pci_dev *pdev)
{
        struct edu *edu = pci_get_drvdata(pdev);

        misc_deregister(&edu->misc);
}

static const struct pci_device_id edu_ids[] = {
        { PCI_DEVICE(0x1234, 0x11e8) },
        { 0 },
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
        .name = "edu",
        .id_table = edu_ids,
        .probe = edu_probe,
        .remove = edu_remove,
        .dev_groups = edu_groups,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Driver for QEMU's edu device");
MODULE_LICENSE("GPL");
