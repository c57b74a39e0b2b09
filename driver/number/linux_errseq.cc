// The last error, told once to everybody: <linux/errseq.h>.
//
// E1. The lowest 12 bits are the error's number; the rest above `kSeen` counts the errors that somebody has been told.
// E2. While nobody has been told, further errors of the same number leave the word as it is.
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errseq.h>

namespace {
constexpr errseq_t kError = MAX_ERRNO, kSeen = kError + 1, kOne = kSeen << 1;
int error_of(errseq_t word) { return -static_cast<int>(word & kError); }
}  // namespace

extern "C" {

errseq_t errseq_set(errseq_t* word, int error) noexcept {
  errseq_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
  if (WARN(error >= 0 || error < -MAX_ERRNO, "err = %d\n", error)) return old;
  for (;;) {
    const errseq_t next = (old & ~(kError | kSeen)) + (old & kSeen ? kOne : 0) + static_cast<errseq_t>(-error);
    if (next == old) return old;
    if (__atomic_compare_exchange_n(word, &old, next, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return old;
  }
}

errseq_t errseq_sample(errseq_t* word) noexcept {
  const errseq_t now = __atomic_load_n(word, __ATOMIC_RELAXED);
  return now & kSeen ? now : 0;
}

int errseq_check(errseq_t* word, errseq_t since) noexcept {
  const errseq_t now = __atomic_load_n(word, __ATOMIC_RELAXED);
  return now == since ? 0 : error_of(now);
}

int errseq_check_and_advance(errseq_t* word, errseq_t* since) noexcept {
  errseq_t now = __atomic_load_n(word, __ATOMIC_RELAXED);
  if (now == *since) return 0;
  const errseq_t seen = now | kSeen;
  if (seen != now) __atomic_compare_exchange_n(word, &now, seen, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
  *since = seen;
  return error_of(seen);
}

}  // extern "C"
