#pragma once
// Tasks that wait for others to free frames.

#include "base/attributes.h"
#include "sync/wait_word.h"

namespace kmem {

/// wait() is for tasks; the others for any context.
class FrameWaiters {
 public:
  /// Waits until another task frees frames, for at most `ns`; returns at once if reached(). False: timed out.
  template <typename Reached>
  bool wait(uint64_t ns, Reached reached) {
    nr_.fetch_add(1);
    const uint32_t seen = freed_.load();
    const bool at_once = reached();
    if (!at_once) freed_.wait_for(seen, ns);
    const bool freed = freed_.load() != seen;
    nr_.fetch_sub(1);
    return at_once || freed;
  }
  /// Did the last wait time out, with no frame freed since? Then another one is not worth while.
  bool is_futile() const { return futile_.peek() != 0; }
  void note_futile() { futile_.store(1); }
  /// Frames were freed, and others can claim them.
  void note_freed() {
    if (KMEM_UNLIKELY(nr_.peek() | futile_.peek())) wake();
  }
  void after_fork() { nr_.store(0); }

 private:
  KMEM_COLD void wake() {
    futile_.store(0);
    if (!nr_.load()) return;
    freed_.fetch_add(1);
    freed_.wake_all();
  }

  Atomic<uint32_t> nr_{0};
  WaitWord<uint32_t> freed_{0};  // changes when frames are freed while a task waits
  Atomic<uint32_t> futile_{0};
};

}  // namespace kmem
