// The port's own frames: a bit for each, stored in the first of them.

#include "bare.h"
#include "base/memory.h"

namespace bare {

FramePool pool;

void FramePool::init(uint64_t start, uint64_t bytes) {
  start_ = start;
  nr_ = bytes / kPageSize;
  const uint64_t own = (nr_ / 8 + kPageSize) / kPageSize;
  used_ = reinterpret_cast<uint64_t*>(start);  // moved into the direct map once there is one
  memset(used_, 0, own * kPageSize);
  for (uint64_t i = 0; i < own; ++i) used_[i / 64] |= uint64_t{1} << i % 64;
  nr_free_ = nr_ - own;
  next_ = own;
}

uint64_t FramePool::take(unsigned nr) {
  const Locked locked(lock_);
  auto* used = reinterpret_cast<uint64_t*>(seen_at(start_));
  for (uint64_t looked = 0, at = next_, run = 0; nr_free_ >= nr && looked < nr_ + nr; ++looked, ++at) {
    if (at == nr_) at = run = 0;
    run = used[at / 64] >> at % 64 & 1 ? 0 : run + 1;
    if (run < nr) continue;
    for (uint64_t i = at + 1 - nr; i <= at; ++i) used[i / 64] |= uint64_t{1} << i % 64;
    nr_free_ -= nr;
    next_ = at + 1 == nr_ ? 0 : at + 1;
    return start_ + (at + 1 - nr) * kPageSize;
  }
  return 0;
}

void FramePool::give(uint64_t at, unsigned nr) {
  const Locked locked(lock_);
  auto* used = reinterpret_cast<uint64_t*>(seen_at(start_));
  const uint64_t first = (at - start_) / kPageSize;
  for (uint64_t i = first; i < first + nr; ++i) used[i / 64] &= ~(uint64_t{1} << i % 64);
  nr_free_ += nr;
}

}  // namespace bare
