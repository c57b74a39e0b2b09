// Helpers for file operations: seeks, simple reads and writes, signals, numbers as files.

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kmem/driver.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fs/files.h"
#include "host/host.h"
#include "sync/quiet_lock.h"

namespace {

using kmem_driver::Guard;
using kmem_driver::QuietLock;
using kmem_driver::Quietly;

loff_t seek_to(file* f, loff_t offset, int whence, loff_t end, loff_t most) {
  switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: offset += __atomic_load_n(&f->f_pos, __ATOMIC_RELAXED); break;
    case SEEK_END:
      if (end < 0) return -EINVAL;
      offset += end;
      break;
    case SEEK_DATA:
      if (offset < 0 || offset >= end) return -ENXIO;
      break;
    case SEEK_HOLE:
      if (offset < 0 || offset >= end) return -ENXIO;
      offset = end;
      break;
    default: return -EINVAL;
  }
  if (offset < 0 || offset > most) return -EINVAL;
  __atomic_store_n(&f->f_pos, offset, __ATOMIC_RELAXED);
  return offset;
}

constinit QuietLock async_lock;
void (*notify)(int, int, int, int) = nullptr;

void send(int owner, int signal, int fd, int band) {
  if (notify) return notify(owner, signal, fd, band);
  if (owner) kmem_driver::host::send_signal(owner, signal);
}

/// A number as a file.
struct SimpleAttribute {
  int (*get)(void*, u64*);
  int (*set)(void*, u64);
  void* data;
  const char* format;
  char text[32];
  struct mutex lock;
};

ssize_t write_number(file* f, const char* buffer, size_t n, bool is_signed) {
  auto* a = static_cast<SimpleAttribute*>(f->private_data);
  if (!a->set) return -EACCES;
  char text[32];
  const size_t size = n < sizeof(text) - 1 ? n : sizeof(text) - 1;
  if (copy_from_user(text, buffer, size)) return -EFAULT;
  text[size] = 0;
  char* end;
  errno = 0;
  const u64 value = is_signed ? static_cast<u64>(strtoll(text, &end, 0)) : strtoull(text, &end, 0);
  if (end == text || (*end && *end != '\n') || (!is_signed && text[0] == '-')) return -EINVAL;
  if (errno) return -ERANGE;
  mutex_lock(&a->lock);
  const int error = a->set(a->data, value);
  mutex_unlock(&a->lock);
  return error ? error : static_cast<ssize_t>(n);
}

}  // namespace

extern "C" {

loff_t default_llseek(file* f, loff_t offset, int whence) noexcept {
  return seek_to(f, offset, whence, i_size_read(f->f_inode), LLONG_MAX);
}
loff_t generic_file_llseek(file* f, loff_t offset, int whence) noexcept { return default_llseek(f, offset, whence); }
loff_t noop_llseek(file* f, loff_t, int) noexcept { return __atomic_load_n(&f->f_pos, __ATOMIC_RELAXED); }
loff_t no_llseek(file*, loff_t, int) noexcept { return -ESPIPE; }
loff_t fixed_size_llseek(file* f, loff_t offset, int whence, loff_t size) noexcept {
  return whence > SEEK_END ? -EINVAL : seek_to(f, offset, whence, size, size);
}
loff_t no_seek_end_llseek(file* f, loff_t offset, int whence) noexcept {
  return whence > SEEK_CUR ? -EINVAL : seek_to(f, offset, whence, -1, LLONG_MAX);
}

long compat_ptr_ioctl(file* f, unsigned command, unsigned long argument) noexcept {
  return f->f_op->unlocked_ioctl ? f->f_op->unlocked_ioctl(f, command, static_cast<u32>(argument)) : -ENOIOCTLCMD;
}

int nonseekable_open(inode*, file* f) noexcept {
  f->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE);
  return 0;
}
int stream_open(inode*, file* f) noexcept {
  f->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE);
  f->f_mode |= FMODE_STREAM;
  return 0;
}
int simple_open(inode* inode, file* f) noexcept {
  if (inode->i_private) f->private_data = inode->i_private;
  return 0;
}

ssize_t simple_read_from_buffer(void* to, size_t n, loff_t* position, const void* from, size_t available) noexcept {
  const loff_t at = *position;
  if (at < 0) return -EINVAL;
  if (static_cast<size_t>(at) >= available || !n) return 0;
  if (n > available - static_cast<size_t>(at)) n = available - static_cast<size_t>(at);
  const size_t left = copy_to_user(to, static_cast<const char*>(from) + at, n);
  if (left == n) return -EFAULT;
  *position = at + static_cast<loff_t>(n - left);
  return static_cast<ssize_t>(n - left);
}

ssize_t simple_write_to_buffer(void* to, size_t available, loff_t* position, const void* from, size_t n) noexcept {
  const loff_t at = *position;
  if (at < 0) return -EINVAL;
  if (static_cast<size_t>(at) >= available || !n) return 0;
  if (n > available - static_cast<size_t>(at)) n = available - static_cast<size_t>(at);
  const size_t left = raw_copy_from_user(static_cast<char*>(to) + at, from, n);
  if (left == n) return -EFAULT;
  *position = at + static_cast<loff_t>(n - left);
  return static_cast<ssize_t>(n - left);
}

int fasync_helper(int fd, file* f, int on, fasync_struct** list) noexcept {
  fasync_struct* fresh = on ? static_cast<fasync_struct*>(kzalloc(sizeof(fasync_struct), GFP_KERNEL)) : nullptr;
  if (on && !fresh) return -ENOMEM;
  fasync_struct* old = nullptr;
  {
    Quietly hold(async_lock);
    fasync_struct** at = list;
    while (*at && (*at)->fa_file != f) at = &(*at)->fa_next;
    old = *at;
    if (on && !old) {
      fresh->fa_file = f;
      fresh->fa_fd = fd;
      fresh->fa_next = *list;
      *list = fresh;
      fresh = nullptr;
      f->f_flags |= O_ASYNC;
    } else if (on) {
      old->fa_fd = fd;
    } else if (old) {
      *at = old->fa_next;
      f->f_flags &= ~unsigned{O_ASYNC};
    }
  }
  if (!on) kfree(old);
  kfree(fresh);
  return on ? old == nullptr : old != nullptr;
}

void kill_fasync(fasync_struct** list, int signal, int band) noexcept {
  Quietly hold(async_lock);
  for (fasync_struct* a = *list; a; a = a->fa_next) send(a->fa_file->f_owner.kmem_pid, signal, a->fa_fd, band);
}

void kmem_driver_on_async(void (*to)(int, int, int, int)) noexcept { notify = to; }

int simple_attr_open(inode* inode, file* f, int (*get)(void*, u64*), int (*set)(void*, u64), const char* format) noexcept {
  auto* a = static_cast<SimpleAttribute*>(kzalloc(sizeof(SimpleAttribute), GFP_KERNEL));
  if (!a) return -ENOMEM;
  a->get = get;
  a->set = set;
  a->data = inode->i_private;
  a->format = format;
  mutex_init(&a->lock);
  f->private_data = a;
  return nonseekable_open(inode, f);
}

int simple_attr_release(inode*, file* f) noexcept {
  kfree(f->private_data);
  return 0;
}

ssize_t simple_attr_read(file* f, char* buffer, size_t n, loff_t* position) noexcept {
  auto* a = static_cast<SimpleAttribute*>(f->private_data);
  if (!a->get) return -EACCES;
  mutex_lock(&a->lock);
  int error = 0;
  if (!*position || !a->text[0]) {
    u64 value;
    error = a->get(a->data, &value);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (!error) snprintf(a->text, sizeof(a->text), a->format, static_cast<unsigned long long>(value));
#pragma GCC diagnostic pop
  }
  const ssize_t done = error ? error : simple_read_from_buffer(buffer, n, position, a->text, strlen(a->text));
  mutex_unlock(&a->lock);
  return done;
}

ssize_t simple_attr_write(file* f, const char* buffer, size_t n, loff_t*) noexcept { return write_number(f, buffer, n, false); }
ssize_t simple_attr_write_signed(file* f, const char* buffer, size_t n, loff_t*) noexcept {
  return write_number(f, buffer, n, true);
}

}  // extern "C"
