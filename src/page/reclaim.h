#pragma once
// Memory had back: from caches, from shrinkers, from whoever frees meanwhile, from the last who can help.

#include "page/policy.h"
#include "page/shrinkers.h"
#include "watch/counters.h"

namespace kmem {

class PageAllocator;

/// The caches of the layers above.  Called with nothing held.
struct ReclaimHook {
  /// Gives what lies in sheaves and barns back to the slabs, and empty slabs to the pages; the frames that came back.
  /// `everywhere`: the sheaves of other CPUs too.  Caches that must not be shrunk stay as they are.
  uint64_t (*shrink)(void* arg, bool everywhere) = nullptr;
  /// What is in use has fallen to a quarter: caches above may hold back too much.
  void (*ebb)(void* arg) = nullptr;
  /// Nobody could help: the request is about to fail.
  void (*out_of_memory)(void* arg, Gfp gfp, Order order) = nullptr;
  void* arg = nullptr;
};

/// What a round of reclaim is for: it ends as soon as this is so.
struct Goal {
  bool (*reached)(void* arg) = nullptr;
  void* arg = nullptr;
  bool is_reached() const { return reached && reached(arg); }
};

/// Somebody who can help when memory is out.
struct OomNotifier {
  /// False: the ones after it are not asked.
  bool (*call)(OomNotifier& self, uint64_t& freed) = nullptr;
  void* owner = nullptr;
  int priority = 0;  // the highest first
};

struct ReclaimCounts {
  Counter stalls;            // callers that had to reclaim themselves
  Counter rounds;            // of these callers, with retries
  Counter waits;             // times that one waited for others to free
  Counter balances;          // rounds at the low mark by a caller, for want of a thread
  Counter thread_wakes;      // times that the reclaim threads were woken
  Counter thread_rounds;     // and went to work
  Counter cache_pages;       // frames that caches gave back in reclaim
  Counter shrinker_objects;  // objects that shrinkers freed
  Counter ooms;              // times that memory was out and notifiers were asked
  Counter nofail_waits;      // waits of __GFP_NOFAIL
  Counter failures;          // requests that got nothing
  Counter pressures;         // rounds because the host said that memory is short
};

/// May sleep, except where it says otherwise; takes no lock.
class Reclaim {
 public:
  struct Progress {
    uint64_t pages = 0;    // frames that came free, as far as it can be seen
    uint64_t objects = 0;  // that shrinkers freed
    bool any() const { return pages || objects; }
  };

  void init(PageAllocator& pages, unsigned nr_nodes);
  void set_caches(ReclaimHook hook) { caches_ = hook; }

  ShrinkerList& shrinkers() { return shrinkers_; }
  bool add(OomNotifier& notifier) { return oom_.add(notifier); }
  bool remove(OomNotifier& notifier) { return oom_.remove(notifier); }
  bool is_registered(OomNotifier& notifier) { return oom_.has(notifier); }

  /// Caches first, then shrinkers, from kDefPriority down to `lowest`, until the goal is reached.  The caller is marked as
  /// one that reclaims, so that what is allocated meanwhile does not come here again.
  Progress run(Gfp gfp, unsigned node, int lowest, const Goal& goal);
  /// The first node's marks are below low: wakes its thread; without one, a caller that may sleep reclaims a little, not
  /// too often.  Any context if `may_sleep` is false.
  void under_pressure(Gfp gfp, unsigned node, bool may_sleep, const Goal& enough);
  /// Asks the notifiers; the pages that they say they freed.  One caller at a time: the others wait for it a little.
  uint64_t out_of_memory();
  void tell_out_of_memory(Gfp gfp, Order order) {
    if (caches_.out_of_memory) caches_.out_of_memory(caches_.arg, gfp, order);
  }
  /// Listens for the host's word that memory is short, if it gives one.
  void watch_pressure() { watches_.store(kmem_port_watch_pressure()); }
  /// Has it come?  Then what can be had without much effort is given back.  Asks at most every 100 ms, and only where these
  /// flags let the caller reclaim.
  void heed_pressure(Gfp gfp) {
    if (KMEM_UNLIKELY(watches_.peek()) && (gfp & gfp::kDirectReclaim)) look_for_pressure(gfp);
  }
  /// The same at once, for who asks for it.
  bool poll_pressure(Gfp gfp);

  /// Waits until somebody frees, at most so long.  False: nobody did.
  bool wait_for_frames(uint64_t ns, const Goal& goal);
  /// Was the last wait for nothing, with nothing freed since?  Then another one is not worth while.
  bool waiting_is_futile() const { return futile_.peek() != 0; }
  void note_futile() { futile_.store(1); }
  /// Somebody has freed frames where others can claim them.  Any context.
  void note_freed() {
    if (KMEM_UNLIKELY(nr_waiters_.peek() | futile_.peek())) wake_waiters();
  }

  /// A thread for each node (kswapd), as far as the port can.  After a fork they start again when they are needed.
  void start_threads();
  /// Ends them, for a machine that is switched off.
  void stop_threads();
  bool has_threads() const { return has_threads_.peek() != 0; }

  const ReclaimCounts& counts() const { return counts_; }
  ReclaimCounts& counts() { return counts_; }
  void after_fork();

 private:
  struct Thread {
    Reclaim* reclaim = nullptr;
    unsigned node = 0;
    Atomic<uint32_t> wakes{0};
    Atomic<uint32_t> zone_flags{0};  // of the last one who woke it: which zones are short
  };
  KMEM_COLD void wake_waiters();
  uint64_t shrink_caches(bool everywhere);
  static void thread_body(void* thread);
  void work(Thread& thread);
  bool balanced(unsigned node, Gfp zone_flags) const;
  static bool its_turn(Atomic<uint64_t>& next);
  void look_for_pressure(Gfp gfp);
  static void watch_body(void* reclaim);

  PageAllocator* pages_ = nullptr;
  unsigned nr_nodes_ = 1;
  ReclaimHook caches_;
  ShrinkerList shrinkers_;
  Registry<OomNotifier, 64> oom_;
  Atomic<uint32_t> oom_running_{0};
  Atomic<uint32_t> nr_waiters_{0};
  Atomic<uint32_t> freed_{0};   // changes when frames are freed while somebody waits
  Atomic<uint32_t> futile_{0};
  Atomic<uint64_t> next_balance_ns_{0}, next_look_ns_{0};
  Atomic<uint32_t> watches_{0}, thread_watches_{0};
  Atomic<uint32_t> wants_threads_{0}, has_threads_{0}, stopping_{0};
  Thread threads_[kMaxNodes];
  ReclaimCounts counts_;
};

}  // namespace kmem
