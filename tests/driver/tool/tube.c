/* A device that passes bytes on: a read waits for them, a write for room.  By ioctl it does what a test needs. */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define TUBE_PID _IO('t', 1)
#define TUBE_UID _IO('t', 2)
#define TUBE_COMM _IOR('t', 3, char[16])
#define TUBE_LEAK _IO('t', 4)
#define TUBE_CRASH _IO('t', 5)
#define TUBE_OPENS _IO('t', 6)
#define TUBE_KEEP _IO('t', 7)
#define TUBE_LEAK_AREA _IO('t', 8)
#define TUBE_CAPABLE _IO('t', 9)
#define TUBE_MAPPINGS _IO('t', 10)
#define TUBE_PEEK _IO('t', 11)

static int room = 4096;
static char* greeting;
module_param(room, int, 0444);
module_param(greeting, charp, 0444);

static struct tube {
  struct mutex lock;
  wait_queue_head_t filled, emptied;
  char* data;
  int first, used, opens;
  struct fasync_struct* listeners;
  void* kept;
  char *pages, *area;
} tube;

static int tube_take(char __user* to, int n) {
  int i;
  for (i = 0; i < n; ++i)
    if (put_user(tube.data[(tube.first + i) % room], to + i)) return -EFAULT;
  tube.first = (tube.first + n) % room;
  tube.used -= n;
  return n;
}

static ssize_t tube_read(struct file* file, char __user* buffer, size_t n, loff_t* position) {
  ssize_t done;
  (void)position;
  if (mutex_lock_interruptible(&tube.lock)) return -ERESTARTSYS;
  while (!tube.used) {
    mutex_unlock(&tube.lock);
    if (file->f_flags & O_NONBLOCK) return -EAGAIN;
    if (wait_event_interruptible(tube.filled, READ_ONCE(tube.used))) return -ERESTARTSYS;
    if (mutex_lock_interruptible(&tube.lock)) return -ERESTARTSYS;
  }
  done = tube_take(buffer, min_t(int, n, tube.used));
  mutex_unlock(&tube.lock);
  wake_up_interruptible(&tube.emptied);
  return done;
}

static ssize_t tube_write(struct file* file, const char __user* buffer, size_t n, loff_t* position) {
  int i;
  (void)position;
  if (mutex_lock_interruptible(&tube.lock)) return -ERESTARTSYS;
  while (tube.used == room) {
    mutex_unlock(&tube.lock);
    if (file->f_flags & O_NONBLOCK) return -EAGAIN;
    if (wait_event_interruptible(tube.emptied, READ_ONCE(tube.used) < room)) return -ERESTARTSYS;
    if (mutex_lock_interruptible(&tube.lock)) return -ERESTARTSYS;
  }
  n = min_t(int, n, room - tube.used);
  for (i = 0; i < (int)n; ++i) {
    if (get_user(tube.data[(tube.first + tube.used) % room], buffer + i)) break;
    WRITE_ONCE(tube.used, tube.used + 1);
  }
  mutex_unlock(&tube.lock);
  wake_up_interruptible(&tube.filled);
  kill_fasync(&tube.listeners, SIGIO, POLL_IN);
  return i ? i : n ? -EFAULT : 0;
}

static __poll_t tube_poll(struct file* file, poll_table* table) {
  poll_wait(file, &tube.filled, table);
  poll_wait(file, &tube.emptied, table);
  return (READ_ONCE(tube.used) ? EPOLLIN | EPOLLRDNORM : 0) | (READ_ONCE(tube.used) < room ? EPOLLOUT | EPOLLWRNORM : 0);
}

static int mappings;
static noinline void* tube_leak(void) { return kmalloc(777, GFP_KERNEL); }

static long tube_ioctl(struct file* file, unsigned int command, unsigned long argument) {
  (void)file;
  switch (command) {
    case TUBE_PID: return current->tgid;
    case TUBE_UID: return from_kuid(&init_user_ns, current_uid());
    case TUBE_COMM: return copy_to_user((void __user*)argument, current->comm, sizeof(current->comm)) ? -EFAULT : 0;
    case TUBE_LEAK: return tube_leak() ? 0 : -ENOMEM;
    case TUBE_LEAK_AREA: return vmalloc(5 * PAGE_SIZE) ? 0 : -ENOMEM;
    case TUBE_CRASH: *(volatile int*)8 = 1; return 0;
    case TUBE_OPENS: return READ_ONCE(tube.opens);
    case TUBE_MAPPINGS: return READ_ONCE(mappings);
    case TUBE_PEEK: return argument < 4 * PAGE_SIZE ? tube.pages[argument] : tube.area[argument - 4 * PAGE_SIZE];
    case TUBE_CAPABLE: return capable(CAP_SYS_ADMIN);
    case TUBE_KEEP: /* a mistake that only a failed allocation shows: the first block is lost */
      tube.kept = kmalloc(300, GFP_KERNEL);
      if (tube.kept) {
        void* second = kmalloc(400, GFP_KERNEL);
        if (!second) {
          tube.kept = NULL;
          return -ENOMEM;
        }
        kfree(second);
        kfree(tube.kept);
        tube.kept = NULL;
        return 0;
      }
      return -ENOMEM;
    default: return -ENOTTY;
  }
}

static int tube_open(struct inode* inode, struct file* file) {
  __atomic_add_fetch(&tube.opens, 1, __ATOMIC_RELAXED);
  return nonseekable_open(inode, file);
}
static int tube_release(struct inode* inode, struct file* file) {
  (void)inode;
  (void)file;
  __atomic_sub_fetch(&tube.opens, 1, __ATOMIC_RELAXED);
  return 0;
}

/* Four pages by fault(), behind them nothing; from page 16 on two pages at once, from page 32 on an area. */
static void tube_vma_close(struct vm_area_struct* vma) {
  (void)vma;
  __atomic_sub_fetch(&mappings, 1, __ATOMIC_RELAXED);
}
static vm_fault_t tube_fault(struct vm_fault* vmf) {
  if (vmf->pgoff >= 4) return VM_FAULT_SIGBUS;
  vmf->page = virt_to_page(tube.pages + vmf->pgoff * PAGE_SIZE);
  get_page(vmf->page);
  return 0;
}
static const struct vm_operations_struct tube_vma_operations = {.close = tube_vma_close, .fault = tube_fault};
static int tube_mmap(struct file* file, struct vm_area_struct* vma) {
  unsigned long bytes = vma->vm_end - vma->vm_start;
  int error = 0;
  (void)file;
  if (vma->vm_pgoff == 16)
    error = bytes > 2 * PAGE_SIZE
                ? -EINVAL
                : remap_pfn_range(vma, vma->vm_start, page_to_pfn(virt_to_page(tube.pages)), bytes, vma->vm_page_prot);
  else if (vma->vm_pgoff == 32) error = remap_vmalloc_range(vma, tube.area, 0);
  if (error) return error;
  __atomic_add_fetch(&mappings, 1, __ATOMIC_RELAXED);
  vma->vm_ops = &tube_vma_operations;
  return 0;
}

static int tube_fasync(int fd, struct file* file, int on) { return fasync_helper(fd, file, on, &tube.listeners); }

static const struct file_operations tube_operations = {
    .mmap = tube_mmap,
    .owner = THIS_MODULE,
    .open = tube_open,
    .release = tube_release,
    .read = tube_read,
    .write = tube_write,
    .poll = tube_poll,
    .fasync = tube_fasync,
    .unlocked_ioctl = tube_ioctl,
};
static struct miscdevice device = {.minor = MISC_DYNAMIC_MINOR, .name = "tube", .fops = &tube_operations, .mode = 0666};

static int tube_show(struct seq_file* text, void* data) {
  (void)data;
  seq_printf(text, "%d of %d, %s\n", tube.used, room, greeting ? greeting : "no greeting");
  return 0;
}

static void tube_free(void) {
  vfree(tube.area);
  free_pages((unsigned long)tube.pages, 2);
  kfree(tube.data);
}
static int __init tube_init(void) {
  int error;
  mutex_init(&tube.lock);
  init_waitqueue_head(&tube.filled);
  init_waitqueue_head(&tube.emptied);
  tube.data = kmalloc(room, GFP_KERNEL);
  tube.pages = (char*)__get_free_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP, 2);
  tube.area = vmalloc_user(3 * PAGE_SIZE);
  error = -ENOMEM;
  if (!tube.data || !tube.pages || !tube.area) goto no_memory;
  error = misc_register(&device);
  if (error) goto no_memory;
  if (!proc_create_single("tube", 0444, NULL, tube_show)) {
    error = -ENOMEM;
    goto no_text;
  }
  return 0;
no_text:
  misc_deregister(&device);
no_memory:
  tube_free();
  return error;
}
static void __exit tube_exit(void) {
  remove_proc_entry("tube", NULL);
  misc_deregister(&device);
  tube_free();
}
module_init(tube_init);
module_exit(tube_exit);
MODULE_LICENSE("GPL");
