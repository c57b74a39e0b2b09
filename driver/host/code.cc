// Names of code, call traces, faults.

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "host/host.h"

namespace kmem_driver::host {
namespace {

struct Asked {
  uintptr_t address;
  bool found;
};
int look_in(dl_phdr_info* info, size_t, void* data) {
  auto* asked = static_cast<Asked*>(data);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && asked->address - begin < part.p_memsz) return asked->found = true;
  }
  return 0;
}

}  // namespace

bool is_static(const void* address) {
  Asked asked = {reinterpret_cast<uintptr_t>(address), false};
  dl_iterate_phdr(look_in, &asked);
  return asked.found;
}

const char* object_of(const void* address) {
  Dl_info where;
  return dladdr(address, &where) ? where.dli_fname : nullptr;
}

int trace(void** frames, int most) {
  constexpr int kMost = 64;
  void* all[kMost + 1];
  const int n = backtrace(all, (most < kMost ? most : kMost) + 1) - 1;  // this function's own frame is left out
  for (int i = 0; i < n; ++i) frames[i] = all[i + 1];
  return n > 0 ? n : 0;
}

bool name_code(const void* address, char* name, size_t bytes, unsigned long* offset) {
  Dl_info where;
  if (!dladdr(address, &where) || !where.dli_sname || !bytes) return false;
  strncpy(name, where.dli_sname, bytes - 1)[bytes - 1] = 0;
  *offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(where.dli_saddr);
  return true;
}

// Faults -------------------------------------------------------------------------------------------------------------------

namespace {

struct sigaction before_segv, before_bus;
const FixUp* fix_ups = nullptr;
int nr_fix_ups = 0;
const FaultHandler* mapped = nullptr;

#if defined(__x86_64__)
bool fix_up(ucontext_t* context) {
  auto& ip = context->uc_mcontext.gregs[REG_RIP];
  for (int i = 0; i < nr_fix_ups; ++i)
    if (ip == static_cast<greg_t>(reinterpret_cast<uintptr_t>(fix_ups[i].first)))
      return ip = static_cast<greg_t>(reinterpret_cast<uintptr_t>(fix_ups[i].last)), true;
  return false;
}
bool is_write(const ucontext_t* context) { return (context->uc_mcontext.gregs[REG_ERR] & 2) != 0; }
#else
bool fix_up(ucontext_t*) { return false; }
bool is_write(const ucontext_t*) { return false; }
#endif

void tell_other(const struct sigaction& other, int signal, siginfo_t* info, void* context) {
  if (other.sa_flags & SA_SIGINFO) return other.sa_sigaction(signal, info, context);
  if (other.sa_handler == SIG_IGN) return;
  if (other.sa_handler != SIG_DFL) return other.sa_handler(signal);
  sigaction(signal, &other, nullptr);  // the instruction faults again, with the previous action
}

void handle(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  auto* where = static_cast<ucontext_t*>(context);
  const bool done = (*mapped && (*mapped)(info->si_addr, is_write(where))) || fix_up(where);
  errno = saved;
  if (!done) tell_other(signal == SIGSEGV ? before_segv : before_bus, signal, info, context);
}

void take(int signal, struct sigaction& before) {
  struct sigaction now;
  if (sigaction(signal, nullptr, &now) || ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle)) return;
  before = now;
  struct sigaction ours = {};
  ours.sa_sigaction = handle;
  ours.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  sigaction(signal, &ours, nullptr);
}

}  // namespace

void watch_faults(const FixUp* all, int nr, const FaultHandler* handler) {
  fix_ups = all;
  nr_fix_ups = nr;
  mapped = handler;
  take(SIGSEGV, before_segv);
  take(SIGBUS, before_bus);
}

}  // namespace kmem_driver::host
