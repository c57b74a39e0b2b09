#pragma once
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace kmem::tool {

/// How a program ended, and what it took.
struct Ended {
  pid_t pid = 0;
  int wait_status = 0;  // as waitpid() gives it
  double seconds = 0, user_seconds = 0, system_seconds = 0;
  unsigned long resident_peak = 0;  // bytes, as the kernel saw it: of the program or of a child it waited for
};

/// Becomes the program.  Returns only by throwing a Failure.
[[noreturn]] void become(const std::string& path, const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment);

/// Starts the program and waits for its end.  Signals that are sent to us meanwhile go to the program; those that a
/// terminal sends reach it anyway, since it is in our process group.
/// `meanwhile` is called at once and again, each time after as many seconds as it says.
Ended run_and_wait(const std::string& path, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment, const std::function<double(pid_t)>& meanwhile = nullptr);

/// Ends as the program did: with its exit status, or killed by the signal that killed it.
[[noreturn]] void end_like(int wait_status);

}  // namespace kmem::tool
