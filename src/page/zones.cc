#include "page/zones.h"

#include "port/cpu_local.h"
#include "port/cpu_stack.h"

namespace kmem {
namespace {

/// May the request use this zone?
bool may_have(const Zone& zone, const FrameRequest& request, unsigned node) {
  return zone.kind() <= highest_zone(request.gfp) && (!(request.gfp & gfp::kThisNode) || zone.node().value == node);
}

bool has_room(const Zone& zone, const FrameRequest& request, const Reach& reach) {
  return zone.marks().let_take(zone.nr_available(), request.nr(), highest_zone(request.gfp), reach);
}

ClaimedFrames claim_from(Zone& zone, const FrameRequest& request) {
  if (request.order.value == 0) {
    const FrameSet set = zone.claim_some(1);
    return set.mask ? ClaimedFrames{set.first + lowest_bit(set.mask), &zone, set.clean != 0} : ClaimedFrames{};
  }
  bool zeroed = false;
  const auto at =
      request.nr_span ? zone.claim_span(request.nr_span, zeroed) : zone.claim_run(request.order, request.use, zeroed);
  return at ? ClaimedFrames{*at, &zone, zeroed} : ClaimedFrames{};
}

}  // namespace

// Boot -----------------------------------------------------------------------------------------------------------------

bool Zones::add_zone(const Machine& machine, ZoneKind kind, Pfn first, Pfn end, NodeId node, char*& metadata) {
  if (!(first < end)) return true;
  const size_t bytes = Zone::metadata_bytes(end - first);
  if (nr_zones_ == kMaxZones || metadata + bytes > machine.metadata + machine.metadata_bytes) return false;
  const bool addressed = first.value < machine.nr_addressed;
  zones_[nr_zones_].init({kind, node, nr_zones_, first, end - first, metadata, direct_map_, descriptors_, &known_, addressed});
  ++nr_zones_;
  metadata += bytes;
  return true;
}

// A range is cut where the zones DMA and DMA32 end.
bool Zones::add_range(const Machine& machine, const RamRange& range, char*& metadata) {
  const Pfn start{range.start.value >> kPageShift}, end = start + (range.bytes >> kPageShift);
  if (range.high) return add_zone(machine, ZoneKind::HighMem, start, end, range.node, metadata);
  const Pfn limits[] = {{0}, {machine.dma_end.value >> kPageShift}, {machine.dma32_end.value >> kPageShift}, {~uint64_t{0}}};
  for (unsigned kind = 0; kind < 3; ++kind) {
    const Pfn from = start < limits[kind] ? limits[kind] : start;
    const Pfn to = end < limits[kind + 1] ? end : limits[kind + 1];
    if (!add_zone(machine, static_cast<ZoneKind>(kind), from, to, range.node, metadata)) return false;
  }
  return true;
}

char* Zones::init(const Machine& machine, uint64_t min_free_kbytes) {
  init_map(machine);
  nr_cpus_ = machine.nr_cpus;
  nr_nodes_ = machine.nr_nodes;
  cpu_node_ = machine.cpu_node;
  char* metadata = machine.metadata;
  for (unsigned i = 0; i < machine.nr_ram; ++i)
    if (!add_range(machine, machine.ram[i], metadata)) return nullptr;
  for (unsigned node = 0; node < nr_nodes_; ++node) order_for(node, machine);
  uint64_t end = 0;
  for (const Zone& zone : all()) {
    const uint64_t its = zone.first().value + zone.nr_frames();
    if (its > end) end = its;
  }
  known_.init(machine, end);
  if (!known_.cover(1)) return nullptr;
  set_watermarks(min_free_kbytes);
  return metadata;
}

// A small selection sort: nearest node first, then the highest kind.
void Zones::order_for(unsigned node, const Machine& machine) {
  const auto comes_before = [&](const Zone& a, const Zone& b) {
    const uint8_t to_a = machine.distance[node][a.node().value], to_b = machine.distance[node][b.node().value];
    return to_a < to_b || (to_a == to_b && a.kind() > b.kind());
  };
  bool taken[kMaxZones] = {};
  for (unsigned n = 0; n < nr_zones_; ++n) {
    unsigned best = kMaxZones;
    for (unsigned i = 0; i < nr_zones_; ++i)
      if (!taken[i] && (best == kMaxZones || comes_before(zones_[i], zones_[best]))) best = i;
    taken[best] = true;
    fallback_[node][n] = &zones_[best];
  }
  fallback_[node][nr_zones_] = nullptr;
  preferred_[node] = fallback_[node][0];
  for (unsigned i = nr_zones_; i--;)
    if (fallback_[node][i]->kind() != ZoneKind::HighMem) preferred_[node] = fallback_[node][i];
}

// Of all frames that may come online.
void Zones::set_watermarks(uint64_t min_free_kbytes) {
  ZoneSize sizes[kMaxZones];
  for (unsigned i = 0; i < nr_zones_; ++i) sizes[i] = {zones_[i].kind(), zones_[i].node(), zones_[i].nr_frames()};
  for (unsigned i = 0; i < nr_zones_; ++i) zones_[i].set_marks(watermarks_of({sizes, nr_zones_}, i, min_free_kbytes));
}

// Which zone -----------------------------------------------------------------------------------------------------------

Zone* Zones::zone_of(Pfn pfn) {
  for (unsigned i = 0; i < nr_zones_; ++i)
    if (zones_[i].contains(pfn)) return &zones_[i];
  return nullptr;
}

NodeId Zones::local_node() const {
  if (nr_nodes_ == 1) return {};
  const uint32_t cpu = CpuStack::where().value;
  return {cpu_node_[cpu < nr_cpus_ ? cpu : CpuLocal::here()]};
}

ClaimedFrames Zones::claim_within(const FrameRequest& request, unsigned node, const Reach& reach) {
  for (Zone* const* zone = fallback(node); *zone; ++zone) {
    if (!may_have(**zone, request, node) || !has_room(**zone, request, reach)) continue;
    if (const ClaimedFrames got = claim_from(**zone, request); got.zone) return got;
  }
  return {};
}

Maybe<Pfn> Zones::claim_bare(const FrameRequest& request, unsigned node, uint64_t& clean) {
  for (Zone* const* zone = fallback(node); *zone; ++zone) {
    if (!may_have(**zone, request, node) || !has_room(**zone, request, {.low = true})) continue;
    if (const auto at = (*zone)->claim_bare_run(request.order, clean)) return at;
  }
  return {};
}

bool Zones::is_above_high(const FrameRequest& request, unsigned node) const {
  for (Zone* const* zone = fallback(node); *zone; ++zone)
    if (may_have(**zone, request, node) &&
        (*zone)->marks().is_high((*zone)->nr_available(), request.nr(), highest_zone(request.gfp)))
      return true;
  return false;
}

// All of them ----------------------------------------------------------------------------------------------------------

template <typename Of>
uint64_t Zones::sum(Of of) const {
  uint64_t sum = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) sum += of(zones_[i]);
  return sum;
}

uint64_t Zones::nr_available() const {
  return sum([](const Zone& zone) { return zone.nr_available(); });
}
uint64_t Zones::nr_used() const {
  return sum([](const Zone& zone) { return zone.nr_in_use() + zone.counts().nr_charged(); });
}
uint64_t Zones::nr_frames() const {
  return sum([](const Zone& zone) { return zone.nr_frames(); });
}
uint64_t Zones::nr_dirty() const {
  return sum([](const Zone& zone) { return zone.nr_dirty(); });
}

uint64_t Zones::give_to_host(uint64_t keep) {
  uint64_t sum = 0;
  for (Zone& zone : all()) {
    const uint64_t dirty = zone.nr_dirty(), part = dirty < keep ? dirty : keep;
    sum += zone.reporting().give_to_host(part);
    keep -= part;
  }
  return sum;
}

void Zones::bound_keep(uint64_t least, uint64_t fixed) {
  for (Zone& zone : all()) zone.reporting().bound(least, fixed);
}

void Zones::zones_after_fork() {
  for (Zone& zone : all()) zone.after_fork();
}

Fault Zones::check_zones() const {
  for (unsigned i = 0; i < nr_zones_; ++i)
    if (const Fault fault = zones_[i].check()) return fault;
  return {};
}

}  // namespace kmem
