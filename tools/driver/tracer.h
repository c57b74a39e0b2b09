#pragma once
// Makes a program's thread do system calls for us: by ptrace, for as long as the tracer lives.

#include <sys/types.h>

#include <vector>

namespace kmem::driver_host {

class Tracer {
 public:
  /// Of a thread that waits for an answer to the call whose notification gave `instruction_pointer`.  The answer is to be sent
  /// before anything is done: `stop()` waits for the thread to come out of it.
  Tracer(pid_t thread, unsigned long instruction_pointer);
  /// It goes on, with the answer of its own call.
  ~Tracer();
  Tracer(const Tracer&) = delete;
  bool is_there() const { return attached_; }
  bool stop();
  /// A system call with up to six arguments; what it gives.
  long call(long number, const std::vector<unsigned long>& arguments);
  void set_result(long value) { result_ = value; }

 private:
  bool wait_for_stop();
  void let_go();

  pid_t thread_;
  unsigned long instruction_;
  bool attached_ = false, stopped_ = false;
  long result_ = 0;
  std::vector<int> signals_;  // that came meanwhile
#ifdef __x86_64__
  struct Registers;
  Registers* saved_ = nullptr;
#endif
};

}  // namespace kmem::driver_host
