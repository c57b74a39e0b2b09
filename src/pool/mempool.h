#pragma once
// A memory pool: elements held in reserve, so that a caller that may sleep always gets one.

#include "page/gfp.h"
#include "pool/out_count.h"
#include "pool/reserve.h"
#include "pool/wait_line.h"

namespace kmem {

class Cache;
class Mempool;

/// The functions of the system that pools call; one for all pools.
struct PoolWorld {
  void* (*alloc_places)(size_t bytes, Gfp gfp, int nid) = nullptr;  // zeroed
  void (*free_places)(void* places) = nullptr;
  /// Where an element's memory lies and how much of it may be overwritten while it is in reserve; 0 if that is unknown. Called
  /// only if `poison` is on, or the elements come from a hardened cache.
  size_t (*poisonable)(const Mempool& pool, void* element, unsigned char*& memory) = nullptr;
  bool poison = false;
  uint32_t nr_cpus = 1;
};

/// All pools of the system, to find them in a forked child.  Lock-free.
class PoolList {
 public:
  static constexpr uint32_t kMost = 4096;
  bool add(Mempool* pool);
  void remove(Mempool* pool);
  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0; i < end_.load() && i < kMost; ++i)
      if (const Mempool* pool = pools_[i].load()) visit(*pool);
  }
  void after_fork();
  Fault check() const;

 private:
  Atomic<Mempool*> pools_[kMost];
  Atomic<uint32_t> end_;
};

/// Lock-free; alloc() with flags that don't sleep and free() may be called in any context.
///
/// An element is in the reserve, out with a user, or unknown to the pool. free() fills the reserve first and passes further
/// elements to the free function. Tasks that get no element wait in line: the reserve is for the first of them, and for other
/// callers only while no task waits. So with n tasks in front of it, a task gets the n + 1st element that is freed.
///
/// Invariants on a quiet system (walked by check()): M1 to M3 of the reserve, and
///   M4  no share of nr_out() is negative
///   M5  no task waits while an element is in reserve
class Mempool {
 public:
  using AllocFunction = void* (*)(Gfp gfp, void* pool_data);
  using FreeFunction = void (*)(void* element, void* pool_data);

  /// Holds back `min_nr` elements, at least one.  The pool's memory is zeroed; false: there is no memory.
  struct Setup {
    uint32_t min_nr = 1;
    AllocFunction alloc_function = nullptr;
    FreeFunction free_function = nullptr;
    void* data = nullptr;
    Gfp gfp = gfp::kKernel;
    int nid = kNoNode;
    Cache* cache = nullptr;  // the cache from which the functions allocate; for the fast paths
  };
  bool init(const PoolWorld& world, PoolList& list, const Setup& setup);
  /// Frees the reserve. Elements that are out go to the free function when they are freed; returns their number.
  int64_t exit();
  bool initialized() const { return state_ == State::Live || state_ == State::Served; }
  /// May free() be called? Not for memory that never was a pool, nor for a pool that has ended with no element out.
  bool takes_back() const { return initialized() || (state_ == State::Ended && nr_out() > 0); }

  /// With flags that may sleep it does not fail before the deadline (kForever: never).
  /// `site`: the calling code, for a report if its flags say that it may sleep and it may not.
  void* alloc(Gfp gfp, uint64_t deadline_ns, const void* site = nullptr);
  /// An element of the reserve, if there is one and no task waits for it.
  void* alloc_reserved();
  /// True: the pool has ended, and this was the last element that was out.
  bool free(void* element);
  /// The fast paths of alloc() and free(), for elements that are objects of a cache: pool/fast_path.h.  Null and false:
  /// nothing has been done.
  void* try_alloc();
  bool try_free(void* element);
  enum class Resized : uint8_t { Done, NoMemory, Busy };
  Resized resize(uint32_t min_nr, Gfp gfp);

  uint32_t min_nr() const { return static_cast<uint32_t>(reserve_.wanted()); }
  bool saturated() const { return reserve_.full(); }
  int32_t nr_reserved() const { return reserve_.nr(); }
  int64_t nr_out() const { return out_.sum(); }
  uint32_t nr_waiting() const { return line_.nr_waiting(); }
  void* data() const { return data_; }
  AllocFunction alloc_function() const { return alloc_; }
  FreeFunction free_function() const { return free_; }
  /// The cache behind the functions, or null.
  const Cache* cache() const { return cache_; }
  void after_fork();
  Fault check() const;

 private:
  friend class MempoolTestPeer;
  /// Magic numbers, which memory that never was a pool is unlikely to hold.
  enum class State : uint64_t {
    Live = 0x6c6f6f706d656d6b,  // "kmempool"
    Served = Live + 1,          // live, and a cache serves it: for the fast paths
    Ended = ~Live,
  };
  /// The allocator may have memory again without a free to the pool, so waiters retry after this time (as in the kernel, 5 s).
  static constexpr uint64_t kPatience = 5'000'000'000;

  void* out(void* element) {
    if (element) out_.add();
    return element;
  }
  bool share_count(Gfp gfp);
  bool add_places();
  void fill(Gfp gfp, uint32_t nr);
  void* take();
  bool put_in_reserve(void* element);
  void* wait_in_line(Gfp gfp, uint64_t deadline_ns);

  // The layout of mempool_t (linux/mempool.h): min_nr, curr_nr, the rest of the reserve, then these.
  Reserve reserve_;
  void* data_ = nullptr;
  AllocFunction alloc_ = nullptr;
  FreeFunction free_ = nullptr;

  State state_{};
  Cache* cache_ = nullptr;
  const PoolWorld* world_ = nullptr;
  PoolList* list_ = nullptr;
  OutCount out_;
  Atomic<uint32_t> resizing_;
  int32_t nid_ = kNoNode;
  bool poisons_ = false;  // elements in reserve
  WaitLine line_;
};

}  // namespace kmem
