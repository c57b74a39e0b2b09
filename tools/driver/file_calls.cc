// Calls on open files: read, write, ioctl and the like.

#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <vector>

#include "mappings.h"
#include "request.h"

namespace kmem::driver_host {
namespace {

void* pointer(unsigned long value) { return reinterpret_cast<void*>(value); }

/// readv() and its kin: the pieces lie in the program.
long in_pieces(const Request& r, int file, bool writes, bool at_a_place) {
  const long n = static_cast<long>(r.arg(2));
  if (n < 0 || n > IOV_MAX) return -EINVAL;
  std::vector<iovec> pieces(static_cast<size_t>(n));
  const size_t bytes = pieces.size() * sizeof(iovec);
  if (read_memory(r.pid(), pieces.data(), r.arg(1), bytes) != bytes) return -EFAULT;
  if (!at_a_place) return (writes ? kmem_driver_writev : kmem_driver_readv)(file, pieces.data(), static_cast<int>(n));
  off_t at = static_cast<off_t>(r.arg(3));
  long total = 0;
  for (const iovec& piece : pieces) {
    const long done = writes ? kmem_driver_pwrite(file, piece.iov_base, piece.iov_len, at)
                             : kmem_driver_pread(file, piece.iov_base, piece.iov_len, at);
    if (done < 0) return total ? total : done;
    total += done;
    at += done;
    if (static_cast<size_t>(done) != piece.iov_len) break;
  }
  return total;
}

/// What the driver has agreed to, the pipe is told too: signals of the file come by it (OpenFiles::signal()).
Answer also_for_pipe(long driver_said) { return driver_said < 0 ? result(driver_said) : pass(); }

/// Some commands are the kernel's own for every file.
Answer control(const Request& r, int file) {
  const unsigned command = static_cast<unsigned>(r.arg(1));
  if (command == FIOCLEX || command == FIONCLEX) return pass();
  const long said = kmem_driver_ioctl(file, command, r.arg(2));
  return command == FIOASYNC ? also_for_pipe(said) : result(said);
}

Answer flags(const Request& r, int file) {
  const int argument = r.fd(2);
  switch (r.arg(1)) {
    case F_GETFL: return result(kmem_driver_fcntl(file, F_GETFL, 0));
    case F_SETFL: return also_for_pipe(kmem_driver_fcntl(file, F_SETFL, argument));
    default: return pass();  // of the descriptor, owners and signals, and locks of whole files
  }
}

/// Two files at once; programs go on with read() and write() after this.
Answer between(const Request& r, int from, int to) {
  return r.files.find(r.pid(), r.fd(from)) || r.files.find(r.pid(), r.fd(to)) ? result(-EINVAL) : pass();
}

Answer map(const Request& r) {
  const FilePointer file = r.files.find(r.pid(), r.fd(4));
  if (!file) return pass();
  long error = -ENODEV;
  if (!r.exact || !map_file(r, r.listener, file->driver, &error)) return result(error);
  Answer done = pass();
  done.already = true;
  return done;
}

Answer on_file(const Request& r, int file) {
  const auto place = static_cast<off_t>(r.arg(3));
  switch (r.what.data.nr) {
    case SYS_read: return result(kmem_driver_read(file, pointer(r.arg(1)), r.arg(2)));
    case SYS_write: return result(kmem_driver_write(file, pointer(r.arg(1)), r.arg(2)));
    case SYS_pread64: return result(kmem_driver_pread(file, pointer(r.arg(1)), r.arg(2), place));
    case SYS_pwrite64: return result(kmem_driver_pwrite(file, pointer(r.arg(1)), r.arg(2), place));
    case SYS_readv: return result(in_pieces(r, file, false, false));
    case SYS_writev: return result(in_pieces(r, file, true, false));
    case SYS_preadv: return result(in_pieces(r, file, false, true));
    case SYS_pwritev: return result(in_pieces(r, file, true, true));
    case SYS_lseek: return result(kmem_driver_lseek(file, static_cast<off_t>(r.arg(1)), r.fd(2)));
    case SYS_ioctl: return control(r, file);
    case SYS_fcntl: return flags(r, file);
    case SYS_fsync: return result(kmem_driver_fsync(file));
    case SYS_fdatasync: return result(kmem_driver_fdatasync(file));
    case SYS_fallocate:
      return result(kmem_driver_fallocate(file, r.fd(1), static_cast<off_t>(r.arg(2)), static_cast<off_t>(r.arg(3))));
    case SYS_ftruncate: return result(-EINVAL);
    case SYS_fadvise64: return result(0);
    default: return pass();
  }
}

}  // namespace

Answer answer_file_call(const Request& r) {
  switch (r.what.data.nr) {
    case SYS_sendfile: return between(r, 0, 1);
    case SYS_copy_file_range:
    case SYS_splice: return between(r, 0, 2);
    case SYS_mmap: return map(r);
    case SYS_munmap: return note_unmapped(r), pass();
    default: break;
  }
  const FilePointer file = r.files.find(r.pid(), r.fd(0));
  return file ? on_file(r, file->driver) : pass();
}

}  // namespace kmem::driver_host
