// SPDX-License-Identifier: MIT
/*
 * A device that is memory, in four ways: /dev/scull_slab keeps what is written
 * in blocks of a cache, scull_pages in pages, scull_vmalloc in one area of
 * vmalloc(), and /dev/scull_percpu counts, on each CPU for itself, what is
 * written to the others.  The idea is that of scull in "Linux Device Drivers";
 * the code is not.
 *
 * A file that is opened for writing alone begins anew.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define SCULL_BLOCKS 64

static unsigned int block_size = 4000;
module_param(block_size, uint, 0444);
MODULE_PARM_DESC(block_size, "bytes in each block of scull_slab");

/* What differs between the devices: where the bytes are. */
struct scull_kind {
        unsigned int (*piece)(void);
        void *(*get)(unsigned int n);
        void (*put)(void *piece);
};

struct scull {
        struct miscdevice misc;
        const struct scull_kind *kind;
        struct mutex lock;
        size_t size;
        void *pieces[SCULL_BLOCKS];
};

static struct kmem_cache *scull_cache;
static DEFINE_PER_CPU(unsigned long, scull_written);

static unsigned int slab_piece(void)
{
        return block_size;
}

static void *slab_get(unsigned int n)
{
        return kmem_cache_zalloc(scull_cache, GFP_KERNEL);
}

static void slab_put(void *piece)
{
        kmem_cache_free(scull_cache, piece);
}

static unsigned int pages_piece(void)
{
        return 2 * PAGE_SIZE;
}

static void *pages_get(unsigned int n)
{
        return (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
}

static void pages_put(void *piece)
{
        free_pages((unsigned long)piece, 1);
}

static unsigned int vmalloc_piece(void)
{
        return 16 * PAGE_SIZE;
}

static void *vmalloc_get(unsigned int n)
{
        return vzalloc(vmalloc_piece());
}

static void vmalloc_put(void *piece)
{
        vfree(piece);
}

static const struct scull_kind slab_kind = { slab_piece, slab_get, slab_put };
static const struct scull_kind pages_kind = { pages_piece, pages_get,
                                              pages_put };
static const struct scull_kind vmalloc_kind = { vmalloc_piece, vmalloc_get,
                                                vmalloc_put };

static void scull_trim(struct scull *scull)
{
        int i;

        for (i = 0; i < SCULL_BLOCKS; i++) {
                if (scull->pieces[i])
                        scull->kind->put(scull->pieces[i]);
                scull->pieces[i] = NULL;
        }
        scull->size = 0;
}

static struct scull *scull_of(struct file *file)
{
        return container_of(file->private_data, struct scull, misc);
}

static int scull_open(struct inode *inode, struct file *file)
{
        struct scull *scull = scull_of(file);

        if ((file->f_flags & O_ACCMODE) != O_WRONLY)
                return 0;
        if (mutex_lock_interruptible(&scull->lock))
                return -ERESTARTSYS;
        scull_trim(scull);
        mutex_unlock(&scull->lock);
        return 0;
}

/*
 * The place of an offset, and how many bytes lie there in a row; NULL where
 * nothing was written.  With the lock held.
 */
static char *scull_place(struct scull *scull, loff_t at, size_t *count)
{
        unsigned int piece = scull->kind->piece();
        size_t n = at / piece, within = at % piece;

        *count = min_t(size_t, *count, piece - within);
        return scull->pieces[n] ? (char *)scull->pieces[n] + within : NULL;
}

static ssize_t scull_read_locked(struct scull *scull, char __user *buf,
                                 size_t count, loff_t *ppos)
{
        char *from;

        if (*ppos >= scull->size)
                return 0;
        count = min_t(size_t, count, scull->size - *ppos);
        from = scull_place(scull, *ppos, &count);
        if (from ? copy_to_user(buf, from, count) : clear_user(buf, count))
                return -EFAULT;
        *ppos += count;
        return count;
}

static ssize_t scull_read(struct file *file, char __user *buf, size_t count,
                          loff_t *ppos)
{
        struct scull *scull = scull_of(file);
        ssize_t ret;

        if (mutex_lock_interruptible(&scull->lock))
                return -ERESTARTSYS;
        ret = scull_read_locked(scull, buf, count, ppos);
        mutex_unlock(&scull->lock);
        return ret;
}

static ssize_t scull_write_locked(struct scull *scull, const char __user *buf,
                                  size_t count, loff_t *ppos)
{
        size_t n = *ppos / scull->kind->piece();
        char *to;

        if (n >= SCULL_BLOCKS)
                return -ENOSPC;
        if (!scull->pieces[n])
                scull->pieces[n] = scull->kind->get(n);
        if (!scull->pieces[n])
                return -ENOMEM;
        to = scull_place(scull, *ppos, &count);
        if (copy_from_user(to, buf, count))
                return -EFAULT;
        *ppos += count;
        scull->size = max_t(size_t, scull->size, *ppos);
        this_cpu_add(scull_written, count);
        return count;
}

static ssize_t scull_write(struct file *file, const char __user *buf,
                           size_t count, loff_t *ppos)
{
        struct scull *scull = scull_of(file);
        ssize_t ret;

        if (mutex_lock_interruptible(&scull->lock))
                return -ERESTARTSYS;
        ret = scull_write_locked(scull, buf, count, ppos);
        mutex_unlock(&scull->lock);
        return ret;
}

static const struct file_operations scull_fops = {
        .owner = THIS_MODULE,
        .llseek = default_llseek,
        .open = scull_open,
        .read = scull_read,
        .write = scull_write,
};

/* The bytes that were written to all devices. */
static ssize_t scull_percpu_read(struct file *file, char __user *buf,
                                 size_t count, loff_t *ppos)
{
        unsigned long sum = 0;
        char text[24];
        int cpu, n;

        for_each_possible_cpu (cpu)
                sum += per_cpu(scull_written, cpu);
        n = scnprintf(text, sizeof(text), "%lu\n", sum);
        return simple_read_from_buffer(buf, count, ppos, text, n);
}

static const struct file_operations scull_percpu_fops = {
        .owner = THIS_MODULE,
        .llseek = default_llseek,
        .read = scull_percpu_read,
};

#define SCULL_MISC(device_name, operations)                                    \
        {                                                                      \
                .minor = MISC_DYNAMIC_MINOR, .name = (device_name),            \
                .fops = (operations), .mode = 0666                             \
        }

static struct scull sculls[] = {
        { .misc = SCULL_MISC("scull_slab", &scull_fops), .kind = &slab_kind },
        { .misc = SCULL_MISC("scull_pages", &scull_fops), .kind = &pages_kind },
        { .misc = SCULL_MISC("scull_vmalloc", &scull_fops),
          .kind = &vmalloc_kind },
};
static struct miscdevice scull_percpu =
        SCULL_MISC("scull_percpu", &scull_percpu_fops);

static void scull_deregister(int n)
{
        while (n--) {
                misc_deregister(&sculls[n].misc);
                scull_trim(&sculls[n]);
        }
}

static int __init scull_register(void)
{
        int i, err;

        for (i = 0; i < ARRAY_SIZE(sculls); i++) {
                mutex_init(&sculls[i].lock);
                err = misc_register(&sculls[i].misc);
                if (err) {
                        scull_deregister(i);
                        return err;
                }
        }
        err = misc_register(&scull_percpu);
        if (err)
                scull_deregister(ARRAY_SIZE(sculls));
        return err;
}

static int __init scull_init(void)
{
        int err;

        if (!block_size || block_size > KMALLOC_MAX_SIZE)
                return -EINVAL;
        scull_cache = kmem_cache_create("scull", block_size, 0, 0, NULL);
        if (!scull_cache)
                return -ENOMEM;
        err = scull_register();
        if (err)
                kmem_cache_destroy(scull_cache);
        return err;
}
module_init(scull_init);

static void __exit scull_exit(void)
{
        misc_deregister(&scull_percpu);
        scull_deregister(ARRAY_SIZE(sculls));
        kmem_cache_destroy(scull_cache);
}
module_exit(scull_exit);

MODULE_DESCRIPTION("Devices that are memory of four kinds");
MODULE_LICENSE("GPL");
