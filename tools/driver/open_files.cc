#include "open_files.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "program_memory.h"

namespace kmem::driver_host {

OpenFiles::OpenFiles() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

int OpenFiles::add(int driver, const NodeFacts& node) {
  int ends[2];
  struct stat about {};
  if (pipe2(ends, O_CLOEXEC) || fstat(ends[0], &about)) {
    kmem_driver_close(driver);
    return -1;
  }
  const auto file = std::make_shared<OpenFile>();
  file->driver = driver;
  file->ours = ends[1];
  file->node = node;
  const std::lock_guard lock(mutex_);
  files_[about.st_ino] = file;
  ++nr_;
  epoll_event told = {};  // an error comes unasked: nobody has the other end
  told.data.u64 = about.st_ino;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, ends[1], &told);
  return ends[0];
}

FilePointer OpenFiles::find(pid_t pid, int fd) {
  if (none() || fd < 0) return nullptr;
  const unsigned long number = pipe_number(pid, fd);
  if (!number) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(number);
  return found == files_.end() ? nullptr : found->second;
}

size_t OpenFiles::count() {
  const std::lock_guard lock(mutex_);
  return files_.size();
}

void OpenFiles::close_if_unused(unsigned long number) {
  FilePointer file;
  {
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(number);
    if (found == files_.end()) return;
    pollfd still = {found->second->ours, 0, 0};
    if (poll(&still, 1, 0) < 1 || !(still.revents & POLLERR)) return;
    file = found->second;
    files_.erase(found);
    --nr_;
  }
  ::close(file->ours);
  {
    const std::lock_guard lock(file->mutex);
    if (file->readiness) --nr_watched_;
    file->readiness.reset();
  }
  kmem_driver_close(file->driver);
}

/// Owners (F_SETOWN), other signals (F_SETSIG) and rights are the kernel's business: the program has asked for signals of the
/// pipe that stands for the file, and something to read there makes the kernel send them.  It is taken out again at once.
void OpenFiles::signal(int driver) {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, file] : files_) {
    if (file->driver != driver) continue;
    char path[32], byte = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->ours);
    const int reader = ::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (reader < 0) return;
    if (::write(file->ours, &byte, 1) == 1) [[maybe_unused]]
      const ssize_t n = ::read(reader, &byte, 1);
    ::close(reader);
    return;
  }
}

void OpenFiles::reap(bool wait) {
  epoll_event events[32];
  pollfd any = {epoll_, POLLIN, 0};
  if (wait) poll(&any, 1, -1);
  // Who opens a file next finds those closed that were closed before.
  const std::lock_guard lock(reap_mutex_);
  const int n = epoll_wait(epoll_, events, 32, 0);
  for (int i = 0; i < n; ++i) close_if_unused(events[i].data.u64);
}

void OpenFiles::look_at_all() {
  if (!nr_watched_) return;
  std::vector<FilePointer> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, file] : files_) all.push_back(file);
  }
  for (const FilePointer& file : all) {
    const std::lock_guard lock(file->mutex);
    if (file->readiness) file->readiness->look();
  }
}

}  // namespace kmem::driver_host
