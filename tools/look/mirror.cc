#include "mirror.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace kmem::tool {
namespace {

constexpr uint64_t kPage = 4096;
/// What comes at a time; more of a target of which much has come, so that the host has not to keep too many mappings.
constexpr uint64_t kChunk = 64 << 10, kLargeChunk = 1 << 20, kLargeFrom = uint64_t{256} << 20;
/// Bytes that may be mapped beyond what the target has: what leads astray must not fill the host.
constexpr uint64_t kLimit = uint64_t{8} << 30;
constexpr int kLost = 41;  // exit status of a child that went astray where nobody waits for it

Mirror* the_mirror = nullptr;

void on_signal(int signal, siginfo_t* info, void*) {
  if (signal == SIGSEGV || signal == SIGBUS) {
    const auto at = reinterpret_cast<uint64_t>(info->si_addr);
    if (info->si_code == SEGV_MAPERR && the_mirror->fill(at)) return;
    the_mirror->leave(Astray::Address, at);
  }
  the_mirror->leave(signal == SIGPROF ? Astray::Time : Astray::Check, 0);
}

void listen() {
  static char stack[128 << 10];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int signal : {SIGSEGV, SIGBUS, SIGPROF, SIGABRT, SIGFPE, SIGILL, SIGTRAP}) sigaction(signal, &action, nullptr);
}

bool is_mirrored(const Range& range) {
  return range.readable && range.path != "[stack]" && range.path.rfind("[v", 0) != 0 && range.path.rfind("/dev/", 0) != 0;
}

/// The heap that brk() makes is not kmem's, but what lies before it in a program that kmem is linked into can be shown as a
/// part of it.
bool may_be_kmems(const Range& range, const std::string& module) {
  if (!is_mirrored(range) || !range.writable) return false;
  if (range.path == "[heap]") return module.find("libkmem") == std::string::npos;
  return range.is_anonymous() || range.path == module;
}

}  // namespace

std::string Astray::text() const {
  switch (kind) {
    case Address: return fmt::format("it leads to {:#x}, where there is nothing", address);
    case Time: return "it has no end";
    case Memory: return "it leads over more memory than may be looked at";
    case Check: return "an assertion of the core's does not hold";
    case None: break;
  }
  return "";
}

bool Mirror::fits(const Target& target, const std::string& module) {
  const std::unique_ptr<Target> self = open_process(getpid());
  for (const Range& mine : self->ranges())
    for (const Range& theirs : target.ranges())
      if (mine.from < theirs.to && theirs.from < mine.to && may_be_kmems(theirs, module)) return false;
  return true;
}

Mirror::Mirror(Target& target) : target_(target), limit_(kLimit + target.bytes() + target.bytes() / 4) {
  the_mirror = this;
  listen();
}

// CPU time: a look beside programs that need all CPUs is slow, and not without an end.
void Mirror::begin(unsigned seconds) {
  running_ = true;
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  setitimer(ITIMER_PROF, &timer, nullptr);
}

void Mirror::end() {
  const itimerval none{};
  setitimer(ITIMER_PROF, &none, nullptr);
  running_ = false;
}

void Mirror::leave(Astray::Kind kind, uint64_t address) {
  if (!running_) _exit(kLost);
  astray_.kind = kind;
  astray_.address = address;
  siglongjmp(back_, 1);
}

// Only from here on system calls alone: this may interrupt anything.
bool Mirror::fill(uint64_t at) {
  const Range* range = target_.range_of(at);
  if (!range || !is_mirrored(*range)) return false;
  const uint64_t chunk = mapped_ < kLargeFrom ? kChunk : kLargeChunk;
  for (uint64_t size = chunk; size >= kPage; size = size > kChunk ? kChunk : size > kPage ? kPage : 0) {
    const uint64_t from = std::max(range->from, at & ~(size - 1)), to = std::min(range->to, (at & ~(size - 1)) + size);
    const long got = syscall(SYS_mmap, from, to - from, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != static_cast<long>(from)) {
      if (got != -1 && (got > 0 || got < -4095)) syscall(SYS_munmap, got, to - from);  // a host that does not know NOREPLACE
      continue;
    }
    mapped_ += to - from;
    if (running_ && mapped_ > limit_) leave(Astray::Memory, at);
    lost_ += target_.copy(*range, from, reinterpret_cast<char*>(from), static_cast<size_t>(to - from));
    return true;
  }
  return false;
}

}  // namespace kmem::tool
