#ifndef KMEM_LINUX_SEQ_FILE_H
#define KMEM_LINUX_SEQ_FILE_H
/* Files whose text is generated one record at a time, whatever the sizes of the reads.
 *
 * A record that does not fit is generated again with a larger buffer.  start() and stop() surround each read; a lock may be
 * held between them.  Meaning: the kernel's Documentation/filesystems/seq_file.rst. */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <stdarg.h>

struct seq_operations;
struct seq_file {
  char* buf;
  size_t size, from, count, pad_until;
  loff_t index, read_pos;
  struct mutex lock;
  const struct seq_operations* op;
  const struct file* file;
#ifdef __cplusplus
  void* private_;
#else
  void* private;
#endif
};
struct seq_operations {
  void* (*start)(struct seq_file* m, loff_t* position);
  void (*stop)(struct seq_file* m, void* record);
  void* (*next)(struct seq_file* m, void* record, loff_t* position);
  int (*show)(struct seq_file* m, void* record);
};
/** What show() returns for a record that is not shown. */
#define SEQ_SKIP 1
/** What start() returns for a header, before the first record. */
#define SEQ_START_TOKEN ((void*)1)

KMEM_BEGIN_C
KMEM_API int seq_open(struct file* file, const struct seq_operations* operations) KMEM_DRIVER_NAME(seq_open);
KMEM_API ssize_t seq_read(struct file* file, char __user* buffer, size_t n, loff_t* position) KMEM_DRIVER_NAME(seq_read);
KMEM_API ssize_t seq_read_iter(struct kiocb* iocb, struct iov_iter* to) KMEM_DRIVER_NAME(seq_read_iter);
KMEM_API loff_t seq_lseek(struct file* file, loff_t offset, int whence) KMEM_DRIVER_NAME(seq_lseek);
KMEM_API int seq_release(struct inode* inode, struct file* file) KMEM_DRIVER_NAME(seq_release);
KMEM_API int seq_release_private(struct inode* inode, struct file* file) KMEM_DRIVER_NAME(seq_release_private);
/** With a block of zeros of that size in m->private. */
KMEM_API int seq_open_private(struct file* file, const struct seq_operations* operations, int size)
    KMEM_DRIVER_NAME(seq_open_private);
KMEM_API void* __seq_open_private(struct file* file, const struct seq_operations* operations, int size)
    KMEM_DRIVER_NAME(__seq_open_private);
/** A file with one record, which show() generates; data is in m->private. */
KMEM_API int single_open(struct file* file, int (*show)(struct seq_file*, void*), void* data) KMEM_DRIVER_NAME(single_open);
KMEM_API int single_open_size(struct file* file, int (*show)(struct seq_file*, void*), void* data, size_t size)
    KMEM_DRIVER_NAME(single_open_size);
KMEM_API int single_release(struct inode* inode, struct file* file) KMEM_DRIVER_NAME(single_release);

KMEM_API void seq_printf(struct seq_file* m, const char* format, ...) KMEM_DRIVER_NAME(seq_printf) KMEM_PRINTF_LIKE(2, 3);
KMEM_API void seq_vprintf(struct seq_file* m, const char* format, va_list arguments) KMEM_DRIVER_NAME(seq_vprintf)
    KMEM_PRINTF_LIKE(2, 0);
KMEM_API void seq_puts(struct seq_file* m, const char* text) KMEM_DRIVER_NAME(seq_puts);
KMEM_API void seq_putc(struct seq_file* m, char c) KMEM_DRIVER_NAME(seq_putc);
/** 0, or -1 where it does not fit. */
KMEM_API int seq_write(struct seq_file* m, const void* data, size_t n) KMEM_DRIVER_NAME(seq_write);
KMEM_API void seq_escape(struct seq_file* m, const char* text, const char* which) KMEM_DRIVER_NAME(seq_escape);
KMEM_API void seq_put_decimal_ull(struct seq_file* m, const char* before, unsigned long long n)
    KMEM_DRIVER_NAME(seq_put_decimal_ull);
KMEM_API void seq_put_decimal_ll(struct seq_file* m, const char* before, long long n) KMEM_DRIVER_NAME(seq_put_decimal_ll);
KMEM_API void seq_hex_dump(struct seq_file* m, const char* prefix, int prefix_type, int per_line, int group, const void* bytes,
                           size_t n, bool ascii) KMEM_DRIVER_NAME(seq_hex_dump);
/** Blanks up to the width of seq_setwidth(), and a character. */
KMEM_API void seq_pad(struct seq_file* m, char c) KMEM_DRIVER_NAME(seq_pad);
static inline void seq_setwidth(struct seq_file* m, size_t width) { m->pad_until = m->count + width; }
static inline bool seq_has_overflowed(struct seq_file* m) { return m->count == m->size; }

/** The n-th entry of a list, and the next one; the _head forms return the head first. */
KMEM_API struct list_head* seq_list_start(struct list_head* head, loff_t n) KMEM_DRIVER_NAME(seq_list_start);
KMEM_API struct list_head* seq_list_start_head(struct list_head* head, loff_t n) KMEM_DRIVER_NAME(seq_list_start_head);
KMEM_API struct list_head* seq_list_next(void* entry, struct list_head* head, loff_t* n) KMEM_DRIVER_NAME(seq_list_next);
KMEM_END_C

#define DEFINE_SEQ_ATTRIBUTE(name)                                                                           \
  static int name##_open(struct inode* inode, struct file* file) {                                           \
    const int kmem_error = seq_open(file, &name##_sops);                                                     \
    if (!kmem_error && inode->i_private) ((struct seq_file*)file->private_data)->private = inode->i_private; \
    return kmem_error;                                                                                       \
  }                                                                                                          \
  static const struct file_operations name##_fops = {                                                        \
      .owner = THIS_MODULE, .llseek = seq_lseek, .read = seq_read, .open = name##_open, .release = seq_release}
#define DEFINE_SHOW_ATTRIBUTE(name)                                                                                           \
  static int name##_open(struct inode* inode, struct file* file) { return single_open(file, name##_show, inode->i_private); } \
  static const struct file_operations name##_fops = {                                                                         \
      .owner = THIS_MODULE, .llseek = seq_lseek, .read = seq_read, .open = name##_open, .release = single_release}
#define DEFINE_PROC_SHOW_ATTRIBUTE(name)                                                                                     \
  static int name##_open(struct inode* inode, struct file* file) { return single_open(file, name##_show, pde_data(inode)); } \
  static const struct proc_ops name##_proc_ops = {                                                                           \
      .proc_open = name##_open, .proc_read = seq_read, .proc_lseek = seq_lseek, .proc_release = single_release}
#endif
