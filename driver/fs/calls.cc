// Calls of open files: read, write, seek, ioctl, fcntl and the like.

#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#include <kmem/driver.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "fs/files.h"

namespace {

using namespace kmem_driver;

constexpr size_t kMostAtOnce = INT_MAX & ~4095ul;

/// Char devices have no lock for the position: tasks that share a file race for it.
loff_t position_of(const file* f) { return __atomic_load_n(&f->f_pos, __ATOMIC_RELAXED); }
void set_position(file* f, loff_t at) { __atomic_store_n(&f->f_pos, at, __ATOMIC_RELAXED); }

struct Synchronous {
  kiocb iocb;
  ssize_t result;
  bool done;
};
void completes(kiocb* iocb, long result) {
  auto* s = container_of(iocb, Synchronous, iocb);
  s->result = result;
  __atomic_store_n(&s->done, true, __ATOMIC_SEQ_CST);
  wake_up_process(static_cast<task_struct*>(iocb->private_));
}

/// Calls read_iter() or write_iter(), and waits if the operation completes asynchronously.
ssize_t by_iterator(file* f, iov_iter* iter, loff_t* at, bool writes) {
  Synchronous s = {};
  s.iocb.ki_filp = f;
  s.iocb.ki_pos = *at;
  s.iocb.ki_complete = completes;
  s.iocb.private_ = get_current();
  s.iocb.ki_flags = (f->f_flags & O_NONBLOCK ? IOCB_NOWAIT : 0) | (writes && (f->f_flags & O_APPEND) ? IOCB_APPEND : 0);
  ssize_t n = writes ? f->f_op->write_iter(&s.iocb, iter) : f->f_op->read_iter(&s.iocb, iter);
  if (n == -EIOCBQUEUED) {
    for (;;) {
      set_current_state(TASK_UNINTERRUPTIBLE);
      if (__atomic_load_n(&s.done, __ATOMIC_SEQ_CST)) break;
      schedule();
    }
    __set_current_state(TASK_RUNNING);
    n = s.result;
  }
  *at = s.iocb.ki_pos;
  return n;
}

bool may(const file* f, bool writes) { return (f->f_mode & (writes ? FMODE_WRITE : FMODE_READ)) != 0; }

ssize_t transfer(file* f, void* buffer, size_t n, loff_t* at, bool writes) {
  if (!may(f, writes)) return -EBADF;
  if (static_cast<ssize_t>(n) < 0) return -EINVAL;
  if (n > kMostAtOnce) n = kMostAtOnce;
  const file_operations& op = *f->f_op;
  if (writes && op.write) return op.write(f, static_cast<const char*>(buffer), n, at);
  if (!writes && op.read) return op.read(f, static_cast<char*>(buffer), n, at);
  if (writes ? !op.write_iter : !op.read_iter) return -EINVAL;
  iov_iter iter;
  iov_iter_ubuf(&iter, writes ? ITER_SOURCE : ITER_DEST, buffer, n);
  return by_iterator(f, &iter, at, writes);
}

ssize_t transfer_here(int fd, void* buffer, size_t n, bool writes) {
  Call f(fd);
  if (!f) return f.error();
  loff_t at = position_of(f.get());
  const ssize_t done = transfer(f.get(), buffer, n, &at, writes);
  if (done >= 0) set_position(f.get(), at);
  return Call::seen(done);
}

ssize_t transfer_at(int fd, void* buffer, size_t n, loff_t at, bool writes) {
  if (at < 0) return -EINVAL;
  Call f(fd);
  if (!f) return f.error();
  if (!(f->f_mode & (writes ? FMODE_PWRITE : FMODE_PREAD))) return -ESPIPE;
  return Call::seen(transfer(f.get(), buffer, n, &at, writes));
}

ssize_t total_of(const iovec* pieces, int n) {
  size_t total = 0;
  for (int i = 0; i < n; ++i) {
    if (static_cast<ssize_t>(pieces[i].iov_len) < 0) return -EINVAL;
    total += pieces[i].iov_len;
  }
  return static_cast<ssize_t>(total);
}

/// Piece by piece, as the kernel does for operations without an iterator.
ssize_t piecewise(file* f, const iovec* pieces, int n, loff_t* at, bool writes) {
  ssize_t total = 0;
  for (int i = 0; i < n; ++i) {
    const ssize_t done = transfer(f, pieces[i].iov_base, pieces[i].iov_len, at, writes);
    if (done < 0) return total ? total : done;
    total += done;
    if (static_cast<size_t>(done) != pieces[i].iov_len) break;
  }
  return total;
}

ssize_t transfer_pieces(int fd, const iovec* pieces, int n, bool writes) {
  if (n < 0 || n > IOV_MAX) return -EINVAL;
  const ssize_t bytes = total_of(pieces, n);
  if (bytes < 0) return bytes;
  Call f(fd);
  if (!f) return f.error();
  if (!may(f.get(), writes)) return -EBADF;
  loff_t at = position_of(f.get());
  ssize_t done;
  if (writes ? f->f_op->write_iter != nullptr : f->f_op->read_iter != nullptr) {
    iov_iter iter;
    iov_iter_init(&iter, writes ? ITER_SOURCE : ITER_DEST, pieces, static_cast<size_t>(n), static_cast<size_t>(bytes));
    done = by_iterator(f.get(), &iter, &at, writes);
  } else {
    done = piecewise(f.get(), pieces, n, &at, writes);
  }
  if (done >= 0) set_position(f.get(), at);
  return Call::seen(done);
}

/// fasync_helper() of the driver sets O_ASYNC, so a file whose driver sends no signals never has it.
int set_async(file* f, int fd, bool on, int error_without) {
  if (on == ((f->f_flags & O_ASYNC) != 0)) return 0;
  const int result = f->f_op->fasync ? f->f_op->fasync(fd, f, on) : error_without;
  return result < 0 ? result : 0;
}

int set_flags(file* f, int fd, int flags) {
  constexpr unsigned kSettable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
  const unsigned wanted = static_cast<unsigned>(flags) & kSettable;
  if (f->f_op->check_flags)
    if (const int error = f->f_op->check_flags(flags)) return error;
  if (const int error = set_async(f, fd, (flags & O_ASYNC) != 0, 0)) return error;
  f->f_flags = (f->f_flags & ~kSettable) | wanted;
  return 0;
}

/// What the kernel answers for every file.
int switch_flag(file* f, int fd, unsigned command, unsigned long argument) {
  int on;
  if (get_user(on, reinterpret_cast<int*>(argument))) return -EFAULT;
  if (command == FIOASYNC) return set_async(f, fd, on, -ENOTTY);
  f->f_flags = on ? f->f_flags | O_NONBLOCK : f->f_flags & ~unsigned{O_NONBLOCK};
  return 0;
}

int sync(int fd, int only_data) {
  Call f(fd);
  if (!f) return f.error();
  return static_cast<int>(Call::seen(f->f_op->fsync ? f->f_op->fsync(f.get(), 0, LLONG_MAX, only_data) : -EINVAL));
}

}  // namespace

extern "C" {

ssize_t kmem_driver_read(int fd, void* buffer, size_t n) noexcept { return transfer_here(fd, buffer, n, false); }
ssize_t kmem_driver_write(int fd, const void* buffer, size_t n) noexcept {
  return transfer_here(fd, const_cast<void*>(buffer), n, true);
}
ssize_t kmem_driver_pread(int fd, void* buffer, size_t n, off_t at) noexcept { return transfer_at(fd, buffer, n, at, false); }
ssize_t kmem_driver_pwrite(int fd, const void* buffer, size_t n, off_t at) noexcept {
  return transfer_at(fd, const_cast<void*>(buffer), n, at, true);
}
ssize_t kmem_driver_readv(int fd, const iovec* pieces, int n) noexcept { return transfer_pieces(fd, pieces, n, false); }
ssize_t kmem_driver_writev(int fd, const iovec* pieces, int n) noexcept { return transfer_pieces(fd, pieces, n, true); }

off_t kmem_driver_lseek(int fd, off_t offset, int whence) noexcept {
  Call f(fd);
  if (!f) return f.error();
  if (whence < 0 || whence > SEEK_HOLE) return -EINVAL;
  if (!(f->f_mode & FMODE_LSEEK)) return -ESPIPE;
  return Call::seen((f->f_op->llseek ? f->f_op->llseek : default_llseek)(f.get(), offset, whence));
}

long kmem_driver_ioctl(int fd, unsigned command, unsigned long argument) noexcept {
  Call f(fd);
  if (!f) return f.error();
  if (command == FIONBIO || command == FIOASYNC) return Call::seen(switch_flag(f.get(), fd, command, argument));
  long result = -ENOTTY;
  if (f->f_op->unlocked_ioctl) result = f->f_op->unlocked_ioctl(f.get(), command, argument);
  else if (f->f_op->ioctl) result = f->f_op->ioctl(f->f_inode, f.get(), command, argument);
  return Call::seen(result == -ENOIOCTLCMD ? -ENOTTY : result);
}

int kmem_driver_fcntl(int fd, int command, long argument) noexcept {
  Call f(fd);
  if (!f) return f.error();
  switch (command) {
    case F_DUPFD: return kmem_driver_dup(fd);
    case F_GETFL: return static_cast<int>(f->f_flags);
    case F_SETFL: return static_cast<int>(Call::seen(set_flags(f.get(), fd, static_cast<int>(argument))));
    case F_GETOWN: return f->f_owner.kmem_pid;
    case F_SETOWN: return f->f_owner.kmem_pid = static_cast<int>(argument), 0;
    default: return -EINVAL;
  }
}

int kmem_driver_fsync(int fd) noexcept { return sync(fd, 0); }
int kmem_driver_fdatasync(int fd) noexcept { return sync(fd, 1); }

int kmem_driver_fallocate(int fd, int mode, off_t offset, off_t length) noexcept {
  Call f(fd);
  if (!f) return f.error();
  if (offset < 0 || length <= 0) return -EINVAL;
  if (!may(f.get(), true)) return -EBADF;
  return static_cast<int>(Call::seen(f->f_op->fallocate ? f->f_op->fallocate(f.get(), mode, offset, length) : -ENODEV));
}

}  // extern "C"
