#pragma once
// All zones of the machine, and the order in which a request tries them.

#include "base/maybe.h"
#include "page/page_map.h"
#include "page/zone.h"
#include "port/machine.h"

namespace kmem {

inline constexpr unsigned kMaxZones = 32;

/// A request: a block by order, or (nr_span) a number of frames.
struct FrameRequest {
  Gfp gfp = 0;
  Order order;
  uint64_t nr_span = 0;
  Use use = Use::Unknown;
  uint64_t nr() const { return nr_span ? nr_span : order.pages(); }
};

/// Claimed frames and their zone; null: none were claimed.
struct ClaimedFrames {
  Pfn first;
  Zone* zone = nullptr;
  bool zeroed = false;
};

/// Lock-free; every function may be called in any context.
class Zones : public PageMap {
 public:
  /// Makes the zones of the machine's ranges, with marks by `min_free_kbytes` (0: as the kernel does).  Their tables lie at the
  /// machine's metadata; returns the end of the tables, or null if they do not fit.
  char* init(const Machine& machine, uint64_t min_free_kbytes);

  unsigned nr_zones() const { return nr_zones_; }
  Zone& zone(unsigned i) { return zones_[i]; }
  const Zone& zone(unsigned i) const { return zones_[i]; }
  Span<Zone> all() { return {zones_, nr_zones_}; }
  Zone* zone_of(Pfn pfn);
  /// Is this frame online? Any number may be passed.
  bool is_online(Pfn pfn) {
    const Zone* zone = zone_of(pfn);
    return zone && zone->is_online(pfn);
  }
  /// Is it the descriptor of an online frame? Any address may be passed.
  bool is_descriptor(const void* at) {
    const auto pfn = frame_of_descriptor(at);
    return pfn && is_online(*pfn);
  }

  uint32_t nr_cpus() const { return nr_cpus_; }
  uint32_t nr_nodes() const { return nr_nodes_; }
  NodeId local_node() const;
  /// The node that a request begins with: nid, or this CPU's if there is no such node.
  unsigned node_of(int nid) const {
    return nid < 0 || static_cast<uint32_t>(nid) >= nr_nodes_ ? local_node().value : static_cast<unsigned>(nid);
  }
  /// The zone that the page lists of this node's CPUs are filled from.  Never high memory, because frames on the lists are
  /// handed out by address.
  Zone* preferred_zone(unsigned node) const { return preferred_[node]; }
  /// All zones for requests of that node: nearest node first and on a node the highest kind first; null ends the list.
  Zone* const* fallback(unsigned node) const { return fallback_[node]; }

  // Sums over the zones, in frames.
  uint64_t nr_available() const;  // offline sections included
  uint64_t nr_used() const;       // claimed frames, those on lists included, and charged ones
  uint64_t nr_frames() const;
  uint64_t nr_dirty() const;

  /// The first zone in the node's order that serves the request within that reach.
  ClaimedFrames claim_within(const FrameRequest& request, unsigned node, const Reach& reach);
  /// As claim_within() of a block above the low mark, by Zone::claim_bare_run().
  Maybe<Pfn> claim_bare(const FrameRequest& request, unsigned node, uint64_t& clean);
  /// Could any of the node's zones serve the request and stay above its high mark?
  bool is_above_high(const FrameRequest& request, unsigned node) const;

  /// Gives dirty frames back to the host, all but `keep`; returns their number.
  uint64_t give_to_host(uint64_t keep);
  /// For each zone: PageReporting::bound().
  void bound_keep(uint64_t least, uint64_t fixed);

 protected:
  void zones_after_fork();
  Fault check_zones() const;

 private:
  bool add_range(const Machine& machine, const RamRange& range, char*& metadata);
  bool add_zone(const Machine& machine, ZoneKind kind, Pfn first, Pfn end, NodeId node, char*& metadata);
  void order_for(unsigned node, const Machine& machine);
  void set_watermarks(uint64_t min_free_kbytes);
  template <typename Of>
  uint64_t sum(Of of) const;

  Zone zones_[kMaxZones];
  unsigned nr_zones_ = 0;
  Zone* fallback_[kMaxNodes][kMaxZones + 1] = {};
  Zone* preferred_[kMaxNodes] = {};
  uint32_t nr_cpus_ = 1;
  uint32_t nr_nodes_ = 1;
  const uint8_t* cpu_node_ = nullptr;
};

}  // namespace kmem
