#include "regions.h"

#include <errno.h>
#include <sys/mman.h>

#include "linux_port.h"

namespace linux_port {

void Region::init(char* start, size_t bytes, size_t step, kmem::Atomic<unsigned char>* states, StepKind kind) {
  start_ = start;
  bytes_ = bytes;
  step_ = step;
  states_ = states;
  kind_ = kind;
}

/// errno is EEXIST if the addresses are in use.
bool Region::map(size_t i) const {
  char* const at = start_ + i * step_;
  const int flags = (kind_.file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void* got = mmap(at, step_, PROT_READ | PROT_WRITE, flags, kind_.file, kind_.file < 0 ? 0 : static_cast<off_t>(i * step_));
  if (got == MAP_FAILED) return false;
  if (got != at) {  // kernels before 4.17 treat the address as a hint
    munmap(got, step_);
    errno = EEXIST;
    return false;
  }
  if (kind_.plain_pages) madvise(at, step_, MADV_NOHUGEPAGE);
  return true;
}

// A caller that finds the step in state Opening does not wait: its opener may be the code that the caller interrupted, or a
// thread that does not exist in this forked child. One of the two maps it. If the addresses are in use though no other caller
// opens them, another mapping has them for good.
kmem::Online Region::open_step(size_t i) {
  unsigned char seen = Closed;
  const bool first = states_[i].compare_exchange(seen, Opening);
  if (!first && seen == Open) return kmem::Online::Done;
  if (!first && seen == Taken) return kmem::Online::Taken;
  if (map(i)) {
    states_[i].store(Open);
    return kmem::Online::Done;
  }
  const bool used = errno == EEXIST;
  seen = Opening;
  if (first && states_[i].compare_exchange(seen, used ? Taken : Closed))
    return used ? kmem::Online::Taken : kmem::Online::Refused;
  return states_[i].load() == Open ? kmem::Online::Done : kmem::Online::Refused;
}

kmem::Online Region::open(const void* address, size_t bytes) {
  const size_t from = static_cast<size_t>(static_cast<const char*>(address) - start_);
  for (size_t i = from / step_; i < nr_steps(from + bytes, step_); ++i) {
    if (states_[i].load() == Open) continue;
    if (const kmem::Online opened = open_step(i); opened != kmem::Online::Done) return opened;
  }
  return kmem::Online::Done;
}

}  // namespace linux_port
