// Sleep by futexes, and the clocks.

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host/host.h"

namespace kmem_driver::host {
namespace {

constexpr unsigned long long kSecond = 1'000'000'000;

unsigned long long read(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<unsigned long long>(now.tv_sec) * kSecond + static_cast<unsigned long long>(now.tv_nsec);
}

long futex(unsigned* word, int operation, unsigned value, const timespec* until) {
  return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

Woken wait(unsigned* word, unsigned value, unsigned long long deadline) {
  const int before = errno;
  const timespec until = {static_cast<time_t>(deadline / kSecond), static_cast<long>(deadline % kSecond)};
  const long done = futex(word, FUTEX_WAIT_BITSET, value, deadline == kNever ? nullptr : &until);
  const int error = done < 0 ? errno : 0;
  errno = before;
  return error == EINTR ? Woken::BySignal : error == ETIMEDOUT ? Woken::TooLate : Woken::Yes;
}
void wake(unsigned* word, int most) {
  const int before = errno;
  futex(word, FUTEX_WAKE_BITSET, static_cast<unsigned>(most), nullptr);
  errno = before;
}

unsigned long long now_ns() { return read(CLOCK_MONOTONIC); }
unsigned long long calendar_ns() { return read(CLOCK_REALTIME); }
void nap() { usleep(50); }

void* pages(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

}  // namespace kmem_driver::host
