#pragma once
// A cache: objects of one size, from this CPU's sheaf, else the node's barn, else the node's slabs.

#include "base/sanitizer.h"
#include "slab/cache_calls.h"
#include "slab/cache_setup.h"
#include "slab/checked_objects.h"
#include "slab/rcu_slabs.h"
#include "slab/sheaf_layer.h"
#include "slab/slab_layer.h"
#include "slab/slab_world.h"

namespace kmem {

struct CacheNodes;

/// What the fast paths read.
struct FastKeys {
  Slot slot;  // to pop from; an empty slot while every call must take the slow path
  uint8_t class_byte = 0;
  Slot counted;       // the same while a profile is taken, for slab/profiled_path.h
  uint32_t size = 0;  // of an object, in bytes
};

/// Lock-free; alloc and free may be called in any context.
///
///   alloc(), free()       choose among the parts below
///   sheaves()             CPUs' sheaves and barns: slab/sheaf_layer.h
///   checked()             instead of sheaves, if every object is checked: slab/checked_objects.h; also the seals of the
///                         hardened levels 1 and 2: slab/seal.h
///   slabs()               the slabs that all objects come from: slab/slab_layer.h
///   rcu_slabs()           slabs that RCU readers may still access: slab/rcu_slabs.h
class Cache {
 public:
  using Setup = CacheSetup;
  /// False if no slab can hold the size.  `nodes`: one for each node, zeroed.
  bool init(const SlabWorld& world, uint32_t id, const Setup& setup, const CacheNodes& nodes);

  // The slow halves; the fast ones are in slab/fast_path.h.
  /// `asked`: bytes of the object that the caller will use, for red zones; 0 is all.
  void* alloc(Gfp gfp, int nid = kNoNode, uint32_t asked = 0);
  void free(void* object);
  /// n objects or none.
  bool alloc_bulk(Gfp gfp, size_t n, void** objects);
  /// Pops an object as the fast path does, and counts the call; null if this CPU has no object.
  void* pop_counted();

  /// Returns objects in sheaves and barns to the slabs, and empty slabs to the page allocator. `others`: what is done about the
  /// sheaves of other CPUs. Returns the number of slabs released.
  uint64_t shrink(OtherCpus others);
  /// For reclaim: shrink(). In a cache that keeps its slabs for readers, empty slabs go out of use and are released when all
  /// current readers have ended; does not wait for that. Returns the number of slabs released.
  uint64_t reap(OtherCpus others);
  /// Checks all objects and the bytes around them; reports and repairs damage. Returns the number of faults. On a quiet system.
  uint64_t validate();
  /// Checks the invariants of all parts of the cache, on a quiet system.
  Fault check() const;

  const Setup& setup() const { return setup_; }
  const char* name() const { return name_; }
  uint32_t object_size() const { return setup_.object_size; }
  uint32_t id() const { return slabs_.frames().cache_id(); }
  const FastKeys& fast() const { return fast_; }
  void set_fast_path(FastPath path) {
    show(fast_.slot, path == FastPath::Open ? sheaves_.slot() : Slot{});
    show(fast_.counted, path == FastPath::Counted && sheaves_.on() ? sheaves_.slot() : Slot{});
  }
  /// The number of objects that users hold.
  int64_t nr_in_use() const;
  int64_t nr_slabs() const { return slabs_.nr_slabs(); }

  bool live() const { return state_.load() == Live; }
  /// Takes the place of a destroyed cache, for init() by the caller.
  bool reclaim_place() {
    uint32_t retired = Retired;
    return state_.compare_exchange(retired, Making);
  }
  void retire();

  SheafLayer& sheaves() { return sheaves_; }
  const SheafLayer& sheaves() const { return sheaves_; }
  SlabLayer& slabs() { return slabs_; }
  const SlabLayer& slabs() const { return slabs_; }
  const CheckedObjects& checked() const { return checked_; }
  /// Puts an object that the user has freed into a sheaf or its slab.
  void put_away(void* object);
  RcuSlabs& rcu_slabs() { return rcu_slabs_; }
  const CallCounting& calls() const { return calls_; }
  Atomic<uint32_t> refs{0};  // users of a merged cache

 private:
  enum State : uint32_t { Unused, Making, Live, Retired };

  SlabFrames::Kind choose_slabs(const SlabWorld& world, uint32_t id, SheafLayer::Sheaves& which);
  void* obtain(Gfp gfp, int nid, uint32_t asked);
  bool free_checked(void* object);
  void put_checked(void* object);
  void drain(OtherCpus others);
  static void leave_quarantine(const SlabWorld& world, uint32_t cache_id, void* object);

  FastKeys fast_;  // first: see slab/cache_handle.h
  Atomic<uint32_t> state_{Unused};
  SlabLayer slabs_;
  SheafLayer sheaves_;
  CheckedObjects checked_;
  RcuSlabs rcu_slabs_;
  CallCounting calls_;
  Setup setup_;
  char name_[32] = {};
};

}  // namespace kmem
