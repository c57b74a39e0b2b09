// KMEM_REPORT=FILE: when the process ends, a report is written to FILE as JSON; "%p" in the name stands for the process number.
// `kmem run` sets it, and users may too. Processes that end by _exit() need libkmem-exit.so (faces/exit).

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

#include "base/atomic.h"
#include "base/format.h"
#include "live_look.h"
#include "own_files.h"
#include "profile_file.h"
#include "report/texts.h"
#include "system/system.h"
#include "watch/fault_injection.h"

namespace {

using kmem::Atomic;
using kmem::Span;
using kmem::SystemSnapshot;
using kmem::Text;

/// The process that owns this memory. A vfork()ed child, which shares it, has another number and must not report.
pid_t owner;
Atomic<bool> done;
/// KMEM_REPORT, made absolute before the program can change its working directory.
constinit kmem::FilePattern pattern;

// Used once in a process, so they need not be on the stack.
char status[4096];
SystemSnapshot snapshot;

/// The value of a line "Name: value" of /proc/self/status; empty if there is none.
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
  const int fd = static_cast<int>(kmem::call(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC));
  if (fd < 0) return;
  const long n = kmem::call(SYS_read, fd, status, sizeof status - 1);
  status[n > 0 ? n : 0] = '\0';
  kmem::call(SYS_close, fd);
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

void take_validation(SystemSnapshot& system, kmem::Validated what = kmem::Validated::Objects) {
  const kmem::Validation& found = kmem::validate_system(what);
  system.checked = true;
  system.violations = {found.violations, found.nr};
  if (found.nr) system.broken = found.violations[0].rule;
  system.damaged = found.damaged;
}

/// Checks all structures. Only after fault injection, which makes it worth the time, and only in a process of one thread, since
/// a structure that another thread is changing may look broken.
void check_structures(SystemSnapshot& system) {
  const char* threads = status_line("Threads");
  const bool validates = kmem::system().options.validate;
  if (!(kmem::faults_armed() || validates) || threads[0] != '1' || threads[1] != '\n') return;
  if (validates) return take_validation(system);
  const kmem::Fault fault = kmem::check_system();
  system.checked = true;
  if (fault) system.broken = fault.rule;
}

void save_text(const char* text, size_t n) {
  const int fd = pattern.open(owner, 1);
  if (fd < 0) return;
  kmem::write_all(fd, text, n);
  kmem::call(SYS_close, fd);
}

/// Calls save() with the snapshot's JSON.
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
  if (!pattern.is_set() || getpid() != owner || done.exchange(true)) return;
  const kmem::Unnoticed unnoticed;
  if (!kmem_take_snapshot(&snapshot)) return;
  describe_process(snapshot.process);
  check_structures(snapshot);
  render(save_text);
}

void begin_child() {
  owner = getpid();
  done.store(false);
}

__attribute__((constructor)) void begin() {
  const int saved = errno;
  pattern.take("KMEM_REPORT");
  if (pattern.is_set()) {
    owner = getpid();
    pthread_atfork(nullptr, nullptr, begin_child);
    free(malloc(1));  // boots kmem, so that a program which never allocates reports too
  }
  kmem::answer_looks();
  errno = saved;
}

/// The lowest priority number runs last, so that frees of other libraries' destructors are counted.
__attribute__((destructor(101))) void end() { report(); }

}  // namespace

// No other thread changes the structures, except in memory that the copy shares with the process.
void kmem::report_copy(int fd, int pid) {
  if (!kmem_take_snapshot(&snapshot)) return;
  describe_process(snapshot.process);
  snapshot.process.pid = pid;
  take_validation(snapshot, kmem::system().machine.can_alias ? kmem::Validated::Structures : kmem::Validated::Objects);
  render([fd](const char* text, size_t n) { kmem::write_all(fd, text, n); });
}

// For libkmem-exit.so.
extern "C" KMEM_EXPORT void kmem_report_at_exit() {
  report();
  kmem::leave_profile();
}
