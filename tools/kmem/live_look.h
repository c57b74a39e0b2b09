#pragma once
#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>

namespace kmem::tool {

/// A process that runs and was started with the boot word validate_signal=N: it answers that signal with a report of a copy
/// of itself (docs/decisions/looking-at-a-running-process.md).
class LiveProcess {
 public:
  struct Answer {
    nlohmann::json report;
    std::string said;  // by the checkers, before it
  };
  /// Throws a Failure where there is no such process, or it does not listen.
  LiveProcess(pid_t pid, unsigned timeout_seconds);
  ~LiveProcess();
  LiveProcess(const LiveProcess&) = delete;
  LiveProcess& operator=(const LiveProcess&) = delete;

  /// Throws a Failure with the status 2 where no answer comes.
  Answer look();

 private:
  int accept_one() const;
  std::string read_all(int fd) const;

  pid_t pid_;
  unsigned timeout_;
  int signal_ = 0;
  int socket_ = -1;
};

}  // namespace kmem::tool
