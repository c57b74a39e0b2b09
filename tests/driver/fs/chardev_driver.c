/* A char device with a buffer, and a pipe of it: reads wait for what is written. */
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define BOX_SIZE 64
#define BOX_RESET _IO('b', 1)
#define BOX_GET _IOR('b', 2, int)
#define BOX_SET _IOW('b', 3, int)

#define READ_ONCE_SIZE(box) __atomic_load_n(&(box)->used, __ATOMIC_ACQUIRE)

struct box {
  struct cdev cdev;
  struct mutex lock;
  wait_queue_head_t filled;
  struct fasync_struct* readers;
  char data[BOX_SIZE];
  size_t used;
  int number;
};

static int major;
static int nr_boxes = 2;
module_param(major, int, 0444);
module_param(nr_boxes, int, 0444);
static struct box* boxes;
int releases, leave_locked;

static int box_open(struct inode* inode, struct file* file) {
  struct box* box = container_of(inode->i_cdev, struct box, cdev);
  file->private_data = box;
  return 0;
}
static int box_fasync(int fd, struct file* file, int on) {
  struct box* box = file->private_data;
  return fasync_helper(fd, file, on, &box->readers);
}
static int box_release(struct inode* inode, struct file* file) {
  (void)inode;
  (void)file;
  ++releases;
  return 0;
}

static ssize_t box_read(struct file* file, char __user* buffer, size_t n, loff_t* at) {
  struct box* box = file->private_data;
  ssize_t done;
  if (mutex_lock_interruptible(&box->lock)) return -ERESTARTSYS;
  while (*at >= (loff_t)box->used) {
    mutex_unlock(&box->lock);
    if (file->f_flags & O_NONBLOCK) return -EAGAIN;
    if (wait_event_interruptible(box->filled, *at < (loff_t)READ_ONCE_SIZE(box))) return -ERESTARTSYS;
    if (mutex_lock_interruptible(&box->lock)) return -ERESTARTSYS;
  }
  done = simple_read_from_buffer(buffer, n, at, box->data, box->used);
  if (!leave_locked) mutex_unlock(&box->lock);
  return done;
}

static ssize_t box_write(struct file* file, const char __user* buffer, size_t n, loff_t* at) {
  struct box* box = file->private_data;
  ssize_t done;
  if (mutex_lock_interruptible(&box->lock)) return -ERESTARTSYS;
  done = simple_write_to_buffer(box->data, BOX_SIZE, at, buffer, n);
  if (done > 0 && *at > (loff_t)box->used) __atomic_store_n(&box->used, (size_t)*at, __ATOMIC_RELEASE);
  mutex_unlock(&box->lock);
  wake_up_interruptible(&box->filled);
  kill_fasync(&box->readers, SIGIO, POLL_IN);
  return done ? done : -ENOSPC;
}

static __poll_t box_poll(struct file* file, poll_table* table) {
  struct box* box = file->private_data;
  poll_wait(file, &box->filled, table);
  return EPOLLOUT | EPOLLWRNORM | (file->f_pos < (loff_t)READ_ONCE_SIZE(box) ? EPOLLIN | EPOLLRDNORM : 0);
}

static long box_ioctl(struct file* file, unsigned int command, unsigned long argument) {
  struct box* box = file->private_data;
  switch (command) {
    case BOX_RESET: box->used = 0; return 0;
    case BOX_GET: return put_user(box->number, (int __user*)argument);
    case BOX_SET:
      if (!capable(CAP_SYS_ADMIN)) return -EPERM;
      return get_user(box->number, (int __user*)argument);
    default: return -ENOIOCTLCMD;
  }
}

static const struct file_operations box_operations = {
    .owner = THIS_MODULE,
    .llseek = default_llseek,
    .read = box_read,
    .write = box_write,
    .poll = box_poll,
    .unlocked_ioctl = box_ioctl,
    .open = box_open,
    .fasync = box_fasync,
    .release = box_release,
};

static dev_t first;

static int __init box_init(void) {
  int i, error = alloc_chrdev_region(&first, 0, nr_boxes, "box");
  if (error) return error;
  major = MAJOR(first);
  boxes = kcalloc(nr_boxes, sizeof(*boxes), GFP_KERNEL);
  if (!boxes) {
    unregister_chrdev_region(first, nr_boxes);
    return -ENOMEM;
  }
  for (i = 0; i < nr_boxes; ++i) {
    mutex_init(&boxes[i].lock);
    init_waitqueue_head(&boxes[i].filled);
    cdev_init(&boxes[i].cdev, &box_operations);
    boxes[i].cdev.owner = THIS_MODULE;
    if (cdev_add(&boxes[i].cdev, first + i, 1)) pr_err("no box %d\n", i);
  }
  return 0;
}

static void __exit box_exit(void) {
  int i;
  for (i = 0; i < nr_boxes; ++i) cdev_del(&boxes[i].cdev);
  kfree(boxes);
  unregister_chrdev_region(first, nr_boxes);
}
module_init(box_init);
module_exit(box_exit);
int box_major(void) { return major; }
MODULE_LICENSE("GPL");
