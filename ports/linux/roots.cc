// The roots of the leak scan: a stopped copy of the process, and all its writable memory except kmem's.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {
namespace {

constexpr uintptr_t kPage = 4096;

struct Mapping {
  uintptr_t from = 0, to = 0;
  bool looked_into = false;  // it may hold pointers, and reading it has no side effects
  bool shared = false;
};

uintptr_t take_hex(const char*& c) {
  uintptr_t value = 0;
  for (;; ++c) {
    if (*c >= '0' && *c <= '9') value = value * 16 + static_cast<uintptr_t>(*c - '0');
    else if (*c >= 'a' && *c <= 'f') value = value * 16 + static_cast<uintptr_t>(*c - 'a' + 10);
    else return value;
  }
}

bool begins(const char* text, const char* with) { return strncmp(text, with, strlen(with)) == 0; }

/// Reading a device's memory may have side effects.
bool is_device(const char* path) {
  return (begins(path, "/dev/") && !begins(path, "/dev/zero") && !begins(path, "/dev/shm/")) || begins(path, "/sys/") ||
         begins(path, "[vvar");
}

Mapping read_mapping(const char* line) {
  Mapping m;
  m.from = take_hex(line);
  if (*line++ != '-') return m;
  m.to = take_hex(line);
  if (*line++ != ' ' || strlen(line) < 4) return m;
  m.shared = line[3] == 's';
  const char* path = strpbrk(line, "/[");
  // Larger mappings are a sanitizer's shadow, for which even the query of resident pages takes minutes.
  constexpr uintptr_t kLargest = uintptr_t{1} << 40;
  m.looked_into = line[0] == 'r' && line[1] == 'w' && !(path && is_device(path)) && m.to - m.from < kLargest;
  return m;
}

/// Finds the touched pages of private memory: untouched ones hold no pointers, and a program may have reserved very many.
class Touched {
 public:
  Touched() : fd_(syscall(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}
  ~Touched() {
    if (fd_ >= 0) syscall(SYS_close, fd_);
  }
  Touched(const Touched&) = delete;
  Touched& operator=(const Touched&) = delete;

  bool is(uintptr_t page) {
    const uintptr_t index = page / host_page;
    if (fd_ < 0) return true;
    if (index < first_ || index >= first_ + kAtOnce) load(index);
    constexpr uint64_t kPresentOrSwapped = uint64_t{3} << 62;
    return index - first_ >= nr_ || (entries_[index - first_] & kPresentOrSwapped);
  }

 private:
  static constexpr size_t kAtOnce = 512;
  void load(uintptr_t index) {
    first_ = index;
    const long n = syscall(SYS_pread64, fd_, entries_, sizeof entries_, index * sizeof *entries_);
    nr_ = n > 0 ? static_cast<size_t>(n) / sizeof *entries_ : 0;
  }
  long fd_;
  uintptr_t first_ = ~uintptr_t{0} - kAtOnce;
  size_t nr_ = 0;
  uint64_t entries_[kAtOnce];
};

struct Walk {
  void (*visit)(void*, const char*, const uint64_t*, size_t);
  void* arg;
  uintptr_t stack;
  Touched touched;
};

uintptr_t end_of_own(uintptr_t at) {
  for (const OwnRange& range : own_ranges)
    if (at >= range.from && at < range.to) return range.to;
  return 0;
}

void walk_mapping(Walk& walk, Mapping m) {
  if (walk.stack >= m.from && walk.stack < m.to) m.from = walk.stack;
  uint64_t words[kPage / sizeof(uint64_t)];
  for (uintptr_t at = m.from; at < m.to;) {
    if (const uintptr_t end = end_of_own(at)) {
      at = end;
      continue;
    }
    uintptr_t end = (at & ~(kPage - 1)) + kPage;
    if (end > m.to) end = m.to;
    const uintptr_t from = (at + 7) & ~uintptr_t{7};
    if (from < end && (m.shared || walk.touched.is(at)))
      walk.visit(walk.arg, reinterpret_cast<const char*>(from), words,
                 copy_from_process(from, words, end - from) / sizeof *words);
    at = end;
  }
}

void walk_all(Walk& walk) {
  const long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  // Static, because the copy has one thread, and so that it is not on the stack that is searched.
  static char text[4096];
  size_t kept = 0;
  for (long got; (got = syscall(SYS_read, fd, text + kept, sizeof text - 1 - kept)) > 0;) {
    const size_t n = kept + static_cast<size_t>(got);
    text[n] = 0;
    char* line = text;
    for (char* end; (end = strchr(line, '\n')) != nullptr; line = end + 1) {
      *end = 0;
      if (const Mapping m = read_mapping(line); m.looked_into) walk_mapping(walk, m);
    }
    kept = static_cast<size_t>(text + n - line);
    if (kept == sizeof text - 1) kept = 0;
    memmove(text, line, kept);
  }
  syscall(SYS_close, fd);
}

}  // namespace
}  // namespace linux_port

extern "C" {

size_t kmem_port_read(const void* from, void* to, size_t bytes) {
  return linux_port::copy_from_process(reinterpret_cast<uintptr_t>(from), to, bytes);
}

// A plain fork: without fork handlers of the program, without a signal at the end, and without any lock.
bool kmem_port_with_copy(void (*look)(void*, void*), void* arg, void* result, size_t bytes) {
  if (bytes > linux_port::kPage) return false;
  void* shared = mmap(nullptr, linux_port::kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return false;
  const long child = syscall(SYS_clone, 0, 0, 0, 0, 0);
  if (child == 0) {
    look(arg, shared);
    for (;;) syscall(SYS_exit_group, 0);
  }
  int status = -1;
  long got = -1;
  if (child > 0) do
      got = syscall(SYS_wait4, child, &status, __WALL, nullptr);
    while (got < 0 && errno == EINTR);
  memcpy(result, shared, bytes);
  munmap(shared, linux_port::kPage);
  return got == child && status == 0;
}

void kmem_port_each_root(void (*visit)(void*, const char*, const uint64_t*, size_t), void* arg, const void* stack) {
  linux_port::Walk walk{visit, arg, reinterpret_cast<uintptr_t>(stack), {}};
  linux_port::walk_all(walk);
}
}
