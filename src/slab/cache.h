#pragma once
// One cache: objects of one size, from this CPU's sheaf, else the node's barn, else the node's slabs.

#include "base/fault.h"
#include "page/page_allocator.h"
#include "slab/debug.h"
#include "slab/quarantine.h"
#include "slab/slab.h"
#include "slab/tables.h"
#include "sync/rcu.h"
#include "watch/counters.h"

namespace kmem {

class Cache;
class GuardedPool;

/// Runs when objects come to be or cease to be; `creating` tells which.
using ObjectHook = void (*)(void* object, Cache* cache, bool creating);
/// Looks at a constructed object that comes back, and puts right what is not as constructed.
using VerifyHook = void (*)(void* object, Cache* cache);
/// A function of the user's, of a type that only the hook knows.
using UserHook = void (*)();

/// Every call, fast or slow, where the boot word `stats` has all of them come by.
struct CallCounts {
  Counter allocs, frees;
  Counter slow_allocs, slow_frees;  // those among them that no CPU's sheaf served
};

/// What a cache needs of the system; one for all caches.
struct SlabWorld {
  PageAllocator* pages = nullptr;
  SheafPool* sheaves = nullptr;
  uint8_t* frame_class = nullptr;  // the frame table: by pfn
  Divisor* divisors = nullptr;     // by class
  uint32_t* class_sizes = nullptr;
  bool direct = false;         // no sheaves: every object straight from its slab and back, checked
  bool init_on_alloc = false;  // with direct
  bool init_on_free = false;
  bool tells = false;  // with direct: a checker of the host is told of every object
  Rcu* rcu = nullptr;  // who may still read objects of caches that keep their slabs for them
  GuardedPool* guarded = nullptr;  // where an allocation is served from now and then; may be null
  bool random_order = false;              // which free object of a slab is next cannot be guessed
  const DebugWords* debug = nullptr;      // which caches are debugged, besides those that ask for it
  Quarantine* quarantine = nullptr;       // of debugged caches
  Cache* caches = nullptr;                // by id; for what leaves the quarantine
  uint64_t red_key = 0;                   // of the red zones' bytes
  /// Counted by whoever gives an object back that was not out.
  void (*report_double_free)(const Cache& cache, const void* object) = nullptr;
  bool diverted = false;  // no object without a call of Cache::alloc()
  /// Calls that no cache counts: of large blocks, and those of caches that are gone.  Null: no call is counted.
  CallCounts* counts = nullptr;
};

/// Full sheaves.  A node's barn is in parts, so that CPUs that free and allocate the same sizes do not meet; a CPU takes
/// from the others' parts what those have to spare before it turns to the slabs.
struct alignas(kCacheLine) BarnPart {
  IndexStack full;
  Counter nr_refills, nr_drains;  // times that a sheaf of a CPU of this part was exchanged
  Atomic<uint64_t> refills_at_drain{0};                // hints, for swings()
  Atomic<uint32_t> turns{0}, turns_to_bear{0};
  Counter allocs, frees;  // all of them, where calls are counted
};
inline constexpr unsigned kBarnParts = 4;

/// A cache's part on one node.
struct alignas(kCacheLine) CacheNode {
  static constexpr unsigned kFullness = 4;
  BarnPart barn[kBarnParts];
  /// Partial lists: those with the fewest free objects are first in line.
  IndexStack partial[kFullness];
  Atomic<int32_t> nr_empty{0};  // slabs on the lists that are all free; a hint
  alignas(kCacheLine) Atomic<int64_t> nr_slabs{0};
  Atomic<int64_t> nr_out{0};  // objects not in a slab: users' and the sheaves'
};

/// Lock-free; alloc and free may be called in any context.
///
/// Invariants on a quiet system (walked by check()):
///   C1  every slab on a partial list belongs to this cache and obeys S1 to S4
///   C2  a full sheaf in the barn holds objects of this cache, each out of its slab, none twice
///   C3  the same for every CPU's sheaf
///   C4  the topmost sheaf of a part of the barn remembers how many there are
class Cache {
 public:
  /// Full sheaves that a part of a barn keeps at most, if they hold no more than kBarnHolds (the kernel has 10).
  static constexpr unsigned kBarnMax = 32;

  struct Setup {
    const char* name = "";
    uint32_t object_size = 0;
    uint32_t align = 8;
    uint32_t flags = 0;
    Gfp gfp = 0;  // zone bits that every slab of it is allocated with
    ObjectHook hook = nullptr;
    UserHook user_hooks[2] = {};  // for the hook: what the user gave
    VerifyHook verify = nullptr;     // run over each object that is freed
    uint32_t sheaf_capacity = 0;     // objects of a sheaf, as far as they fit; 0: as many as fit
    bool frugal = false;             // small slabs: few objects are expected
    bool no_reap = false;  // not shrunk when the system looks for memory (SLAB_NO_REAP)
    bool keeps_slabs = false;        // its memory stays its own while anybody may read it (SLAB_TYPESAFE_BY_RCU)
  };
  /// False where no slab can hold the size.  `nodes`: one for each node, zeroed.
  bool init(const SlabWorld& world, uint32_t id, const Setup& setup, CacheNode* nodes);

  // The slow halves; the fast ones are in slab/fast_path.h.
  /// `asked`: bytes of the object that the caller will use, for red zones; 0 is all.
  void* alloc(Gfp gfp, int nid = kNoNode, uint32_t asked = 0);
  void free(void* object);
  /// n objects or none.
  bool alloc_bulk(Gfp gfp, size_t n, void** objects);

  /// Gives what lies in sheaves and barns back to the slabs, and empty slabs to the page allocator.
  /// `everywhere`: the sheaves of the other CPUs too, not only this one's.  The number of slabs that went.
  /// `for_good`: also of a cache that otherwise keeps its slabs, because it is being destroyed.
  uint64_t shrink(bool everywhere, bool for_good = false);
  /// The same for a cache that keeps its slabs for readers: takes those that are all free out of use, waits by
  /// `wait_for_readers`, and gives them back.  Task context.
  uint64_t shrink_behind_readers(void (*wait_for_readers)());
  /// What reclaim asks for: shrink(), or of a cache that keeps its slabs for readers: those that are all free go out of
  /// use, and back when all who read now have gone on, which is not waited for.  The number of slabs that went.
  uint64_t reap(bool everywhere);
  /// From now on none leaves in that way; false: some are still on their way, until a grace period has passed.
  bool stop_leaving();
  void resume_leaving() { leaving_.state.store(Leaving::Idle); }
  /// The same, and until the cache grows again little is held back.
  void ebb();
  /// What lies in sheaves and barns goes back to the slabs, where an object that was freed twice is noticed.
  void come_home();
  /// Looks at all objects and what is around them; what is wrong is reported and put right.  The number of faults.
  /// Nobody may use the cache meanwhile.
  uint64_t validate();
  /// A free that was refused, in the form that the cache's reports have.
  void refuse_free(const void* object) const;
  /// Objects that left the quarantine come home.
  void let_go(void* object);
  /// Bytes of an object that is out which its user may touch.
  size_t usable(const void* object) const {
    return debug_.on() ? debug_.asked(static_cast<const char*>(object)) : object_size_;
  }
  /// Objects that users hold, up to `most`, by address; on a quiet system, when nothing lies in sheaves.  How many.
  unsigned find_out(const void** out, unsigned most) const;
  /// Does the address name an object of this cache?
  bool owns(const void* object) const;
  /// May an object lie on a page of its own, outside of slabs?  Not where readers may still look at it after the free.
  bool may_be_guarded() const { return !keeps_slabs_ && !gfp_; }

  const char* name() const { return name_; }
  uint32_t id() const { return id_; }
  Slot slot() const { return slot_; }
  /// The slot that kmem_cache_alloc's fast path pops from: nobody's, and so empty, while every call is to be seen.
  Slot fast_slot() const { return fast_slot_; }
  void divert(bool on) { fast_slot_ = on ? Slot{} : slot_; }
  uint8_t class_byte() const { return class_; }
  /// Every call takes the slow path.
  bool direct() const { return direct_; }
  const ObjectDebug& debug() const { return debug_; }
  uint32_t object_size() const { return object_size_; }
  uint32_t flags() const { return flags_; }
  uint32_t align() const { return align_; }
  const SlabShape& shape() const { return shape_; }
  unsigned sheaf_capacity() const { return capacity_; }
  unsigned barn_capacity() const { return barn_max_; }
  bool live() const { return state_.load() == Live; }
  bool may_be_reaped() const { return live() && !no_reap_; }
  /// Makes the place of a cache that was destroyed the caller's, for init().
  bool reclaim_place() {
    uint32_t retired = Retired;
    return state_.compare_exchange(retired, Making);
  }
  bool keeps_slabs() const { return keeps_slabs_; }
  ObjectHook hook() const { return hook_; }
  UserHook user_hook(unsigned i) const { return user_hooks_[i]; }
  Gfp gfp() const { return gfp_; }
  int64_t nr_slabs() const;
  /// Objects that users hold now.
  int64_t nr_in_use() const;
  uint64_t nr_cached() const;  // in sheaves and barns
  Slab* slab_of(const void* object) const;

  /// The index-th object of the slab that begins with that frame.
  char* object_at(Pfn slab, uint32_t index) const {
    return world_->pages->address(slab) + left_ + uint64_t{index} * shape_.size;
  }
  /// The object that the address lies in; the address itself where it lies in none.
  const void* object_around(const void* p) const;
  /// When an object was allocated; 0 where nobody keeps account.
  uint64_t born(const void* object) const {
    const Owner* owner = debug_.owner(static_cast<const char*>(object), false);
    return owner ? owner->when_ns : 0;
  }
  /// Calls visit(object) for each object that lies in a sheaf or barn.  On a quiet system.
  template <typename Visit>
  void each_cached(Visit visit) const {
    const auto each_of = [&](const Sheaf& sheaf) {
      for (unsigned i = sheaf.top; sheaf.words[i]; ++i) visit(reinterpret_cast<void*>(sheaf.words[i]));
    };
    for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n)
      for (const BarnPart& part : nodes_[n].barn)
        for (uint32_t index = part.full.top(); index; index = world_->sheaves->link(index).peek())
          each_of(world_->sheaves->parked(index));
    for (uint32_t cpu = 0; cpu < 2 * world_->pages->nr_cpus(); ++cpu) {
      const uint64_t word = CpuStack::word({cpu}, slot_);
      if (word && word != world_->sheaves->closed()) each_of(Sheaf::of_word(world_->sheaves->base(), word));
    }
  }

  uint64_t nr_refills() const;
  uint64_t nr_drains() const;
  /// Objects that were given out and that came back, whoever asked; 0 where calls are not counted.
  uint64_t nr_allocs() const;
  uint64_t nr_frees() const;
  /// Those that CPUs' sheaves did not serve; where every call goes to the slabs, all of them.
  uint64_t nr_slow_allocs() const { return slow_of(nr_allocs(), nr_refills()); }
  uint64_t nr_slow_frees() const { return slow_of(nr_frees(), nr_drains()); }
  void count_alloc() { if (KMEM_UNLIKELY(world_->counts)) counted_part().allocs.add(); }
  void count_free() { if (KMEM_UNLIKELY(world_->counts)) counted_part().frees.add(); }
  /// What the fast path would have given, had it not been closed to count; null where there is nothing.
  void* pop_counted();
  Atomic<uint32_t> refs{0};       // users of a merged cache
  void retire();
  Fault check() const;

 private:
  friend class CacheTestPeer;
  enum State : uint32_t { Unused, Making, Live, Retired };
  struct Place { Slab* slab = nullptr; uint32_t index = 0; };
  struct Held { Slab* slab = nullptr; char* start = nullptr; };
  /// Slabs that nobody may use any more, and somebody may still read.
  struct Leaving {
    enum State : uint32_t { Idle, Waiting, Stopped };
    RcuHead head{};
    Cache* cache = nullptr;
    uint32_t chain = 0;
    Atomic<uint32_t> state{Idle};
  };

  unsigned local_node() const { return world_->pages->local_node().value; }
  BarnPart& counted_part() { return nodes_[local_node()].barn[barn_part()]; }
  uint64_t slow_of(uint64_t counted, uint64_t exchanges) const {
    return world_->counts && (direct_ || counted < exchanges) ? counted : exchanges;
  }
  void* obtain(Gfp gfp, int nid, uint32_t asked);
  uint64_t sum_of(Counter BarnPart::*counter) const;
  void hand_over_counts();
  bool take_back(void* object);
  char* start_of(const Slab* slab) const;
  Pfn pfn_of(const Slab* slab) const;
  Held pop_partial(CacheNode& node);
  void push_partial(CacheNode& node, Slab* slab);
  Held new_slab(Gfp gfp, unsigned node, bool exact_node);
  void dress(Slab* slab, Pfn pfn);
  void undress(Slab* slab);
  void release(CacheNode& node, Slab* slab);
  unsigned take(Held held, unsigned want, Sheaf& into);
  CacheNode& node_of(Slab* slab) const;
  unsigned gather(Gfp gfp, unsigned node, bool exact_node, unsigned want, Sheaf& into);
  void* alloc_one(Gfp gfp, unsigned node, bool exact_node);
  void* alloc_directly(Gfp gfp, unsigned node, bool exact_node, uint32_t asked);
  void hold(void* object);
  void release_held();
  /// Calls visit(slab, its first byte) for every slab of a debugged cache.
  template <typename Visit>
  void each_slab(Visit visit) const;
  uint64_t validate_slab(const Slab* slab, char* start);
  bool set_shape(const Setup& setup);
  void remember(Pfn pfn);
  void verify(char* object);
  bool free_directly(void* object);
  bool has_to_spare(const BarnPart& part) const;
  Sheaf refill(Gfp gfp, unsigned node);
  unsigned refill_count(const CacheNode& node) const;

  Place place_of(const void* object) const;
  void put_back(Sheaf sheaf);
  void look_ahead(const Sheaf& sheaf) const;
  void put_objects(Slab* slab, unsigned word, uint64_t mask);
  void put_entry(void* object);
  unsigned short_capacity() const;
  bool is_short(Sheaf full) const;
  void stow(Sheaf full);
  bool tells() const;
  static bool swings(BarnPart& part);
  bool keep_half(Sheaf full);
  unsigned push_some(void* const* objects, unsigned n);
  bool mostly_idle(const CacheNode& node) const;
  static unsigned barn_part() { return CpuStack::where().value % kBarnParts; }
  void empty_barn(CacheNode& node);
  void flush_cpus();
  uint32_t take_empty(CacheNode& node, uint32_t chain);
  uint32_t take_all_empty();
  uint64_t release_chain(uint32_t chain);
  void leave_behind_readers();
  uint64_t trim(CacheNode& node, uint64_t keep, bool for_good = false);
  Fault check_slab(const Slab* slab) const;
  Fault check_sheaf(Sheaf sheaf) const;

  const SlabWorld* world_ = nullptr;
  CacheNode* nodes_ = nullptr;
  SlabShape shape_;
  Slot slot_, fast_slot_;
  uint32_t id_ = 0;
  uint32_t object_size_ = 0, align_ = 0, flags_ = 0;
  Gfp gfp_ = 0;
  uint8_t class_ = 0;
  uint8_t capacity_ = 0;
  uint8_t barn_max_ = 0;
  Atomic<uint32_t> state_{Unused};
  bool keeps_slabs_ = false, no_reap_ = false;
  bool direct_ = false;
  uint32_t left_ = 0;  // bytes of a slab before its first object; with red zones also those before every other
  ObjectDebug debug_;
  Leaving leaving_;
  Atomic<int64_t> held_{0};                      // in the quarantine
  Atomic<uint64_t> first_pfn_{0}, last_pfn_{0};  // of slabs of a debugged cache, ever
  VerifyHook verify_ = nullptr;
  ObjectHook hook_ = nullptr;
  UserHook user_hooks_[2] = {};
  Atomic<bool> begun_{false};  // it had a slab: the memory of its nodes is worth looking at
  Atomic<uint32_t> idle_{0};  // the other CPUs' sheaves have been flushed since the cache was last busy
  char name_[32] = {};
};

}  // namespace kmem
