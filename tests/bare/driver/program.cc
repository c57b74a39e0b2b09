// What a program calls, for one that is linked into the kernel: files are the driver's, as libkmem-driver has them.

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <kmem/driver.h>

#include "bare.h"
#include "base/format.h"

namespace {

/// The C library's way to tell an error.
template <typename T>
T told(T result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace

extern "C" {

FILE* stderr = nullptr;

int open(const char* path, int flags, ...) { return told(kmem_driver_open(path, flags)); }
int close(int fd) { return told(kmem_driver_close(fd)); }
ssize_t pread(int fd, void* to, size_t n, off_t at) { return told(kmem_driver_pread(fd, to, n, at)); }
ssize_t pwrite(int fd, const void* from, size_t n, off_t at) { return told(kmem_driver_pwrite(fd, from, n, at)); }
int ioctl(int fd, unsigned long command, ...) noexcept {
  va_list arguments;
  va_start(arguments, command);
  const auto argument = va_arg(arguments, unsigned long);
  va_end(arguments);
  return static_cast<int>(told(kmem_driver_ioctl(fd, static_cast<unsigned>(command), argument)));
}

int puts(const char* text) { return bare::say("# %s\n", text), 0; }
int fprintf(FILE*, const char* format, ...) {
  kmem::TextOf<256> text;
  va_list arguments;
  va_start(arguments, format);
  text.vprintf(format, arguments);
  va_end(arguments);
  bare::put(text.data(), text.size());
  return static_cast<int>(text.size());
}
/// A program that has found something wrong ends the machine.
void exit(int status) { bare::end_machine(status); }

}  // extern "C"
