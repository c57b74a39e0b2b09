#pragma once
// Programs under the filter.

#include <sys/types.h>

#include <string>
#include <vector>

namespace kmem::driver_host {

/// How the program's environment differs from ours, which is the driver's.
struct Environment {
  std::string kmem, preload, asan;  // values of KMEM, LD_PRELOAD and ASAN_OPTIONS; empty: it has none
};

/// A child that waits to become the program.
class Program {
 public:
  Program(const std::vector<std::string>& command, const Environment& environment);
  /// Its listener; -1 with errno, where there can be none.  `exact`: see install_filter().
  int listener(bool* exact);
  /// It may go on.
  void start();
  /// Until it has ended; the status of waitpid().  Signals that are sent to us meanwhile go to it.
  int wait();

 private:
  pid_t pid_;
  int channel_;
};

/// The calling process becomes the program, whose calls somebody answers who listens at the socket; or it ends.
[[noreturn]] void join(const std::string& socket, const std::vector<std::string>& command);

bool send_listener(int channel, int listener, bool exact);
/// -1: the other side could not have one; errno says why.
int receive_listener(int channel, bool* exact);

}  // namespace kmem::driver_host
