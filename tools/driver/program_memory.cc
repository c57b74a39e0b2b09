#include "program_memory.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <vector>

namespace kmem::driver_host {
namespace {

using Clock = std::chrono::steady_clock;

std::string proc(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

std::string read_link(const std::string& path) {
  char to[PATH_MAX];
  const ssize_t n = readlink(path.c_str(), to, sizeof to);
  return n > 0 ? std::string(to, static_cast<size_t>(n)) : std::string();
}

/// The number behind a word of /proc/PID/status.
template <typename Take>
void each_line(pid_t pid, Take take) {
  std::ifstream file(proc(pid, "status"));
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t value = line.find_first_not_of(" \t", colon + 1);
    take(line.substr(0, colon), value == std::string::npos ? "" : line.c_str() + value);
  }
}

unsigned hex_pair(const char* text, int nth) {
  unsigned long values[2] = {};
  if (std::sscanf(text, "%lu %lu", &values[0], &values[1]) != 2) return 0;
  return static_cast<unsigned>(values[nth]);
}

/// Behind the name, which may have any characters: state, parent, group, session, terminal.
unsigned terminal_of(pid_t pid) {
  std::ifstream file(proc(pid, "stat"));
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  unsigned terminal = 0;
  if (name_end != std::string::npos) std::sscanf(line.c_str() + name_end + 1, " %*c %*d %*d %*d %u", &terminal);
  return terminal;
}

kmem_driver_caller ask(pid_t pid) {
  kmem_driver_caller c = {};
  c.tty = terminal_of(pid);
  c.pid = c.tgid = pid;
  each_line(pid, [&c](const std::string& name, const char* value) {
    if (name == "Name") std::strncpy(c.comm, value, sizeof c.comm - 1);
    else if (name == "Tgid") c.tgid = std::atoi(value);
    else if (name == "Uid") c.uid = hex_pair(value, 0), c.euid = hex_pair(value, 1);
    else if (name == "Gid") c.gid = hex_pair(value, 0), c.egid = hex_pair(value, 1);
    else if (name == "CapEff") c.capabilities = std::strtoull(value, nullptr, 16);
  });
  return c;
}

std::string normal(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == ".." && !parts.empty()) parts.pop_back();
    else if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    at = end + 1;
  }
  std::string whole;
  for (const std::string& part : parts) whole += "/" + part;
  return whole.empty() ? "/" : whole;
}

}  // namespace

size_t read_memory(pid_t pid, void* to, unsigned long from, size_t n) {
  const iovec here = {to, n}, there = {reinterpret_cast<void*>(from), n};
  const ssize_t done = process_vm_readv(pid, &here, 1, &there, 1, 0);
  return done < 0 ? 0 : static_cast<size_t>(done);
}

size_t write_memory(pid_t pid, unsigned long to, const void* from, size_t n) {
  const iovec here = {const_cast<void*>(from), n}, there = {reinterpret_cast<void*>(to), n};
  const ssize_t done = process_vm_writev(pid, &here, 1, &there, 1, 0);
  return done < 0 ? 0 : static_cast<size_t>(done);
}

bool read_path(pid_t pid, unsigned long from, std::string* path) {
  char part[256];
  path->clear();
  while (path->size() < PATH_MAX) {
    constexpr unsigned long kPage = 4096;
    const unsigned long at = from + path->size();
    const size_t n = read_memory(pid, part, at, std::min<size_t>(sizeof part, kPage - at % kPage));
    if (!n) return false;
    const void* end = std::memchr(part, 0, n);
    path->append(part, end ? static_cast<size_t>(static_cast<const char*>(end) - part) : n);
    if (end) return true;
  }
  return false;
}

std::string resolve(pid_t pid, int folder, const std::string& path) {
  if (path.empty()) return {};
  if (path[0] == '/') return normal(path);
  const std::string from =
      folder == AT_FDCWD ? read_link(proc(pid, "cwd")) : read_link(proc(pid, "fd/") + std::to_string(folder));
  return from.empty() || from[0] != '/' ? std::string() : normal(from + "/" + path);
}

unsigned long pipe_number(pid_t pid, int fd) {
  char path[64], to[64];
  std::snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  const ssize_t n = readlink(path, to, sizeof to - 1);
  if (n < 7) return 0;
  to[n] = 0;
  return std::strncmp(to, "pipe:[", 6) ? 0 : std::strtoul(to + 6, nullptr, 10);
}

int copy_descriptor(pid_t process, int fd) {
  const long pidfd = syscall(SYS_pidfd_open, process, 0);
  if (pidfd < 0) return -1;
  const long copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
  ::close(static_cast<int>(pidfd));
  return static_cast<int>(copy);
}

kmem_driver_caller who_is(pid_t pid, bool surely_now) {
  struct Known {
    kmem_driver_caller who;
    Clock::time_point at;
  };
  static std::mutex mutex;
  static std::map<pid_t, Known> known;
  constexpr auto kMoment = std::chrono::milliseconds(100);
  const auto now = Clock::now();
  {
    const std::lock_guard lock(mutex);
    const auto found = known.find(pid);
    if (!surely_now && found != known.end() && now - found->second.at < kMoment) return found->second.who;
  }
  const kmem_driver_caller who = ask(pid);
  const std::lock_guard lock(mutex);
  if (known.size() > 1000) known.clear();
  known[pid] = {who, now};
  return who;
}

Signals signals_of(pid_t pid) {
  Signals s;
  each_line(pid, [&s](const std::string& name, const char* value) {
    const unsigned long bits = std::strtoul(value, nullptr, 16);
    if (name == "SigPnd" || name == "ShdPnd") s.pending |= bits;
    else if (name == "SigBlk") s.blocked = bits;
  });
  return s;
}

}  // namespace kmem::driver_host
