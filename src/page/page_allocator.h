#pragma once
// Frames by order, zone and node: the zones, the order in which a request tries them, and this CPU's page lists.

#include "base/maybe.h"
#include "page/reclaim.h"
#include "page/shared_bound.h"
#include "page/zone.h"
#include "port/cpu_stack.h"
#include "port/machine.h"
#include "sync/sheaf.h"

namespace kmem {

inline constexpr unsigned kMaxZones = 32;

/// Slots of the per-CPU page lists: single frames of the CPU's preferred zone, and the colder ones of them.
inline constexpr Slot kHotPages{256};
inline constexpr Slot kColdPages{257};
/// Frames that a refill asks for; the list holds up to kSheafCapacity (the kernel's batch of 63, too).
inline constexpr unsigned kPageBatch = 63;

/// Lock-free; every function may be called in any context.  An allocation sleeps only where its flags say
/// __GFP_DIRECT_RECLAIM, its caller may, and no zone can serve it above the low mark.
///
/// Invariants on a quiet system (walked by check(), after those of every zone):
///   P1  a frame on a CPU's page list is claimed in its zone, and its descriptor says None
///   P2  no frame is on two page lists, or twice on one
class PageAllocator {
 public:
  /// Makes the zones of the machine's ranges.  Their tables lie at `metadata`; the end of what they need is returned, or
  /// null where it would not fit.
  char* init(const Machine& machine, SheafPool& sheaves, uint64_t min_free_kbytes);
  /// What the layers above hold, and can give back.
  void set_reclaim(ReclaimHook hook) {
    hook_ = hook;
    reclaim_.set_caches(hook);
  }
  Reclaim& reclaim() { return reclaim_; }
  /// Blocks by order are cleared when they are given, or when they come back.
  void set_init(bool on_alloc, bool on_free) {
    init_on_alloc_ = on_alloc;
    init_on_free_ = on_free;
  }

  /// 2^order frames, or null.  Their first descriptor is a Block with one reference.  Contents are unspecified unless
  /// __GFP_ZERO.  nid: the node to begin with, or kNoNode for this CPU's.
  Page* alloc(Gfp gfp, Order order, int nid);
  /// Takes a block back.  False, and nothing changed, where the descriptor says that there is no such block.
  [[nodiscard]] bool free(Page* page, Order order, bool cold = false);

  /// nr frames in a row (any number up to 2^kMaxOrder), aligned to 2^align frames; a Run.
  Page* alloc_run(Gfp gfp, uint64_t nr, Order align, int nid, bool& zeroed);
  void free_run(Page* page);
  /// Makes a run longer, by the frames behind it, or shorter.  False where they are not free.
  bool resize_run(Page* page, uint64_t nr, bool& zeroed);

  /// 2^order frames for a slab: as alloc(), but the descriptor stays the caller's to write.
  Maybe<Pfn> alloc_frames(Gfp gfp, Order order, int nid);
  void free_frames(Pfn pfn, Order order);

  /// 2^order frames, aligned, for who shows them elsewhere (vmap): contents are unspecified, `clean` of them hold no memory
  /// of the host.  Above the low mark only; neither waits nor reclaims.  Given back by zone_of(pfn)->give_back_run().
  Maybe<Pfn> claim_bare_run(Gfp gfp, Order order, int nid, uint64_t& clean);

  /// Empties this CPU's page lists, or every CPU's, into the zones.
  void drain_local();
  void drain_all();
  /// Gives all that is free and dirty back to the host; the number of frames.
  uint64_t trim();

  /// The machine's memory is a limit for what is taken outside the frames too: see charge().
  void set_limited(bool on) { limited_ = on; }
  /// Takes nr frames' worth of memory outside, on the account of the zones; false where that is more than an ordinary
  /// request may have.  Where there is no limit, always true.  May reclaim, as alloc().
  bool charge(uint64_t nr);
  void uncharge(uint64_t nr);
  /// The machine's memory is a limit that others share.
  void set_shared(bool on) { bound_.set_on(on); }
  const SharedBound& bound() const { return bound_; }
  /// For SharedBound: of what the zones would give to ordinary requests, no more than so many frames are there.
  void leave_to_others(uint64_t there);

  Zone* zone_of(Pfn pfn);
  Page* page_at(Pfn pfn) const { return descriptors_ + pfn.value; }
  Pfn pfn_of(const Page* page) const { return {static_cast<uint64_t>(page - descriptors_)}; }
  char* address(Pfn pfn) const { return direct_map_ + (pfn.value << kPageShift); }
  Pfn pfn_of_address(const void* p) const {
    return {static_cast<uint64_t>(static_cast<const char*>(p) - direct_map_) >> kPageShift};
  }
  /// Is there memory behind this frame, and a descriptor?  Any number may be asked.
  bool is_online(Pfn pfn);

  unsigned nr_zones() const { return nr_zones_; }
  Zone& zone(unsigned i) { return zones_[i]; }
  uint64_t frames_end() const { return frames_end_; }
  uint32_t nr_cpus() const { return nr_cpus_; }
  uint32_t nr_nodes() const { return nr_nodes_; }
  /// Free frames of all zones, those of sections to come included.
  uint64_t nr_available() const;
  /// Frames that are claimed, lists included, and what is charged.
  uint64_t nr_used() const;
  uint64_t nr_frames() const;
  uint64_t nr_dirty() const;
  NodeId local_node() const;
  /// The highest zone that these flags may have.
  static ZoneKind highest_zone(Gfp gfp);
  /// The zone that the page lists of this node's CPUs are filled from.
  /// Never high memory: what is on the lists is handed out by address.
  Zone* preferred_zone(unsigned node) const { return preferred_[node]; }
  uint64_t nr_listed(CpuId cpu, Slot list) const;
  void after_fork();
  Fault check();

 private:
  bool add_zone(const Machine& machine, ZoneKind kind, Pfn first, uint64_t nr, NodeId node, char*& metadata);
  void order_zones(const Machine& machine);
  void set_watermarks(uint64_t min_free_kbytes);
  static bool may_take(const Zone& zone, ZoneKind highest, uint64_t nr, const Reach& reach);
  struct Claimed { Pfn first; Zone* zone = nullptr; bool zeroed = false; };
  /// What is asked for: a block by order, or (nr_span) a number of frames.
  struct Wish {
    Gfp gfp;
    Order order;
    uint64_t nr_span = 0;
    uint64_t nr() const { return nr_span ? nr_span : order.pages(); }
  };
  class Attempt;  // page/attempts.cc
  Claimed claim(const Wish& wish, int nid);
  Claimed claim_from_zones(const Wish& wish, unsigned node, const Reach& reach);
  static Claimed claim_from(Zone& zone, const Wish& wish);
  KMEM_COLD Claimed claim_slowly(const Wish& wish, unsigned node);
  bool is_above_high(const Wish& wish, unsigned node) const;
  bool try_charge(uint64_t nr);
  static uint64_t nr_spare(const Zone& zone);
  Page* alloc_listed(Gfp gfp);
  Page* refill_and_take(Zone& zone, unsigned batch);
  void make_seen(FrameSet set);
  void free_listed(Pfn pfn, Zone& zone, bool cold);
  void give_back_sheaf(Sheaf sheaf);
  void give_back_entries(Sheaf sheaf);
  void settle(Zone& zone);
  Page* hand_out(Claimed from, Order order, Gfp gfp);

  Zone zones_[kMaxZones];
  unsigned nr_zones_ = 0;
  /// For each node all zones, nearest node first and on a node the highest kind first; null ends the list.
  Zone* zones_by_node_[kMaxNodes][kMaxZones + 1] = {};
  Zone* preferred_[kMaxNodes] = {};
  SheafPool* sheaves_ = nullptr;
  ReclaimHook hook_;
  Reclaim reclaim_;
  SharedBound bound_;
  bool init_on_alloc_ = false, init_on_free_ = false, limited_ = false;
  Atomic<uint32_t> ebbing_{0};
  char* direct_map_ = nullptr;
  Page* descriptors_ = nullptr;
  uint64_t frames_end_ = 0;
  uint32_t nr_cpus_ = 1;
  uint32_t nr_nodes_ = 1;
  const uint8_t* cpu_node_ = nullptr;
};

}  // namespace kmem
