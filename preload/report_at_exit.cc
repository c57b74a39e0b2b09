// KMEM_REPORT=FILE: when the process ends, what the allocator did is written to FILE as JSON; "%p" in the name stands
// for the process's number.  `kmem run` sets it; so may anybody.
//
// The program must not notice.  So: no malloc, no stdio, little stack (the end may come inside a signal handler on a
// small stack of its own), errno and signal mask as they were, no signal left behind, and on any failure nothing at
// all.  One thing cannot be had: a seccomp filter that kills for openat() or write() will do that here too.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/system.h"
#include "base/atomic.h"
#include "base/format.h"
#include "live_look.h"
#include "report/texts.h"
#include "watch/fault_injection.h"

namespace {

using kmem::Atomic;
using kmem::Span;
using kmem::SystemSnapshot;
using kmem::Text;

/// The process whose memory this is.  A vfork()ed child, which shares it, has another number and must not report.
pid_t owner;
Atomic<bool> done;
/// KMEM_REPORT, made absolute while the working directory is still the user's.  Empty: nothing is asked for.
char pattern[PATH_MAX];

// Used once in a process, so they need not be on the stack.
char path[PATH_MAX];
char status[4096];
SystemSnapshot snapshot;

/// System calls as such: the wrappers are cancellation points, and other libraries like to replace them.
template <typename... Args>
long call(long number, Args... args) {
  return syscall(number, args...);
}

/// All signals stay away while this lives, and errno is as it was after it.
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

  /// Takes back the signal that a failed write() sent us.
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

bool write_all(int fd, const char* text, size_t n) {
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

/// The value of a line "Name:   value" of /proc/self/status; empty where there is none.
const char* status_line(const char* name) {
  const size_t n = strlen(name);
  for (const char* line = status; line; line = strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (strncmp(line, name, n) == 0 && line[n] == ':') return line + n + 1 + strspn(line + n + 1, " \t");
  }
  return "";
}

uint64_t status_kb(const char* name) {
  uint64_t value = 0;
  for (const char* digit = status_line(name); *digit >= '0' && *digit <= '9'; ++digit)
    value = value * 10 + static_cast<uint64_t>(*digit - '0');
  return value;
}

void read_status() {
  const int fd = static_cast<int>(call(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC));
  if (fd < 0) return;
  const long n = call(SYS_read, fd, status, sizeof status - 1);
  status[n > 0 ? n : 0] = '\0';
  call(SYS_close, fd);
}

void describe_process(kmem::ProcessSnapshot& process) {
  read_status();
  process.pid = getpid();
  process.parent = getppid();
  process.resident = status_kb("VmRSS") * 1024;
  process.resident_peak = status_kb("VmHWM") * 1024;
  const char* name = status_line("Name");
  for (size_t i = 0; i + 1 < sizeof process.name && name[i] && name[i] != '\n'; ++i) process.name[i] = name[i];
}

void take_validation(SystemSnapshot& system, bool objects = true) {
  const kmem::Validation& found = kmem::validate_system(objects);
  system.checked = true;
  system.violations = {found.violations, found.nr};
  if (found.nr) system.broken = found.violations[0].rule;
  system.damaged = found.damaged;
}

/// Is anything broken?  Worth the walk only where faults were injected; and only alone, since a structure that another
/// thread is changing may look it.
void check_structures(SystemSnapshot& system) {
  const char* threads = status_line("Threads");
  const bool validates = kmem::system().options.validate;
  if (!(kmem::faults_armed() || validates) || threads[0] != '1' || threads[1] != '\n') return;
  if (validates) return take_validation(system);
  const kmem::Fault fault = kmem::check_system();
  system.checked = true;
  if (fault) system.broken = fault.rule;
}

/// The pattern with the process's number put in; false where that is too long.
bool make_path() {
  Text text{Span<char>(path)};
  for (const char* p = pattern; *p; ++p) {
    if (p[0] == '%' && p[1] == 'p') {
      text.dec(static_cast<uint64_t>(owner));
      ++p;
    } else {
      text.put(*p);
    }
  }
  return text.cut() == 0;
}

void save_text(const char* text, size_t n) {
  // Not blocking: the name may be that of a pipe which nobody reads.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const int fd = static_cast<int>(call(SYS_openat, AT_FDCWD, path, kFlags, 0644));
  if (fd < 0) return;
  write_all(fd, text, n);
  call(SYS_close, fd);
}

/// Hands the snapshot's JSON over.
template <typename Save>
void render(Save save) {
  Text measured{Span<char>()};
  put_json(measured, snapshot);
  const size_t bytes = measured.total() + 1;
  void* room = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return;
  Text text{Span<char>(static_cast<char*>(room), bytes)};
  put_json(text, snapshot);
  save(text.data(), text.size());
  munmap(room, bytes);
}

void report() {
  if (!pattern[0] || getpid() != owner || done.exchange(true)) return;
  const Unnoticed unnoticed;
  if (!kmem_take_snapshot(&snapshot) || !make_path()) return;
  describe_process(snapshot.process);
  check_structures(snapshot);
  render(save_text);
}

void begin_child() {
  owner = getpid();
  done.store(false);
}

/// Puts the working directory in front of a relative name.
bool make_absolute(const char* name) {
  Text text{Span<char>(pattern)};
  if (name[0] != '/') {
    static char directory[PATH_MAX];
    if (!getcwd(directory, sizeof directory)) return false;
    text.put(directory).put('/');
  }
  text.put(name);
  return text.cut() == 0;
}

/// secure_getenv(): a set-user-ID program must not write where its caller says.
__attribute__((constructor)) void begin() {
  const int saved = errno;
  const char* name = secure_getenv("KMEM_REPORT");
  if (name && *name && !make_absolute(name)) pattern[0] = '\0';
  if (pattern[0]) {
    owner = getpid();
    pthread_atfork(nullptr, nullptr, begin_child);
    free(malloc(1));  // boots kmem, so that a program which never allocates reports too
  }
  kmem::answer_looks();
  errno = saved;
}

/// The lowest number runs last; what other libraries free while they end is then counted.
__attribute__((destructor(101))) void end() { report(); }

[[noreturn]] void end_now(int code) {
  report();
  for (;;) call(SYS_exit_group, code);
}

}  // namespace

// Nobody else changes what is walked, except where the copy has the very pages of the process.
void kmem::report_copy(int fd, int pid) {
  if (!kmem_take_snapshot(&snapshot)) return;
  describe_process(snapshot.process);
  snapshot.process.pid = pid;
  take_validation(snapshot, !kmem::system().machine.can_alias);
  render([fd](const char* text, size_t n) { write_all(fd, text, n); });
}

// Forked children as a rule end by _exit(), which runs no destructors.  Weak, so that a program that is linked
// statically may still have its own.
extern "C" {
__attribute__((weak, visibility("default"))) void _exit(int code) { end_now(code); }
__attribute__((weak, visibility("default"))) void _Exit(int code) { end_now(code); }
}
