/* The system has a header of this name, ioctls of block devices; it comes first. */
#ifndef __user
#define __user
#endif
#include_next <linux/fs.h>

#ifndef KMEM_LINUX_FS_H
#define KMEM_LINUX_FS_H
/* Files as a driver sees them: the file operations and the open file that they act on.
 *
 * A program opens a driver's files by <kmem/driver.h>.  File operations: task context.
 * What differs: there are no file systems, mounts or directories: a node is a path and a device number.
 * Meaning: the kernel's Documentation/filesystems/vfs.rst. */
#include <fcntl.h>
#include <kmem/driver_face.h>
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/ioctl.h>
#include <linux/kdev_t.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/stat.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct file;
struct inode;
struct dentry;
struct module;
struct cdev;
struct vm_area_struct;
struct poll_table_struct;
struct file_lock;
struct seq_file;
struct super_block;
struct address_space;
struct fasync_struct;
struct dir_context;
struct pipe_inode_info;
struct kiocb;
typedef void* fl_owner_t;
typedef unsigned short umode_t;
typedef unsigned int fmode_t;

#define FMODE_READ 0x1u
#define FMODE_WRITE 0x2u
#define FMODE_LSEEK 0x4u
#define FMODE_PREAD 0x8u
#define FMODE_PWRITE 0x10u
#define FMODE_EXEC 0x20u
#define FMODE_EXCL 0x80u
#define FMODE_STREAM 0x200000u
#define FMODE_NOWAIT 0x8000000u

#define MAX_LFS_FILESIZE ((loff_t)LLONG_MAX)
#define FASYNC O_ASYNC
#ifndef O_LARGEFILE
#define O_LARGEFILE 0
#endif

struct qstr {
  const unsigned char* name;
  unsigned int len, hash;
};
struct inode {
  umode_t i_mode;
  kuid_t i_uid;
  kgid_t i_gid;
  unsigned int i_flags;
  const struct file_operations* i_fop;
  struct super_block* i_sb;
  struct address_space* i_mapping;
  unsigned long i_ino;
  dev_t i_rdev;
  loff_t i_size;
  struct timespec64 i_atime, i_mtime, i_ctime;
  struct rw_semaphore i_rwsem;
  spinlock_t i_lock;
  struct cdev* i_cdev;
  void* i_private;
  void* kmem_node;
};
struct dentry {
  struct qstr d_name;
  struct inode* d_inode;
  struct dentry* d_parent;
  void* d_fsdata;
};
struct path {
  void* mnt;
  struct dentry* dentry;
};
struct fown_struct {
  int kmem_pid, signum;
};
struct file {
  struct path f_path;
  struct inode* f_inode;
  const struct file_operations* f_op;
  unsigned int f_flags;
  fmode_t f_mode;
  loff_t f_pos;
  struct mutex f_pos_lock;
  spinlock_t f_lock;
  void* private_data;
  const struct cred* f_cred;
  struct fown_struct f_owner;
  struct address_space* f_mapping;
  long kmem_users;
  struct module* kmem_module; /* the owner of the operations that it was opened with */
};
/* 2.6 */
#define f_dentry f_path.dentry

struct kiocb {
  struct file* ki_filp;
  loff_t ki_pos;
  void (*ki_complete)(struct kiocb* iocb, long result);
  void* private_;
  int ki_flags;
};
#define IOCB_NOWAIT 0x8
#define IOCB_APPEND 0x2

struct file_operations {
  struct module* owner;
  unsigned int fop_flags;
  loff_t (*llseek)(struct file* file, loff_t offset, int whence);
  ssize_t (*read)(struct file* file, char __user* buffer, size_t n, loff_t* position);
  ssize_t (*write)(struct file* file, const char __user* buffer, size_t n, loff_t* position);
  ssize_t (*read_iter)(struct kiocb* iocb, struct iov_iter* to);
  ssize_t (*write_iter)(struct kiocb* iocb, struct iov_iter* from);
  int (*iterate_shared)(struct file* file, struct dir_context* context);
  __poll_t (*poll)(struct file* file, struct poll_table_struct* table);
  int (*ioctl)(struct inode* inode, struct file* file, unsigned int command, unsigned long argument); /* before 2.6.36 */
  long (*unlocked_ioctl)(struct file* file, unsigned int command, unsigned long argument);
  long (*compat_ioctl)(struct file* file, unsigned int command, unsigned long argument);
  int (*mmap)(struct file* file, struct vm_area_struct* vma);
  int (*open)(struct inode* inode, struct file* file);
  int (*flush)(struct file* file, fl_owner_t id);
  int (*release)(struct inode* inode, struct file* file);
  int (*fsync)(struct file* file, loff_t start, loff_t end, int only_data);
  int (*fasync)(int fd, struct file* file, int on);
  int (*lock)(struct file* file, int command, struct file_lock* lock);
  unsigned long (*get_unmapped_area)(struct file* file, unsigned long, unsigned long, unsigned long, unsigned long);
  int (*check_flags)(int flags);
  int (*flock)(struct file* file, int command, struct file_lock* lock);
  ssize_t (*splice_write)(struct pipe_inode_info*, struct file*, loff_t*, size_t, unsigned int);
  ssize_t (*splice_read)(struct file*, loff_t*, struct pipe_inode_info*, size_t, unsigned int);
  long (*fallocate)(struct file* file, int mode, loff_t offset, loff_t length);
  void (*show_fdinfo)(struct seq_file* seq, struct file* file);
};

KMEM_BEGIN_C

static inline struct inode* file_inode(const struct file* file) { return file->f_inode; }
static inline struct dentry* file_dentry(const struct file* file) { return file->f_path.dentry; }
static inline struct inode* d_inode(const struct dentry* dentry) { return dentry->d_inode; }
static inline unsigned int iminor(const struct inode* inode) { return MINOR(inode->i_rdev); }
static inline unsigned int imajor(const struct inode* inode) { return MAJOR(inode->i_rdev); }
static inline loff_t i_size_read(const struct inode* inode) { return inode->i_size; }
static inline void i_size_write(struct inode* inode, loff_t size) { inode->i_size = size; }
static inline void inode_lock(struct inode* inode) { down_write(&inode->i_rwsem); }
static inline void inode_unlock(struct inode* inode) { up_write(&inode->i_rwsem); }
static inline struct file* get_file(struct file* file) {
  __atomic_add_fetch(&file->kmem_users, 1, __ATOMIC_RELAXED);
  return file;
}
/** Drops a reference; dropping the last one calls release(). */
KMEM_API void fput(struct file* file) KMEM_DRIVER_NAME(fput);
/** The open file with that number from kmem_driver_open(), with a reference taken; NULL if there is none. */
KMEM_API struct file* fget(unsigned int fd) KMEM_DRIVER_NAME(fget);

/** Seeks for files of that size; a driver's llseek may be one of these. */
KMEM_API loff_t default_llseek(struct file* file, loff_t offset, int whence) KMEM_DRIVER_NAME(default_llseek);
KMEM_API loff_t generic_file_llseek(struct file* file, loff_t offset, int whence) KMEM_DRIVER_NAME(generic_file_llseek);
/** For the ioctls of programs of 32 bits, whose arguments are addresses: unlocked_ioctl() with the whole address. */
KMEM_API long compat_ptr_ioctl(struct file* file, unsigned int command, unsigned long argument)
    KMEM_DRIVER_NAME(compat_ptr_ioctl);
KMEM_API loff_t noop_llseek(struct file* file, loff_t offset, int whence) KMEM_DRIVER_NAME(noop_llseek);
KMEM_API loff_t no_llseek(struct file* file, loff_t offset, int whence) KMEM_DRIVER_NAME(no_llseek);
KMEM_API loff_t fixed_size_llseek(struct file* file, loff_t offset, int whence, loff_t size)
    KMEM_DRIVER_NAME(fixed_size_llseek);
KMEM_API loff_t no_seek_end_llseek(struct file* file, loff_t offset, int whence) KMEM_DRIVER_NAME(no_seek_end_llseek);
KMEM_API int nonseekable_open(struct inode* inode, struct file* file) KMEM_DRIVER_NAME(nonseekable_open);
KMEM_API int stream_open(struct inode* inode, struct file* file) KMEM_DRIVER_NAME(stream_open);
/** Sets private_data to the inode's i_private. */
KMEM_API int simple_open(struct inode* inode, struct file* file) KMEM_DRIVER_NAME(simple_open);
/** Copies between user space and a buffer of `available` bytes, at the position, which moves on. */
KMEM_API ssize_t simple_read_from_buffer(void __user* to, size_t n, loff_t* position, const void* from, size_t available)
    KMEM_DRIVER_NAME(simple_read_from_buffer);
KMEM_API ssize_t simple_write_to_buffer(void* to, size_t available, loff_t* position, const void __user* from, size_t n)
    KMEM_DRIVER_NAME(simple_write_to_buffer);

/** Always true: a program waits until its calls are done. */
static inline bool is_sync_kiocb(const struct kiocb* iocb) { return (void)iocb, true; }
/* For files with a page cache; there are none here. */
static inline ssize_t generic_file_read_iter(struct kiocb* iocb, struct iov_iter* to) { return (void)iocb, (void)to, -EINVAL; }
static inline ssize_t generic_file_write_iter(struct kiocb* iocb, struct iov_iter* from) {
  return (void)iocb, (void)from, -EINVAL;
}

/* Char devices. */
KMEM_API int register_chrdev_region(dev_t from, unsigned count, const char* name) KMEM_DRIVER_NAME(register_chrdev_region);
/** Takes numbers of a free major: from 254 down to 234, then from 511 down to 384. */
KMEM_API int alloc_chrdev_region(dev_t* dev, unsigned first_minor, unsigned count, const char* name)
    KMEM_DRIVER_NAME(alloc_chrdev_region);
KMEM_API void unregister_chrdev_region(dev_t from, unsigned count) KMEM_DRIVER_NAME(unregister_chrdev_region);
KMEM_API int __register_chrdev(unsigned major, unsigned first_minor, unsigned count, const char* name,
                               const struct file_operations* operations) KMEM_DRIVER_NAME(__register_chrdev);
KMEM_API void __unregister_chrdev(unsigned major, unsigned first_minor, unsigned count, const char* name)
    KMEM_DRIVER_NAME(__unregister_chrdev);
/** Registers 256 minors. For major 0 it takes a free major and returns it; else returns 0. -EBUSY: the major is taken. */
static inline int register_chrdev(unsigned major, const char* name, const struct file_operations* operations) {
  return __register_chrdev(major, 0, 256, name, operations);
}
static inline void unregister_chrdev(unsigned major, const char* name) { __unregister_chrdev(major, 0, 256, name); }

/* Signals for processes that asked for them (O_ASYNC). */
struct fasync_struct {
  int magic, fa_fd;
  struct fasync_struct* fa_next;
  struct file* fa_file;
};
/** Adds the file to the list, or removes it: 1 if the list has changed, else 0; -ENOMEM. */
KMEM_API int fasync_helper(int fd, struct file* file, int on, struct fasync_struct** list) KMEM_DRIVER_NAME(fasync_helper);
/** Sends the signal to the owner of each file in the list.  Any context. */
KMEM_API void kill_fasync(struct fasync_struct** list, int signal, int band) KMEM_DRIVER_NAME(kill_fasync);

KMEM_END_C

#define fops_get(operations) ((operations) && try_module_get((operations)->owner) ? (operations) : NULL)
#define fops_put(operations) ((operations) ? module_put((operations)->owner) : (void)0)
#define replace_fops(of_file, operations)      \
  do {                                         \
    struct file* const kmem_file_ = (of_file); \
    fops_put(kmem_file_->f_op);                \
    kmem_file_->f_op = (operations);           \
  } while (0)

/** Operations of an attribute that is one number: simple_attr_read() and so on are not needed beside it. */
#define DEFINE_SIMPLE_ATTRIBUTE_XSIGNED(name, getter, setter, format, is_signed)                                 \
  static int name##_open(struct inode* inode, struct file* file) {                                               \
    return simple_attr_open(inode, file, getter, setter, format);                                                \
  }                                                                                                              \
  static const struct file_operations name = {.owner = THIS_MODULE,                                              \
                                              .llseek = generic_file_llseek,                                     \
                                              .read = simple_attr_read,                                          \
                                              .write = is_signed ? simple_attr_write_signed : simple_attr_write, \
                                              .open = name##_open,                                               \
                                              .release = simple_attr_release}
#define DEFINE_SIMPLE_ATTRIBUTE(name, getter, setter, format) \
  DEFINE_SIMPLE_ATTRIBUTE_XSIGNED(name, getter, setter, format, false)
#define DEFINE_SIMPLE_ATTRIBUTE_SIGNED(name, getter, setter, format) \
  DEFINE_SIMPLE_ATTRIBUTE_XSIGNED(name, getter, setter, format, true)

KMEM_BEGIN_C
KMEM_API int simple_attr_open(struct inode* inode, struct file* file, int (*get)(void*, u64*), int (*set)(void*, u64),
                              const char* format) KMEM_DRIVER_NAME(simple_attr_open);
KMEM_API int simple_attr_release(struct inode* inode, struct file* file) KMEM_DRIVER_NAME(simple_attr_release);
KMEM_API ssize_t simple_attr_read(struct file* file, char __user* buffer, size_t n, loff_t* position)
    KMEM_DRIVER_NAME(simple_attr_read);
KMEM_API ssize_t simple_attr_write(struct file* file, const char __user* buffer, size_t n, loff_t* position)
    KMEM_DRIVER_NAME(simple_attr_write);
KMEM_API ssize_t simple_attr_write_signed(struct file* file, const char __user* buffer, size_t n, loff_t* position)
    KMEM_DRIVER_NAME(simple_attr_write_signed);
KMEM_END_C

#endif
