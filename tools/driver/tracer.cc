#include "tracer.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace kmem::driver_host {

#ifdef __x86_64__

struct Tracer::Registers {
  user_regs_struct all;
};

namespace {
constexpr unsigned long kLength = 2;  // of the instruction that makes a system call
}

Tracer::Tracer(pid_t thread, unsigned long instruction_pointer)
    : thread_(thread), instruction_(instruction_pointer - kLength), saved_(new Registers) {
  attached_ = !ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr);
  if (attached_ && ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr)) let_go();
}

Tracer::~Tracer() {
  if (stopped_) {
    saved_->all.rax = static_cast<unsigned long>(result_);
    saved_->all.orig_rax = ~0ul;  // it is over: there is nothing to begin again
    ptrace(PTRACE_SETREGS, thread_, nullptr, &saved_->all);
  }
  let_go();
  for (const int signal : signals_) syscall(SYS_tkill, thread_, signal);
  delete saved_;
}

/// A thread can only be left where it has stopped. One that is killed does not stop, and its parent does not hear of its end
/// before we have.
void Tracer::let_go() {
  while (attached_ && ptrace(PTRACE_DETACH, thread_, nullptr, nullptr)) attached_ = wait_for_stop();
  attached_ = false;
}

/// False: the thread has ended.
bool Tracer::wait_for_stop() {
  int status = 0;
  while (waitpid(thread_, &status, __WALL | __WNOTHREAD) < 0)
    if (errno != EINTR) return false;
  if (!WIFSTOPPED(status)) return false;
  const bool by_signal = !(status >> 16) && WSTOPSIG(status) != SIGTRAP;
  if (by_signal) signals_.push_back(WSTOPSIG(status));
  return true;
}

bool Tracer::stop() {
  if (!wait_for_stop()) return attached_ = false;
  return stopped_ = !ptrace(PTRACE_GETREGS, thread_, nullptr, &saved_->all);
}

long Tracer::call(long number, const std::vector<unsigned long>& arguments) {
  user_regs_struct r = saved_->all;
  unsigned long values[6] = {};
  for (size_t i = 0; i < arguments.size() && i < 6; ++i) values[i] = arguments[i];
  r.rip = instruction_;
  r.rax = static_cast<unsigned long>(number);
  r.orig_rax = ~0ul;
  r.rdi = values[0], r.rsi = values[1], r.rdx = values[2], r.r10 = values[3], r.r8 = values[4], r.r9 = values[5];
  if (ptrace(PTRACE_SETREGS, thread_, nullptr, &r)) return -errno;
  // One instruction; a signal that comes first is kept for later, and the step is made again.
  do {
    if (ptrace(PTRACE_SINGLESTEP, thread_, nullptr, nullptr)) return -errno;
    if (!wait_for_stop()) return stopped_ = attached_ = false, -ESRCH;
    if (ptrace(PTRACE_GETREGS, thread_, nullptr, &r)) return -errno;
  } while (r.rip == instruction_);
  return static_cast<long>(r.rax);
}

#else  // not written yet for other processors

Tracer::Tracer(pid_t thread, unsigned long instruction_pointer) : thread_(thread), instruction_(instruction_pointer) {}
Tracer::~Tracer() = default;
void Tracer::let_go() {}
bool Tracer::wait_for_stop() { return false; }
bool Tracer::stop() { return false; }
long Tracer::call(long, const std::vector<unsigned long>&) { return -ENOSYS; }

#endif

}  // namespace kmem::driver_host
