// Reports of memory pressure by systemd's protocol for services: MEMORY_PRESSURE_WATCH names a file of pressure stall
// information (or a FIFO, or a socket), MEMORY_PRESSURE_WRITE the text to write to it, in base64.

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {
namespace {

/// Numbers below are left to the program: some expect the next open() to be 3.
constexpr int kFirstFd = 100;

struct Source {
  int fd = -1;
  short events = 0;
  dev_t device = 0;  // identity of the file when it was opened: programs may close descriptors that are not theirs
  ino_t inode = 0;
  pid_t owner = 0;
};
Source source;
uint32_t busy;  // the process number; one thread at a time, the others get "no report"

int digit_of(char c) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char* at = c ? strchr(kDigits, c) : nullptr;
  return at ? static_cast<int>(at - kDigits) : -1;
}

/// Stops at the first invalid character.
size_t decode(const char* text, char* out, size_t room) {
  size_t n = 0;
  unsigned bits = 0, nr_bits = 0;
  for (int digit; n < room && (digit = digit_of(*text)) >= 0; ++text) {
    bits = bits << 6 | static_cast<unsigned>(digit);
    nr_bits += 6;
    if (nr_bits < 8) continue;
    nr_bits -= 8;
    out[n++] = static_cast<char>(bits >> nr_bits);
  }
  return n;
}

int open_socket(const char* path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || !connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address)) return fd;
  close(fd);
  return -1;
}

bool open_source() {
  const char* path = secure_getenv("MEMORY_PRESSURE_WATCH");
  const char* data = secure_getenv("MEMORY_PRESSURE_WRITE");
  struct stat what;
  source = {};
  if (!path || path[0] != '/' || !strcmp(path, "/dev/null") || stat(path, &what)) return false;
  const bool fifo = S_ISFIFO(what.st_mode), stream = S_ISSOCK(what.st_mode);
  const int first = stream ? open_socket(path) : open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (first < 0) return false;
  const int fd = fcntl(first, F_DUPFD_CLOEXEC, kFirstFd);
  if (fd >= 0) close(first);
  source.fd = fd >= 0 ? fd : first;
  char decoded[512];
  const size_t n = data && !fifo ? decode(data, decoded, sizeof decoded) : 0;
  const bool armed = !n || write(source.fd, decoded, n) == static_cast<ssize_t>(n);
  if (!armed || fstat(source.fd, &what)) {
    close(source.fd);
    source = {};
    return false;
  }
  source.events = fifo || stream ? POLLIN : POLLPRI;
  source.device = what.st_dev;
  source.inode = what.st_ino;
  source.owner = static_cast<pid_t>(kmem_port_process_id());
  return true;
}

// A forked child opens its own: an event that it consumed would be lost to its parent.
bool have_source() {
  struct stat what;
  const bool same = source.fd >= 0 && !fstat(source.fd, &what) && what.st_dev == source.device && what.st_ino == source.inode;
  if (same && source.owner == static_cast<pid_t>(kmem_port_process_id())) return true;
  if (same) close(source.fd);
  return source.owner && open_source();
}

bool ask(int timeout_ms) {
  if (!have_source()) return false;
  pollfd one = {source.fd, source.events, 0};
  if (poll(&one, 1, timeout_ms) <= 0) return false;
  if (one.revents & (POLLERR | POLLHUP | POLLNVAL)) {
    close(source.fd);
    source = {};
    return false;
  }
  // In a FIFO or socket every byte is an event; bytes that arrive together are treated as one.
  char bytes[256];
  while (source.events == POLLIN && read(source.fd, bytes, sizeof bytes) == sizeof bytes) {
  }
  return one.revents & source.events;
}

}  // namespace
}  // namespace linux_port

extern "C" {

bool kmem_port_watch_pressure() {
  const linux_port::KeepErrno keep;
  return linux_port::open_source();
}

bool kmem_port_pressure(uint64_t wait_ns) {
  const linux_port::KeepErrno keep;
  // In a forked child the busy thread may be one of its parent.
  uint32_t who = 0;
  const auto self = kmem_port_process_id();
  while (!__atomic_compare_exchange_n(&linux_port::busy, &who, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    if (who == self) return false;
  const bool said = linux_port::ask(wait_ns == kmem::kForever ? -1 : static_cast<int>(wait_ns / 1000000));
  __atomic_store_n(&linux_port::busy, 0, __ATOMIC_RELEASE);
  return said;
}
}
