#pragma once
// The sheaf layer of one cache: the CPUs' sheaves and the barns, above its slabs (Bonwick's magazine layer).

#include "base/atomic.h"
#include "base/fault.h"
#include "page/gfp.h"
#include "port/layout.h"
#include "sync/other_cpus.h"

namespace kmem {

class SheafPool;
class SlabLayer;
struct CacheNode;
struct Sheaf;

/// How many full sheaves of freed objects a sealed cache holds back.
inline constexpr unsigned kHeldSheaves = 4;

/// Lock-free, any context.
///
/// Invariants on a quiet system (walked by check()): C2 and C4 of every barn, and
///   C3  a CPU's sheaf holds objects of its cache, each out of its slab
///   C7  no object is in two sheaves, or twice in one
class SheafLayer {
 public:
  /// None: every call goes to the slabs.
  enum class Sheaves : uint8_t { None, PerCpu };
  /// `wish`: most objects of a sheaf; 0: as many as fit.
  void init(SlabLayer& slabs, Sheaves which, Slot slot, uint32_t wish);
  bool on() const { return which_ == Sheaves::PerCpu; }

  /// An object of this CPU's node, or null.
  void* alloc(Gfp gfp);
  /// A part of alloc(), if this CPU's sheaf is empty and it has freed enough objects of a sealed cache; else null.
  void* take_freed();
  /// False: it was refused.
  bool free(void* object);
  /// Returns all objects in sheaves and barns to their slabs, where double frees are detected. `others`: what is done about the
  /// sheaves of other CPUs.
  void drain(OtherCpus others);
  /// Drains this CPU's sheaf and trims the slabs, if another CPU has asked for it.
  void answer(CpuId cpu);

  Slot slot() const { return slot_; }
  /// In a sealed cache freed objects go to a second sheaf, not the one that allocations use, so that none is reused at once.
  /// There is room for the first caches; later ones have one sheaf.
  /// The two words of a cache differ in their last 12 bits, else a processor takes the load of the one for a load of the other,
  /// which was just stored, and waits: see slab/tables.h.
  static constexpr uint32_t kNrWithFreedSlots = 1408;
  static_assert((kMaxSlots - kNrWithFreedSlots) % (4096 / sizeof(uint64_t)) != 0);
  static constexpr Slot freed_slot(uint32_t cache_id) { return {kMaxSlots - kNrWithFreedSlots + cache_id}; }
  unsigned capacity() const { return capacity_; }
  /// The most full sheaves of a part of a barn.
  unsigned barn_capacity() const { return barn_most_; }
  /// Objects in sheaves and barns.
  uint64_t nr_objects() const;
  /// Calls visit(index) for each sheaf that lies in a barn, on a quiet system.
  template <typename Visit>
  void each_in_barns(Visit visit) const {
    each_in_barns([](void* self, uint32_t index) { (*static_cast<Visit*>(self))(index); }, &visit);
  }
  /// Calls visit(object) for each object in a sheaf or barn, on a quiet system.
  template <typename Visit>
  void each_object(Visit visit) const {
    each_object([](void* self, void* object) { (*static_cast<Visit*>(self))(object); }, &visit);
  }
  Fault check() const;

 private:
  void use_two_sheaves(uint32_t cache_id);
  void reuse_for_freed(Sheaf old);
  Sheaf hold_back(Sheaf full);
  void each_object(void (*visit)(void* self, void* object), void* self) const;
  void each_in_barns(void (*visit)(void* self, uint32_t index), void* self) const;
  template <typename Visit>
  void each_cpu_sheaf(Visit visit) const;
  Sheaf refill(Gfp gfp, unsigned node);
  void disorder(Sheaf& sheaf) const;
  bool mostly_idle(const CacheNode& node) const;
  unsigned short_capacity() const;
  bool is_short(const Sheaf& full) const;
  void drain_sheaf(Sheaf full);
  void drain_to_slabs(Sheaf sheaf);
  void drain_barn(CacheNode& node);
  void drain_cpus(OtherCpus others);
  void free_past_sheaf(void* object, CacheNode& node);
  bool keep_half(Sheaf full);
  Fault check_sheaf(const Sheaf& sheaf) const;
  Fault check_once() const;

  SlabLayer* slabs_ = nullptr;
  SheafPool* pool_ = nullptr;
  Sheaves which_ = Sheaves::None;
  Slot slot_;
  Slot freed_;  // where freed objects go: slot_, unless the cache is sealed
  uint8_t capacity_ = 0;
  uint8_t barn_most_ = 0;
  AskedCpus asked_;
  Atomic<uint32_t> held_[kHeldSheaves];  // the quarantine of sealed objects: full sheaves by index, evicted at random
};

}  // namespace kmem
