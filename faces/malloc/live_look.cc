#include "live_look.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/format.h"
#include "system/system.h"
#include "watch/report.h"

// The check runs in a copy of the process, forked in the signal handler: nothing changes in it, the walkers may take their
// time, and their writes do not affect the process. The copy is a grandchild, so that the process need not wait for it, and a
// program that waits for any child does not see it.

namespace kmem {
namespace {

/// Seconds after which a copy gives up: a list that was being changed at the fork may be endless.
constexpr unsigned kPatience = 30;

/// fork() without fork handlers, and without a signal to the parent at the child's end.
pid_t raw_fork() { return static_cast<pid_t>(syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L)); }

/// Connects to the socket of the asking process; docs/decisions/looking-at-a-running-process.md tells its name.
int connect_to(int asker) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Text name(Span<char>(address.sun_path + 1, sizeof address.sun_path - 1));
  name.put("kmem-validate.").dec(static_cast<uint64_t>(asker));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), bytes) == 0 ? fd : -1;
}

/// Closes all files of the program, and removes its signal handlers.
void let_go_of_everything(int socket) {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &by_default, nullptr);
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  sigprocmask(SIG_UNBLOCK, &alarms, nullptr);
  dup2(socket, 2);
  close(0);
  close(1);
  syscall(SYS_close_range, 3u, ~0u, 0u);
}

[[noreturn]] void look_in_copy(int asker, int pid) {
  const int socket = connect_to(asker);
  if (socket >= 0) {
    let_go_of_everything(socket);
    alarm(kPatience);
    set_panic_on_warn(false);
    report_copy(2, pid);
  }
  for (;;) syscall(SYS_exit_group, 0);
}

void on_signal(int, siginfo_t* info, void*) {
  if (info->si_code != SI_QUEUE || !kmem_base) return;
  const int saved = errno, asker = info->si_value.sival_int, pid = getpid();
  const pid_t between = raw_fork();
  if (between == 0) {
    if (raw_fork() == 0) look_in_copy(asker, pid);
    for (;;) syscall(SYS_exit_group, 0);
  }
  while (between > 0 && waitpid(between, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
  errno = saved;
}

}  // namespace

// Does nothing, and does not boot kmem, in programs without the boot word.
void answer_looks() {
  const char* words = secure_getenv("KMEM");
  if (!words || !strstr(words, "validate_signal") || !boot()) return;
  const uint32_t signal = system().options.validate_signal;
  if (!signal) return;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  sigaction(static_cast<int>(signal), &action, nullptr);
}

}  // namespace kmem
