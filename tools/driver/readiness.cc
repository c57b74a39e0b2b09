#include "readiness.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kmem::driver_host {
namespace {

/// Any context: a write of 8 bytes to a counter, which never waits.
void woken(void*) {
  const unsigned long one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_ups(), &one, sizeof one);
}

}  // namespace

int wake_ups() {
  static const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return fd;
}

Readiness::Readiness(int driver) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends)) return;
  // Few bytes fill it where the driver takes none.
  const int little = 4608;
  setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
  shown_ = ends[0];
  other_ = ends[1];
  wake_ups();
  watch_ = kmem_driver_watch_begin(driver, woken, nullptr);
  look();
}

Readiness::~Readiness() {
  if (watch_) kmem_driver_watch_end(watch_);
  if (shown_ >= 0) ::close(shown_);
  if (other_ >= 0) ::close(other_);
}

void Readiness::look() {
  if (!watch_) return;
  const unsigned events = kmem_driver_watch_events(watch_);
  // What a socket pair cannot show is shown as something to read: the program's read then has the driver's answer.
  set_readable(events & (POLLIN | POLLRDNORM | POLLPRI | POLLHUP | POLLERR));
  set_writable(events & (POLLOUT | POLLWRNORM));
}

void Readiness::set_readable(bool to) {
  if (to == readable_) return;
  char byte = 0;
  const ssize_t n = to ? send(other_, &byte, 1, MSG_NOSIGNAL) : recv(shown_, &byte, 1, 0);
  if (n == 1) readable_ = to;
}

void Readiness::set_writable(bool to) {
  if (to == writable_) return;
  char block[4096] = {};
  if (to)
    while (recv(other_, block, sizeof block, 0) > 0) continue;
  else
    while (send(shown_, block, sizeof block, MSG_NOSIGNAL) > 0) continue;
  writable_ = to;
}

}  // namespace kmem::driver_host
