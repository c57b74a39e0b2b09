#pragma once
// The slab layer of one cache: objects straight from its slabs, and back to them (Bonwick 1994).  Sheaves lie above it.

#include "slab/reserve_slabs.h"
#include "slab/seal.h"
#include "slab/slab_frames.h"

namespace kmem {

class Cache;
class ObjectDebug;
struct CacheNode;
struct CacheSetup;
struct SlabWorld;

/// Empty slabs that a cache keeps, in bytes.
inline constexpr uint32_t kKeepEmpty = 32 << 10;

/// The node for an object: a preference, or with `exact` a requirement. `sampled`: only from a slab for samples, which small
/// objects do not have, nor any while memory is low.
struct NodeWish {
  unsigned node = 0;
  bool exact = false;
  bool sampled = false;
};

/// Lock-free, any context.
///
/// Invariants on a quiet system (walked by check() and check_counts()): S1 to S4 of every slab, C1, C5 and C6 of every node.
class SlabLayer {
 public:
  /// The parts of the cache. `nodes`: one for each node, zeroed.
  struct Owner {
    Cache* cache = nullptr;  // for hooks and reports
    const CacheSetup* setup = nullptr;
    const ObjectDebug* debug = nullptr;
    const Seal* seal = nullptr;
    CacheNode* nodes = nullptr;
  };
  void init(const SlabWorld& world, const Owner& owner, const SlabFrames::Kind& kind);

  /// Puts up to `want` objects into the sheaf, from partial slabs and from at most one new slab.
  unsigned take(Gfp gfp, NodeWish wish, unsigned want, Sheaf& into);
  /// One object, or null.
  void* take_one(Gfp gfp, NodeWish wish);
  /// Frees one object to its slab; reports a pointer that is none.
  void put(void* object);
  /// Frees all objects of a sheaf, which is then empty and still the caller's.
  void put_all(Sheaf& sheaf);
  /// Reports a free that was refused, in the form of the cache's reports.
  void refuse_free(const void* object) const;

  /// Releases all empty slabs but `keep`, unless the cache keeps its slabs. Returns their number.
  uint64_t trim(CacheNode& node, uint64_t keep);
  uint64_t trim_all();
  /// The same if there are many empty slabs.
  void trim_if_many(CacheNode& node, uint64_t keep);
  /// Also for a cache that keeps its slabs; it must have no readers any more.
  uint64_t release_all_empty();
  /// Takes all empty slabs off the lists. Returns a chain for release_chain(), 0 for none.
  uint32_t unlist_empty();
  uint64_t release_chain(uint32_t chain);
  /// The number of slabs of a chain.
  uint64_t length_of(uint32_t chain) const;

  const SlabWorld& world() const { return *world_; }
  const CacheSetup& setup() const { return *owner_.setup; }
  const SlabFrames& frames() const { return frames_; }
  const SlabShape& shape() const { return frames_.shape(); }
  bool is_sealed() const { return owner_.seal->on(); }
  bool owns(const void* object) const { return frames_.owns(object); }
  /// Is it an object of a slab that is apart, which no sheaf may hold?
  bool is_apart(const void* object) const { return apart_.any() && apart_.has(frames_, object); }
  unsigned nr_nodes() const;
  unsigned local_node() const;
  CacheNode& node(unsigned n) const;
  /// The slab's actual node, which may differ from the requested one.
  CacheNode& node_of(const Slab* slab) const;
  int64_t nr_slabs() const;
  int64_t nr_out() const;

  /// Set by layers above while the cache has many slabs for few objects; cleared when it grows.
  Atomic<uint32_t>& idle() { return idle_; }

  /// S1 to S4 and C1. `unlisted`: the number of slabs that are on no list because they wait for readers.
  Fault check(uint64_t unlisted) const;
  /// C5 and C6.
  Fault check_counts() const;
  /// Is the host's checker told about the cache's objects?
  bool tells() const;

 private:
  Slab* new_slab(Gfp gfp, NodeWish wish);
  void close_first_page(Slab& slab) const;
  unsigned take_from(Slab& slab, unsigned want, Sheaf& into);
  void make_objects(const Slab& slab);
  void destroy_objects(const Slab& slab);
  uint64_t release_empty(CacheNode& node, uint64_t keep);
  void release(Slab& slab);
  void put_objects(Slab& slab, unsigned word, uint64_t mask);
  Fault check_node(unsigned n, uint64_t& listed) const;

  const SlabWorld* world_ = nullptr;
  Owner owner_;
  SlabFrames frames_;
  ReserveSlabs apart_;
  Atomic<uint32_t> idle_{0};
};

}  // namespace kmem
