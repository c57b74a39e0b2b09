#pragma once
// Reclaim: from caches, from shrinkers, by waiting for other threads' frees, and from out-of-memory notifiers.

#include "page/frame_waiters.h"
#include "page/oom_notifiers.h"
#include "page/policy.h"
#include "page/reclaim_threads.h"
#include "page/shrinkers.h"
#include "sync/cpu_requests.h"
#include "watch/counters.h"

namespace kmem {

class PageAllocator;

/// The caches of the layers above. Called with no lock held.
struct ReclaimHook {
  /// Returns the objects in sheaves and barns to the slabs, and empty slabs to the page allocator. Returns the number
  /// of frames that this freed. Caches that must not be shrunk do not change.
  uint64_t (*shrink)(void* arg, OtherCpus others) = nullptr;
  /// This CPU has a request to return the objects in its sheaves.
  void (*answer)(void* arg, CpuId cpu) = nullptr;
  /// The frames in use have fallen to a quarter of their peak: caches above may keep too much.
  void (*use_fell)(void* arg) = nullptr;
  /// The request is about to fail.
  void (*out_of_memory)(void* arg, Gfp gfp, Order order) = nullptr;
  /// PageAllocator::lists_closed() has changed.
  void (*lists_changed)(void* arg) = nullptr;
  void* arg = nullptr;
};

/// The goal of a round of reclaim, which ends when it is reached.
struct Goal {
  bool (*reached)(void* arg) = nullptr;
  void* arg = nullptr;
  bool is_reached() const { return reached && reached(arg); }
};

struct ReclaimCounts {
  Counter stalls;            // callers that had to reclaim themselves
  Counter rounds;            // of these callers, with retries
  Counter waits;             // times that a caller waited for other threads to free
  Counter balances;          // rounds at the low mark by a caller, if there is no thread
  Counter thread_wakes;      // times that the reclaim threads were woken
  Counter thread_rounds;     // rounds of the reclaim threads
  Counter cache_pages;       // frames that caches gave back in reclaim
  Counter shrinker_objects;  // objects that shrinkers freed
  Counter ooms;              // times that memory was out and notifiers were asked
  Counter nofail_waits;      // waits of __GFP_NOFAIL
  Counter failures;          // requests that got no memory
  Counter pressures;         // rounds because the host said that memory is short
};

/// Functions may sleep unless their comment says otherwise; none takes a lock.
class Reclaim {
 public:
  struct Progress {
    uint64_t pages = 0;    // frames that came free, as far as it can be seen
    uint64_t objects = 0;  // that shrinkers freed
    bool any() const { return pages || objects; }
  };

  void init(PageAllocator& pages, unsigned nr_nodes);
  void set_caches(ReclaimHook hook) { caches_ = hook; }
  const ReclaimHook& caches() const { return caches_; }

  ShrinkerList& shrinkers() { return shrinkers_; }
  OomNotifiers& oom() { return oom_; }
  FrameWaiters& waiters() { return waiters_; }
  ReclaimThreads& threads() { return threads_; }
  const ReclaimCounts& counts() const { return counts_; }
  ReclaimCounts& counts() { return counts_; }

  /// Caches first, then shrinkers, from kDefPriority down to `lowest`, until the goal is reached.  The caller is marked as
  /// reclaiming, so that its allocations meanwhile do not reclaim again.
  Progress run(Gfp gfp, unsigned node, int lowest, const Goal& goal);
  /// The first node's marks are below low: wakes its thread; without a thread, a caller that may sleep reclaims a little, at
  /// most every 100 ms. Any context if `may_sleep` is false.
  void under_pressure(Gfp gfp, unsigned node, bool may_sleep, const Goal& enough);
  /// Is one of the node's zones that these flags ask for above its high mark?
  bool is_balanced(unsigned node, Gfp zone_flags) const;
  /// Calls the notifiers; returns the number of pages that they report as freed.
  uint64_t out_of_memory() { return oom_.call_all(counts_.ooms); }
  void tell_out_of_memory(Gfp gfp, Order order) {
    if (caches_.out_of_memory) caches_.out_of_memory(caches_.arg, gfp, order);
  }
  /// Waits until another task frees frames, at most so long.  False: none did.
  bool wait_for_frames(uint64_t ns, const Goal& goal) {
    counts_.waits.add();
    return waiters_.wait(ns, [&] { return goal.is_reached(); });
  }

  // Memory pressure of the host.

  /// From now on watches for reports of pressure, if the host has them.
  void watch_host() { watches_host_.store(kmem_port_watch_pressure()); }
  bool watches_host() const { return watches_host_.peek() != 0; }
  /// If the host has reported pressure, gives back the memory that is easy to reclaim. Queries the host at most every 100 ms,
  /// and only if these flags let the caller reclaim.
  void heed_pressure(Gfp gfp) {
    if (KMEM_UNLIKELY(watches_host_.peek()) && (gfp & gfp::kDirectReclaim)) look_for_pressure(gfp);
  }
  /// The same without the time limit; true if there was a report.
  bool poll_pressure(Gfp gfp);
  void relieve_host(Gfp gfp);

  void after_fork();
  /// Checks the tables of shrinkers and notifiers, on a quiet system.
  Fault check() const {
    const Fault fault = shrinkers_.check();
    return fault ? fault : oom_.check();
  }

 private:
  uint64_t shrink_caches(OtherCpus others);
  static bool its_turn(Atomic<uint64_t>& next);
  KMEM_COLD void look_for_pressure(Gfp gfp);

  PageAllocator* pages_ = nullptr;
  unsigned nr_nodes_ = 1;
  ReclaimHook caches_;
  ShrinkerList shrinkers_;
  OomNotifiers oom_;
  FrameWaiters waiters_;
  ReclaimThreads threads_;
  Atomic<uint64_t> next_balance_ns_{0}, next_look_ns_{0};
  Atomic<uint32_t> watches_host_{0};
  ReclaimCounts counts_;
};

}  // namespace kmem
