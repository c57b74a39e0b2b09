// SPDX-License-Identifier: MIT
/*
 * QEMU's edu device, as a module that is loaded beside the driver: what the
 * device's documentation says of it, in a page of registers.
 */
#include <kmem/simulated.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#define IDENTIFICATION 0x010000edu
#define BUFFER         0x40000
#define BUFFER_SIZE    4096
#define IRQ_FACTORIAL  0x001
#define IRQ_DMA        0x100

struct edu_device {
        struct pci_dev *pdev;
        spinlock_t lock; /* the registers */
        u32 liveness, factorial, status, irq_status;
        u64 source, destination, count, command;
        u8 buffer[BUFFER_SIZE];
        struct work_struct compute, transfer;
};

static void raise(struct edu_device *edu, u32 why)
{
        unsigned long flags;

        spin_lock_irqsave(&edu->lock, flags);
        edu->irq_status |= why;
        spin_unlock_irqrestore(&edu->lock, flags);
        kmem_pci_raise(edu->pdev, 0);
}

static void acknowledge(struct edu_device *edu, u32 what)
{
        edu->irq_status &= ~what;
        if (!edu->irq_status)
                kmem_pci_lower(edu->pdev);
}

static void compute(struct work_struct *work)
{
        struct edu_device *edu = container_of(work, struct edu_device, compute);
        u32 n = edu->factorial, product = 1;
        bool wants_irq;

        while (n > 0)
                product *= n--;
        spin_lock_irq(&edu->lock);
        edu->factorial = product;
        edu->status &= ~0x01u;
        wants_irq = edu->status & 0x80;
        spin_unlock_irq(&edu->lock);
        if (wants_irq)
                raise(edu, IRQ_FACTORIAL);
}

/* The place in the device's memory; NULL where the transfer does not fit. */
static u8 *place(struct edu_device *edu, u64 address)
{
        if (address < BUFFER || edu->count > BUFFER_SIZE ||
            address - BUFFER > BUFFER_SIZE - edu->count)
                return NULL;
        return edu->buffer + (address - BUFFER);
}

static void transfer(struct work_struct *work)
{
        struct edu_device *edu =
                container_of(work, struct edu_device, transfer);
        struct device *dev = &edu->pdev->dev;
        const bool to_memory = edu->command & 0x02;
        u8 *at = place(edu, to_memory ? edu->source : edu->destination);

        if (!at)
                dev_err(dev, "edu: a transfer outside of its memory\n");
        else if (to_memory)
                kmem_dma_write(dev, edu->destination, at, edu->count);
        else
                kmem_dma_read(dev, edu->source, at, edu->count);
        spin_lock_irq(&edu->lock);
        edu->command &= ~0x01ull;
        spin_unlock_irq(&edu->lock);
        if (edu->command & 0x04)
                raise(edu, IRQ_DMA);
}

static unsigned long long read_register(void *device, size_t offset,
                                        unsigned int bytes)
{
        struct edu_device *edu = device;

        if (offset < 0x80 && bytes != 4)
                return ~0ull;
        switch (offset) {
        case 0x00:
                return IDENTIFICATION;
        case 0x04:
                return edu->liveness;
        case 0x08:
                return edu->factorial;
        case 0x20:
                return edu->status;
        case 0x24:
                return edu->irq_status;
        case 0x80:
                return edu->source;
        case 0x88:
                return edu->destination;
        case 0x90:
                return edu->count;
        case 0x98:
                return edu->command;
        }
        return ~0ull;
}

static unsigned long long read_locked(void *device, size_t offset,
                                      unsigned int bytes)
{
        struct edu_device *edu = device;
        unsigned long long value;
        unsigned long flags;

        spin_lock_irqsave(&edu->lock, flags);
        value = read_register(device, offset, bytes);
        spin_unlock_irqrestore(&edu->lock, flags);
        return value;
}

static void start_factorial(struct edu_device *edu, u32 value)
{
        if (edu->status & 0x01)
                return;
        edu->factorial = value;
        edu->status |= 0x01;
        schedule_work(&edu->compute);
}

static void start_transfer(struct edu_device *edu, u64 command)
{
        if (!(command & 0x01) || edu->command & 0x01)
                return;
        edu->command = command;
        schedule_work(&edu->transfer);
}

static void write_register(struct edu_device *edu, size_t offset, u64 value)
{
        switch (offset) {
        case 0x04:
                edu->liveness = ~(u32)value;
                break;
        case 0x08:
                start_factorial(edu, value);
                break;
        case 0x20:
                edu->status = (edu->status & 0x01) | (value & 0x80);
                break;
        case 0x64:
                acknowledge(edu, value);
                break;
        case 0x80:
                edu->source = value;
                break;
        case 0x88:
                edu->destination = value;
                break;
        case 0x90:
                edu->count = value;
                break;
        case 0x98:
                start_transfer(edu, value);
                break;
        }
}

static void write_locked(void *device, size_t offset, unsigned int bytes,
                         unsigned long long value)
{
        struct edu_device *edu = device;
        unsigned long flags;

        if (offset < 0x80 && bytes != 4)
                return;
        if (offset == 0x60) {
                raise(edu, value);
                return;
        }
        spin_lock_irqsave(&edu->lock, flags);
        write_register(edu, offset, value);
        spin_unlock_irqrestore(&edu->lock, flags);
}

static const struct kmem_device_ops registers = { read_locked, write_locked };
static const struct kmem_pci_function function = {
        .name = "edu",
        .vendor = 0x1234,
        .device = 0x11e8,
        .subsystem_vendor = 0x1af4,
        .subsystem_device = 0x1100,
        .class_code = 0x00ff00,
        .revision = 0x10,
        .interrupt_pin = 1,
        .nr_msi = 1,
        .dma_bits = 28,
        .bars = { { 1 << 20, 0, &registers } },
};

static struct edu_device the_device;

static int __init edu_simulation_init(void)
{
        spin_lock_init(&the_device.lock);
        INIT_WORK(&the_device.compute, compute);
        INIT_WORK(&the_device.transfer, transfer);
        the_device.pdev = kmem_pci_plug(&function, &the_device);
        return PTR_ERR_OR_ZERO(the_device.pdev);
}
module_init(edu_simulation_init);

static void __exit edu_simulation_exit(void)
{
        kmem_pci_unplug(the_device.pdev);
        flush_work(&the_device.compute);
        flush_work(&the_device.transfer);
}
module_exit(edu_simulation_exit);

MODULE_DESCRIPTION("A simulation of QEMU's edu device");
MODULE_LICENSE("GPL");
