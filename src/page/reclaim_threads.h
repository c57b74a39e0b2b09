#pragma once
// Threads that reclaim (the kernel's kswapd), one for each node, and one that waits for the host's reports of memory pressure.

#include "page/gfp.h"
#include "port/machine.h"
#include "sync/wait_word.h"

namespace kmem {

class Reclaim;

class ReclaimThreads {
 public:
  void init(Reclaim& reclaim, unsigned nr_nodes);

  /// Starts the threads, if the port has any. After a fork they start again when they are needed.
  void start();
  /// Ends them, for a machine that is switched off.
  void stop();
  /// Is there a thread for each node?
  bool exist() const { return exist_.peek() != 0; }
  /// Is there one that waits for the host's reports?
  bool listen() const { return listen_.peek() != 0; }
  /// In the child of a fork: true once, because the parent's threads do not exist in it.
  bool must_restart() { return KMEM_UNLIKELY(wanted_.peek()) && wanted_.exchange(0); }
  /// Zones of that node are short; the flags say which.
  void wake(unsigned node, Gfp gfp);
  void after_fork();

 private:
  struct Thread {
    ReclaimThreads* all = nullptr;
    unsigned node = 0;
    WaitWord<uint32_t> wakes{0};
    Atomic<uint32_t> zone_flags{0};  // of the last request that woke it: which zones are short
  };
  void work(Thread& thread);
  void listen_to_host();

  Reclaim* reclaim_ = nullptr;
  unsigned nr_nodes_ = 1;
  Atomic<uint32_t> wanted_{0}, exist_{0}, listen_{0};
  WaitWord<uint32_t> stops_{0};  // calls of stop(): a thread ends at the first one after its begin
  Thread threads_[kMaxNodes];
};

}  // namespace kmem
