// KMEM_PROFILE=FILE: a process that samples its heap when it ends writes the profile there.  `kmem run --profile` sets it.
//
// profile_signal=N: the first such signal begins to sample, the next one writes the file and ends it, and so on.

#include "profile_file.h"

#include <string.h>

#include "base/atomic.h"
#include "own_files.h"
#include "system/system.h"
#include "watch/profile.h"
#include "watch/profile_text.h"

namespace kmem {
namespace {

/// The process whose memory this is.  A vfork()ed child, which shares it, has another number and must not write.
pid_t owner;
Atomic<uint32_t> nr_written{0};
Atomic<bool> writing, left;
constinit FilePattern file;

void write_file() {
  if (getpid() != owner || writing.exchange(true)) return;
  const Unnoticed unnoticed;
  const int fd = kmem_profile.world.blocks.load() ? file.open(owner, nr_written.fetch_add(1) + 1) : -1;
  if (fd >= 0) {
    write_profile(fd);
    Unnoticed::swallow(SIGXFSZ);
    call(SYS_close, fd);
  }
  writing.store(false);
}

void on_signal(int) {
  if (!kmem_base) return;
  const int saved = errno;
  const bool was_on = kmem_profile.is_on();
  const uint64_t period = system().options.profile;
  if (was_on) write_file();
  kmem_profile.ask(was_on ? 0 : period ? period : Profile::kDefaultPeriod);
  follow_profile();
  errno = saved;
}

void begin_child() {
  owner = getpid();
  left.store(false);
  writing.store(false);
}

void listen(uint32_t signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  sigaction(static_cast<int>(signal), &action, nullptr);
}

/// Nothing is done in programs that did not ask: not even kmem's boot.
[[gnu::constructor]] void begin() {
  const char* words = secure_getenv("KMEM");
  const bool asks = words && strstr(words, "profile_signal=");
  const int saved = errno;
  file.take("KMEM_PROFILE", asks ? "kmem.%p.%n.heap" : "");
  if (file.is_set()) {
    owner = getpid();
    pthread_atfork(nullptr, nullptr, begin_child);
    if (asks && boot() && system().options.profile_signal) listen(system().options.profile_signal);
  }
  errno = saved;
}

/// As late as the report of KMEM_REPORT.
[[gnu::destructor(101)]] void end() { leave_profile(); }

}  // namespace

void leave_profile() {
  if (file.is_set() && kmem_profile.is_on() && getpid() == owner && !left.exchange(true)) write_file();
}

}  // namespace kmem
