#pragma once
// A memory pool: elements held back, so that whoever may sleep never gets nothing.

#include "page/gfp.h"
#include "pool/reserve.h"
#include "pool/wait_line.h"

namespace kmem {

class Cache;
class Mempool;

/// What a pool needs of the system; one for all pools.
struct PoolWorld {
  void* (*alloc_places)(size_t bytes, Gfp gfp, int nid) = nullptr;  // zeroed
  void (*free_places)(void* places) = nullptr;
  /// Where an element's memory lies and how much of it may be overwritten while it is held back; 0 for elements of
  /// which we don't know.  Asked only where `poison` is on.
  size_t (*poisonable)(const Mempool& pool, void* element, unsigned char*& memory) = nullptr;
  bool poison = false;
};

/// All pools of the system, to find them in a forked child.  Lock-free.
class PoolList {
 public:
  static constexpr uint32_t kMost = 4096;
  bool add(Mempool* pool);
  void remove(Mempool* pool);
  void after_fork();
  Fault check() const;

 private:
  Atomic<Mempool*> pools_[kMost];
  Atomic<uint32_t> end_;
};

/// Lock-free; alloc() with flags that don't sleep and free() may be called in any context.
///
/// An element is held back in the reserve, out with a user, or unknown to the pool.  free() fills the reserve first and
/// hands what is too much to the free function.  Tasks that find nothing stand in line: the reserve is for the first of
/// them, and for others only while nobody waits.  So with n tasks in front of it, a task gets an element by the n + 1st
/// that is freed.
///
/// Invariants on a quiet system (walked by check()): M1 to M3 of the reserve, and
///   M4  nr_out() is not negative
///   M5  nobody waits while an element is held back
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
    Cache* cache = nullptr;  // the functions take its objects and give them back; for the fast paths
  };
  bool init(const PoolWorld& world, PoolList& list, const Setup& setup);
  /// Gives the reserve back.  Elements that are out go to the free function when they come; how many there are.
  int64_t exit();
  bool initialized() const { return magic_ == kMagic; }

  /// With flags that may sleep it does not fail before the deadline (kForever: never).
  /// `site`: the code that asks, for the report where it claims that it may sleep and may not.
  void* alloc(Gfp gfp, uint64_t deadline_ns, const void* site = nullptr);
  /// An element of the reserve, if there is one and nobody waits for it.
  void* alloc_reserved();
  /// True: the pool has ended, and this was the last element that was out.
  bool free(void* element);
  /// What alloc() and free() come to as a rule where the elements are objects of a cache: pool/fast_path.h.  Null, and
  /// false: nothing has been done.
  void* try_alloc();
  bool try_free(void* element);
  enum class Resized : uint8_t { Done, NoMemory, Busy };
  Resized resize(uint32_t min_nr, Gfp gfp);

  uint32_t min_nr() const { return static_cast<uint32_t>(reserve_.wanted()); }
  bool saturated() const { return reserve_.full(); }
  int32_t nr_reserved() const { return reserve_.nr(); }
  int64_t nr_out() const { return nr_out_.peek(); }
  uint32_t nr_waiting() const { return line_.nr_waiting(); }
  void* data() const { return data_; }
  AllocFunction alloc_function() const { return alloc_; }
  FreeFunction free_function() const { return free_; }
  void after_fork();
  Fault check() const;

 private:
  friend class MempoolTestPeer;
  static constexpr uint64_t kMagic = 0x6c6f6f706d656d6b;  // "kmempool"
  /// The pool's memory may come from elsewhere too: waiters look again after so long (the kernel's 5 seconds).
  static constexpr uint64_t kPatience = 5'000'000'000;

  void* out(void* element) {
    if (element) nr_out_.fetch_add(1);
    return element;
  }
  bool add_places();
  void fill(Gfp gfp, uint32_t nr);
  void* take();
  bool hold_back(void* element);
  void complain_of_overfilled(void* element);
  void* stand_in_line(Gfp gfp, uint64_t deadline_ns);
  void wait(const WaitLine::Ticket& ticket, uint32_t seen, uint64_t deadline_ns);
  void drain();
  void poison(void* element);
  void check_poison(void* element);

  // As mempool_t begins (linux/mempool.h): min_nr, curr_nr and, after the reserve's own, these.
  Reserve reserve_;
  void* data_ = nullptr;
  AllocFunction alloc_ = nullptr;
  FreeFunction free_ = nullptr;

  uint64_t magic_ = 0;
  Cache* cache_ = nullptr;
  const PoolWorld* world_ = nullptr;
  PoolList* list_ = nullptr;
  Atomic<int64_t> nr_out_;
  Atomic<uint32_t> resizing_;
  int32_t nid_ = kNoNode;
  WaitLine line_;
};

}  // namespace kmem
