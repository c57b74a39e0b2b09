#pragma once
// Files that kmem writes by itself, where a variable of the environment names them.
//
// The program must not notice.  So: no malloc, no stdio, little stack (we may be inside a signal handler on a small stack of
// its own), errno and signal mask as they were, no signal left behind, and on any failure nothing at all.  One thing cannot be
// had: a seccomp filter that kills for openat() or write() will do that here too.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/format.h"

namespace kmem {

/// Direct system calls: libc's wrappers are cancellation points, and other libraries may replace them.
template <typename... Args>
long call(long number, Args... args) {
  return syscall(number, args...);
}

/// Blocks all signals during its lifetime, and restores errno.
class Unnoticed {
 public:
  Unnoticed() : errno_(errno) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask_);
  }
  ~Unnoticed() {
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    errno = errno_;
  }
  Unnoticed(const Unnoticed&) = delete;
  Unnoticed& operator=(const Unnoticed&) = delete;

  /// Removes the pending signal of a failed write().
  static void swallow(int signal) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    const timespec at_once{};
    sigtimedwait(&one, nullptr, &at_once);
  }

 private:
  int errno_;
  sigset_t mask_;
};

inline bool write_all(int fd, const char* text, size_t n) {
  while (n) {
    const long written = call(SYS_write, fd, text, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EFBIG) Unnoticed::swallow(SIGXFSZ);
    if (written < 0 && errno == EPIPE) Unnoticed::swallow(SIGPIPE);
    if (written <= 0) return false;
    text += written;
    n -= static_cast<size_t>(written);
  }
  return true;
}

/// A name in which "%p" stands for the process's number and "%n" for that of the file, from 1 on.
class FilePattern {
 public:
  /// Takes the value of the variable, or else the other name, and puts the working directory in front of a relative one.
  /// secure_getenv(): a set-user-ID program must not write where its caller says.
  void take(const char* variable, const char* otherwise = "") {
    const char* name = secure_getenv(variable);
    if (!name || !*name) name = otherwise;
    if (*name && !make_absolute(name)) pattern_[0] = '\0';
  }
  bool is_set() const { return pattern_[0]; }
  /// Opens the file, emptied; negative on failure.  Non-blocking, because the file may be a pipe without a reader.
  int open(int process, unsigned number) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    return is_set() && make_path(process, number) ? static_cast<int>(call(SYS_openat, AT_FDCWD, path_, kFlags, 0644)) : -1;
  }

 private:
  bool make_absolute(const char* name) {
    Text text{Span<char>(pattern_)};
    if (name[0] != '/') {
      if (!getcwd(path_, sizeof path_)) return false;
      text.put(path_).put('/');
    }
    text.put(name);
    return text.cut() == 0;
  }
  bool make_path(int process, unsigned number) {
    Text text{Span<char>(path_)};
    for (const char* p = pattern_; *p; ++p) {
      const bool numbers = p[0] == '%' && (p[1] == 'p' || p[1] == 'n');
      if (numbers) text.dec(*++p == 'p' ? static_cast<uint64_t>(process) : number);
      else text.put(*p);
    }
    return text.cut() == 0;
  }

  // Used by one caller at a time, so they need not be on the stack.
  char pattern_[PATH_MAX] = {};
  char path_[PATH_MAX] = {};
};

}  // namespace kmem
