#ifndef KMEM_LINUX_PROC_FS_H
#define KMEM_LINUX_PROC_FS_H
/* Files below /proc.  After the removing function has returned, the entry's operations are no longer called; files still open
 * give -EIO. With struct proc_ops since 5.6, with struct file_operations before, and by a read function before 3.10.
 * Meaning: the kernel's <linux/proc_fs.h>. */
#include <linux/fs.h>
#include <linux/seq_file.h>

struct proc_ops {
  unsigned int proc_flags;
  int (*proc_open)(struct inode* inode, struct file* file);
  ssize_t (*proc_read)(struct file* file, char __user* buffer, size_t n, loff_t* position);
  ssize_t (*proc_read_iter)(struct kiocb* iocb, struct iov_iter* to);
  ssize_t (*proc_write)(struct file* file, const char __user* buffer, size_t n, loff_t* position);
  loff_t (*proc_lseek)(struct file* file, loff_t offset, int whence);
  int (*proc_release)(struct inode* inode, struct file* file);
  __poll_t (*proc_poll)(struct file* file, struct poll_table_struct* table);
  long (*proc_ioctl)(struct file* file, unsigned int command, unsigned long argument);
  int (*proc_mmap)(struct file* file, struct vm_area_struct* vma);
  unsigned long (*proc_get_unmapped_area)(struct file* file, unsigned long, unsigned long, unsigned long, unsigned long);
};
/** 2.6: fills a page; *start NULL: as much of the whole as there is, *eof at its end. */
typedef int (*read_proc_t)(char* page, char** start, off_t offset, int count, int* eof, void* data);
struct proc_dir_entry {
  char* kmem_path;
  void* data;
  read_proc_t read_proc;
  struct file_operations kmem_operations;
  const struct file_operations* proc_fops; /* 2.6: set it behind create_proc_entry() */
  int (*kmem_show)(struct seq_file* m, void* data);
  const struct seq_operations* kmem_seq;
  unsigned int kmem_state_size;
  struct module* owner;
};

KMEM_BEGIN_C
/** NULL if the name is taken, or without memory. */
KMEM_API struct proc_dir_entry* proc_mkdir(const char* name, struct proc_dir_entry* parent) KMEM_DRIVER_NAME(proc_mkdir);
KMEM_API struct proc_dir_entry* kmem_driver_proc_create(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                                        const struct proc_ops* operations, void* data) KMEM_NOTHROW;
KMEM_API struct proc_dir_entry* kmem_driver_proc_create_fops(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                                             const struct file_operations* operations, void* data) KMEM_NOTHROW;
KMEM_API struct proc_dir_entry* proc_create_single_data(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                                        int (*show)(struct seq_file*, void*), void* data)
    KMEM_DRIVER_NAME(proc_create_single_data);
KMEM_API struct proc_dir_entry* proc_create_seq_private(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                                        const struct seq_operations* operations, unsigned int state_size,
                                                        void* data) KMEM_DRIVER_NAME(proc_create_seq_private);
KMEM_API void remove_proc_entry(const char* name, struct proc_dir_entry* parent) KMEM_DRIVER_NAME(remove_proc_entry);
KMEM_API int remove_proc_subtree(const char* name, struct proc_dir_entry* parent) KMEM_DRIVER_NAME(remove_proc_subtree);
/** Removes the entry and all below it. NULL is ignored. */
KMEM_API void proc_remove(struct proc_dir_entry* entry) KMEM_DRIVER_NAME(proc_remove);
KMEM_API void* pde_data(const struct inode* inode) KMEM_DRIVER_NAME(pde_data);
/** 2.6 */
KMEM_API struct proc_dir_entry* create_proc_entry(const char* name, umode_t mode, struct proc_dir_entry* parent)
    KMEM_DRIVER_NAME(create_proc_entry);
KMEM_API struct proc_dir_entry* create_proc_read_entry(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                                       read_proc_t read, void* data) KMEM_DRIVER_NAME(create_proc_read_entry);
KMEM_END_C

#define PDE_DATA(inode) pde_data(inode)
#define proc_create_single(name, mode, parent, show) proc_create_single_data(name, mode, parent, show, NULL)
#define proc_create_seq_data(name, mode, parent, operations, data) \
  proc_create_seq_private(name, mode, parent, operations, 0, data)
#define proc_create_seq(name, mode, parent, operations) proc_create_seq_private(name, mode, parent, operations, 0, NULL)
/* By the type of the operations. */
#ifdef __cplusplus
static inline struct proc_dir_entry* proc_create_data(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                                      const struct proc_ops* operations, void* data) {
  return kmem_driver_proc_create(name, mode, parent, operations, data);
}
static inline struct proc_dir_entry* proc_create_data(const char* name, umode_t mode, struct proc_dir_entry* parent,
                                                      const struct file_operations* operations, void* data) {
  return kmem_driver_proc_create_fops(name, mode, parent, operations, data);
}
#else
#define proc_create_data(name, mode, parent, operations, data) \
  _Generic((operations), const struct proc_ops*: kmem_driver_proc_create,     \
           struct proc_ops*: kmem_driver_proc_create,                         \
           const struct file_operations*: kmem_driver_proc_create_fops,       \
           struct file_operations*: kmem_driver_proc_create_fops)(name, mode, parent, operations, data)
#endif
#define proc_create(name, mode, parent, operations) proc_create_data(name, mode, parent, operations, NULL)
#endif
