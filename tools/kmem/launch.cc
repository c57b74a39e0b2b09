#include "launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "failure.h"

namespace kmem::tool {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

[[noreturn]] void fail_to_start(const std::string& path, int error) {
  throw Failure(error == ENOENT ? kNotFound : kNotExecutable, fmt::format("{}: {}", path, std::strerror(error)));
}

sigset_t signals_to_pass_on() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH}) sigaddset(&set, signal);
  return set;
}

/// A pipe that closes by itself when the child becomes the program, and else tells why it did not.
class ExecPipe {
 public:
  ExecPipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) throw Failure(fmt::format("pipe: {}", std::strerror(errno)));
  }
  ~ExecPipe() {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }
  ExecPipe(const ExecPipe&) = delete;
  ExecPipe& operator=(const ExecPipe&) = delete;

  /// In the child.
  void tell(int error) const {
    if (write(ends_[1], &error, sizeof error) < 0) return;
  }
  /// In the parent: 0, or the child's error.
  int listen() {
    close(ends_[1]);
    ends_[1] = -1;
    int error = 0;
    while (read(ends_[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
    return error;
  }

 private:
  int ends_[2] = {-1, -1};
};

/// What the child must get back before it becomes the program.
struct Inherited {
  sigset_t mask;
  struct sigaction child_action;
};

/// Signals wait for wait_for() from here on, and a child's end is not thrown away even if our caller ignores it.
Inherited hold_signals() {
  Inherited before{};
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &by_default, &before.child_action);
  sigset_t held = signals_to_pass_on();
  sigaddset(&held, SIGCHLD);
  sigprocmask(SIG_BLOCK, &held, &before.mask);
  return before;
}

/// Until the child has ended.
int wait_for(pid_t child, struct rusage& usage, const std::function<double(pid_t)>& meanwhile) {
  sigset_t waited = signals_to_pass_on();
  sigaddset(&waited, SIGCHLD);
  for (;;) {
    int status = 0;
    if (wait4(child, &status, WNOHANG, &usage) == child) return status;
    siginfo_t info{};
    const double rest = meanwhile ? meanwhile(child) : 0;
    const timespec time{static_cast<time_t>(rest), static_cast<long>((rest - std::floor(rest)) * 1e9)};
    const int signal = meanwhile ? sigtimedwait(&waited, &info, &time) : sigwaitinfo(&waited, &info);
    const bool from_terminal = info.si_code == SI_KERNEL;
    if (signal > 0 && signal != SIGCHLD && !from_terminal) kill(child, signal);
  }
}

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

}  // namespace

void become(const std::string& path, const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  execvpe(path.c_str(), pointers(arguments).data(), pointers(environment).data());
  fail_to_start(path, errno);
}

Ended run_and_wait(const std::string& path, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment, const std::function<double(pid_t)>& meanwhile) {
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  ExecPipe pipe;
  std::fflush(nullptr);
  const Inherited before = hold_signals();
  const auto start = std::chrono::steady_clock::now();

  Ended ended;
  ended.pid = fork();
  if (ended.pid < 0) throw Failure(fmt::format("fork: {}", std::strerror(errno)));
  if (ended.pid == 0) {
    sigaction(SIGCHLD, &before.child_action, nullptr);
    sigprocmask(SIG_SETMASK, &before.mask, nullptr);
    execvpe(path.c_str(), argv.data(), envp.data());
    pipe.tell(errno);
    _exit(kToolFailed);
  }
  const int error = pipe.listen();
  struct rusage usage {};
  ended.wait_status = wait_for(ended.pid, usage, error ? nullptr : meanwhile);
  if (error) fail_to_start(path, error);
  ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ended.user_seconds = seconds(usage.ru_utime);
  ended.system_seconds = seconds(usage.ru_stime);
  ended.resident_peak = static_cast<unsigned long>(usage.ru_maxrss) * 1024;
  return ended;
}

void end_like(int wait_status) {
  std::fflush(nullptr);
  if (WIFEXITED(wait_status)) _exit(WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  const rlimit none{};
  setrlimit(RLIMIT_CORE, &none);  // the program's core is the one to look at
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  sigaction(signal, &by_default, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  sigprocmask(SIG_UNBLOCK, &one, nullptr);
  raise(signal);
  _exit(128 + signal);
}

}  // namespace kmem::tool
