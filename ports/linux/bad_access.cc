// Refused accesses, by a handler for SIGSEGV; for pages that kmem has closed itself.
//
// The handler runs on top of any code of the program. Other accesses are passed on to the previous handler, or to the default
// action, which finds the state unchanged and writes a correct core dump.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "linux_port.h"
#include "port/port.h"

namespace linux_port {
namespace {

#if defined(__aarch64__)
uintptr_t pc_of(const ucontext_t& state) { return state.uc_mcontext.pc; }
uintptr_t stack_of(const ucontext_t& state) { return state.uc_mcontext.sp; }
/// From the syndrome register, which is in one of the records after the registers; each begins with its magic number and size.
bool is_write(const ucontext_t& state) {
  constexpr uint32_t kSyndrome = 0x45535201;
  constexpr uint64_t kWrite = 1 << 6;
  const auto* records = reinterpret_cast<const unsigned char*>(state.uc_mcontext.__reserved);
  for (size_t at = 0; at + 16 <= sizeof state.uc_mcontext.__reserved;) {
    struct {
      uint32_t name, size;
      uint64_t value;
    } record;
    memcpy(&record, records + at, sizeof record);
    if (record.name == kSyndrome) return record.value & kWrite;
    if (!record.name || !record.size) break;
    at += record.size;
  }
  return false;
}
#else
uintptr_t pc_of(const ucontext_t& state) { return static_cast<uintptr_t>(state.uc_mcontext.gregs[REG_RIP]); }
uintptr_t stack_of(const ucontext_t& state) { return static_cast<uintptr_t>(state.uc_mcontext.gregs[REG_RSP]); }
bool is_write(const ucontext_t& state) {
  constexpr long long kWrite = 2;  // bit of the processor's error code
  return state.uc_mcontext.gregs[REG_ERR] & kWrite;
}
#endif

bool (*caught_by)(const kmem::BadAccess&);
struct sigaction before;

void default_action(int signal) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
}

void pass_on(int signal, siginfo_t* info, void* context) {
  if (before.sa_flags & SA_SIGINFO) return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
  const bool sent = info->si_code <= 0;  // sent by kill(), not caused by an access
  if (sent && before.sa_handler == SIG_IGN) return;
  // After the return the access is repeated and gets the default action; a signal that was sent is sent again.
  default_action(signal);
  if (sent) pthread_kill(pthread_self(), signal);
}

void on_bad_access(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const auto* state = static_cast<const ucontext_t*>(context);
  const kmem::BadAccess access{info->si_addr, is_write(*state), context};
  // Accesses to guard markers in the page table give SEGV_MAPERR.
  const bool ours = (info->si_code == SEGV_ACCERR || info->si_code == SEGV_MAPERR) && caught_by(access);
  errno = saved;
  if (!ours) pass_on(signal, info, context);
}

bool is_ours(const struct sigaction& action) { return (action.sa_flags & SA_SIGINFO) && action.sa_sigaction == on_bad_access; }

}  // namespace
}  // namespace linux_port

extern "C" {

bool kmem_port_catch_accesses(bool (*caught)(const kmem::BadAccess&), kmem::Handlers handlers) {
  using namespace linux_port;
  struct sigaction now;
  if (sigaction(SIGSEGV, nullptr, &now)) return false;
  if (is_ours(now)) return true;
  const bool unclaimed = !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
  if (!unclaimed && handlers == kmem::Handlers::Alone) return false;
  caught_by = caught;
  before = now;
  struct sigaction ours;
  memset(&ours, 0, sizeof ours);
  ours.sa_sigaction = on_bad_access;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (now.sa_flags & (SA_RESTART | SA_NODEFER));
  ours.sa_mask = now.sa_mask;
  return sigaction(SIGSEGV, &ours, nullptr) == 0;
}

bool kmem_port_catches_accesses() {
  struct sigaction now;
  return sigaction(SIGSEGV, nullptr, &now) == 0 && linux_port::is_ours(now);
}

unsigned kmem_port_backtrace_of(const kmem::BadAccess* access, void** frames, unsigned max) {
  const auto* state = static_cast<const ucontext_t*>(access->state);
  if (!max) return 0;
  frames[0] = reinterpret_cast<void*>(linux_port::pc_of(*state));
  return 1 + linux_port::scan_stack_from(linux_port::stack_of(*state), frames + 1, max - 1);
}
}
