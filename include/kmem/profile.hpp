#ifndef KMEM_PROFILE_HPP
#define KMEM_PROFILE_HPP
/// \file
/// A heap profile of a part of a program.
///
///   kmem::heap_profile profile(64 << 10);         a sample in 64 KiB, until the end of the block
///   load_everything();
///   profile.write(fd);                            for jeprof, pprof, kmem profile
#include <kmem/profile.h>

namespace kmem {

/// Samples allocations while it lives: kmem_profile_start().  One at a time.
class heap_profile {
 public:
  explicit heap_profile(size_t period = 0) noexcept : started_(kmem_profile_start(period) == 0) {}
  ~heap_profile() { kmem_profile_stop(); }
  heap_profile(const heap_profile&) = delete;
  heap_profile& operator=(const heap_profile&) = delete;

  /// False: there was no memory, and the next allocations try again.
  bool started() const noexcept { return started_; }
  /// All that was sampled so far: kmem_profile_write().  False: nothing was.
  bool write(int fd) const noexcept { return kmem_profile_write(fd) == 0; }

 private:
  bool started_;
};

}  // namespace kmem

#endif
