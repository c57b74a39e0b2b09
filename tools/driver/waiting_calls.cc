// poll(), select() and epoll: a driver's files among others.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include "request.h"

namespace kmem::driver_host {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kRestartNoHand = -514;  // ERESTARTNOHAND: after a handler it is EINTR
constexpr size_t kMostFiles = 65536;

/// What a program waits for: its own files as copies of them, a driver's as sockets that show their state.
class Waiting {
 public:
  Waiting(const Request& r, std::vector<pollfd>& wanted) : r_(r), wanted_(wanted), real_(wanted) {
    for (size_t i = 0; i < wanted_.size(); ++i) take(i);
  }
  ~Waiting() {
    for (const int fd : copies_) ::close(fd);
  }
  Waiting(const Waiting&) = delete;
  bool has_drivers() const { return !drivers_.empty(); }

  /// As poll(): how many are ready.  A signal of the program is seen within some milliseconds.
  int wait(int timeout_ms) {
    const auto end = Clock::now() + milliseconds(timeout_ms);
    for (;;) {
      for (const FilePointer& file : drivers_) {
        const std::lock_guard lock(file->mutex);
        if (file->readiness) file->readiness->look();
      }
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now()).count();
      const int slice = timeout_ms < 0 ? kSlice : static_cast<int>(std::clamp<long>(left, 0, kSlice));
      const int n = poll(real_.data(), real_.size(), slice);
      if (n > 0) return give(n);
      if (n < 0 && errno != EINTR) return -errno;
      if (timeout_ms >= 0 && Clock::now() >= end) return give(0);
      if (was_interrupted()) return kRestartNoHand;
    }
  }

 private:
  static constexpr int kSlice = 10;

  void take(size_t i) {
    if (wanted_[i].fd < 0) return;
    if (const FilePointer file = r_.files.find(r_.pid(), wanted_[i].fd)) {
      const std::lock_guard lock(file->mutex);
      if (!file->readiness) {
        file->readiness = std::make_unique<Readiness>(file->driver);
        r_.files.note_watched();
      }
      real_[i].fd = file->readiness->descriptor();
      drivers_.push_back(file);
      return;
    }
    if ((real_[i].fd = copy_descriptor(r_.who.tgid, wanted_[i].fd)) >= 0) copies_.push_back(real_[i].fd);
    else real_[i].fd = r_.files.invalid();
  }

  int give(int n) {
    for (size_t i = 0; i < wanted_.size(); ++i) wanted_[i].revents = wanted_[i].fd < 0 ? short{0} : real_[i].revents;
    return n;
  }

  const Request& r_;
  std::vector<pollfd>& wanted_;
  std::vector<pollfd> real_;
  std::vector<int> copies_;
  std::vector<FilePointer> drivers_;
};

bool has_a_drivers(const Request& r, const std::vector<pollfd>& files) {
  return std::any_of(files.begin(), files.end(), [&r](const pollfd& p) { return p.fd >= 0 && r.files.find(r.pid(), p.fd); });
}

/// Milliseconds, rounded up; -1 where the program gave no time.  False: it cannot be read.
template <typename Time>
bool timeout_of(const Request& r, unsigned long at, long parts_in_ms, int* ms) {
  *ms = -1;
  if (!at) return true;
  Time t;
  if (!read_value(r.pid(), at, &t)) return false;
  long parts[2];
  static_assert(sizeof parts == sizeof t);
  __builtin_memcpy(parts, &t, sizeof parts);
  *ms = static_cast<int>(std::min(parts[0] * 1000 + (parts[1] + parts_in_ms - 1) / parts_in_ms, 1'000'000'000l));
  return true;
}

Answer do_poll(const Request& r) {
  const size_t n = r.arg(1);
  if (n > kMostFiles) return pass();
  std::vector<pollfd> files(n);
  const size_t bytes = n * sizeof(pollfd);
  if (read_memory(r.pid(), files.data(), r.arg(0), bytes) != bytes || !has_a_drivers(r, files)) return pass();
  int timeout = r.fd(2);
  if (r.what.data.nr == SYS_ppoll && !timeout_of<timespec>(r, r.arg(2), 1'000'000, &timeout)) return result(-EFAULT);
  const int ready = Waiting(r, files).wait(timeout);
  if (ready >= 0 && write_memory(r.pid(), r.arg(0), files.data(), bytes) != bytes) return result(-EFAULT);
  return result(ready);
}

struct Sets {
  fd_set set[3] = {};
  bool given[3] = {};
};

bool read_sets(const Request& r, size_t bytes, Sets* sets) {
  for (int k = 0; k < 3; ++k) {
    sets->given[k] = r.arg(1 + k) != 0;
    if (sets->given[k] && read_memory(r.pid(), &sets->set[k], r.arg(1 + k), bytes) != bytes) return false;
  }
  return true;
}

constexpr short kAsks[] = {POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM, POLLPRI};
constexpr short kMeans[] = {POLLIN | POLLRDNORM | POLLHUP | POLLERR, POLLOUT | POLLWRNORM | POLLERR, POLLPRI};

std::vector<pollfd> files_in(const Sets& sets, int n) {
  std::vector<pollfd> files;
  for (int fd = 0; fd < n; ++fd) {
    short events = 0;
    for (int k = 0; k < 3; ++k)
      if (sets.given[k] && FD_ISSET(fd, &sets.set[k])) events = static_cast<short>(events | kAsks[k]);
    if (events) files.push_back({fd, events, 0});
  }
  return files;
}

/// Leaves in the sets what is ready; how many bits that is.
int keep_ready(const std::vector<pollfd>& files, Sets* sets) {
  Sets ready;
  int n = 0;
  for (const pollfd& p : files)
    for (int k = 0; k < 3; ++k) {
      if (!sets->given[k] || !FD_ISSET(p.fd, &sets->set[k]) || !(p.revents & kMeans[k])) continue;
      FD_SET(p.fd, &ready.set[k]);
      ++n;
    }
  for (int k = 0; k < 3; ++k) sets->set[k] = ready.set[k];
  return n;
}

Answer do_select(const Request& r) {
  const int n = r.fd(0);
  if (n < 0 || n > FD_SETSIZE) return pass();
  const size_t bytes = (static_cast<size_t>(n) + 63) / 64 * 8;
  Sets sets;
  if (!read_sets(r, bytes, &sets)) return pass();
  std::vector<pollfd> files = files_in(sets, n);
  if (!has_a_drivers(r, files)) return pass();
  int timeout;
  const bool has_time = r.what.data.nr == SYS_pselect6 ? timeout_of<timespec>(r, r.arg(4), 1'000'000, &timeout)
                                                       : timeout_of<timeval>(r, r.arg(4), 1000, &timeout);
  if (!has_time) return result(-EFAULT);
  const int ready = Waiting(r, files).wait(timeout);
  if (ready < 0) return result(ready);
  for (const pollfd& p : files)
    if (p.revents & POLLNVAL) return result(-EBADF);
  const int bits = keep_ready(files, &sets);
  for (int k = 0; k < 3; ++k)
    if (sets.given[k] && write_memory(r.pid(), r.arg(1 + k), &sets.set[k], bytes) != bytes) return result(-EFAULT);
  return result(bits);
}

/// The program's epoll gets the socket that shows the file's state: the kernel does the waiting.
Answer do_epoll_ctl(const Request& r) {
  const FilePointer file = r.files.find(r.pid(), r.fd(2));
  if (!file) return pass();
  epoll_event event = {};
  if (r.arg(3) && !read_value(r.pid(), r.arg(3), &event)) return result(-EFAULT);
  const int epoll = copy_descriptor(r.who.tgid, r.fd(0));
  if (epoll < 0) return result(-errno);
  const std::lock_guard lock(file->mutex);
  if (!file->readiness) {
    file->readiness = std::make_unique<Readiness>(file->driver);
    r.files.note_watched();
  }
  const int error = epoll_ctl(epoll, r.fd(1), file->readiness->descriptor(), &event) ? -errno : 0;
  ::close(epoll);
  return result(error);
}

}  // namespace

Answer answer_waiting_call(const Request& r) {
  switch (r.what.data.nr) {
    case SYS_epoll_ctl: return do_epoll_ctl(r);
#ifdef SYS_poll
    case SYS_poll: return do_poll(r);
    case SYS_select: return do_select(r);
#endif
    case SYS_ppoll: return do_poll(r);
    case SYS_pselect6: return do_select(r);
    default: return pass();
  }
}

}  // namespace kmem::driver_host
