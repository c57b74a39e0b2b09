#pragma once
// One system call of a program that is asked about, and what is answered.

#include <linux/seccomp.h>
#include <sys/types.h>

#include "open_files.h"
#include "program_memory.h"

namespace kmem::driver_host {

struct Answer {
  bool ours = false;  // else the kernel goes on with the call
  long value = 0;     // negative: an error number
  int give = -1;      // a descriptor for the program; its number there is the value
  bool close_on_exec = false;
  bool already = false;  // it has been answered
};
inline Answer pass() { return {}; }
inline Answer result(long value) { return {true, value, -1, false, false}; }

struct Request {
  const seccomp_notif& what;
  OpenFiles& files;
  int listener;
  bool exact;  // a signal ends a call only where we say so
  kmem_driver_caller who;

  pid_t pid() const { return static_cast<pid_t>(what.pid); }
  unsigned long arg(int n) const { return what.data.args[n]; }
  int fd(int n) const { return static_cast<int>(arg(n)); }
  template <typename T>
  bool write(unsigned long to, const T& value) const {
    return write_memory(pid(), to, &value, sizeof value) == sizeof value;
  }
};

/// While a worker is in it, a signal of the program ends its sleep.
bool was_interrupted();

/// Each answers for its calls, or lets them pass.
Answer answer_path_call(const Request& request);
Answer answer_file_call(const Request& request);
Answer answer_waiting_call(const Request& request);

}  // namespace kmem::driver_host
