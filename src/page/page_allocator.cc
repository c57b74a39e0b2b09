#include "page/page_allocator.h"

#include "base/memory.h"
#include "sync/cpu_words.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

static_assert(kFaultGfpNoFail == gfp::kNoFail && kFaultGfpHighMem == gfp::kHighMem && kFaultGfpWait == gfp::kDirectReclaim);

/// A sheaf, as far as there are any.
uint64_t* get_sheaf(SheafPool& pool) { return should_fail(FaultPoint::Sheaf, kNoGfp, kSheafBytes) ? nullptr : pool.get(); }

constexpr Slot kLists[] = {kHotPages, kColdPages};
constexpr Pfn kDmaEnd{(uint64_t{16} << 20) >> kPageShift};
constexpr Pfn kDma32End{(uint64_t{4} << 30) >> kPageShift};

uint64_t square_root(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit; bit >>= 1)
    if ((root | bit) * (root | bit) <= x) root |= bit;
  return root;
}

}  // namespace

// Boot -----------------------------------------------------------------------------------------------------------------

bool PageAllocator::add_zone(const Machine& machine, ZoneKind kind, Pfn first, uint64_t nr, NodeId node,
                             char*& metadata) {
  if (!nr) return true;
  const size_t bytes = Zone::metadata_bytes(nr);
  if (nr_zones_ == kMaxZones || metadata + bytes > machine.metadata + machine.metadata_bytes) return false;
  zones_[nr_zones_].init({kind, node, nr_zones_, first, nr, metadata, direct_map_, descriptors_});
  ++nr_zones_;
  metadata += bytes;
  if (first.value + nr > frames_end_) frames_end_ = first.value + nr;
  return true;
}

char* PageAllocator::init(const Machine& machine, SheafPool& sheaves, uint64_t min_free_kbytes) {
  sheaves_ = &sheaves;
  direct_map_ = machine.direct_map;
  descriptors_ = reinterpret_cast<Page*>(machine.descriptors);
  nr_cpus_ = machine.nr_cpus;
  nr_nodes_ = machine.nr_nodes;
  cpu_node_ = machine.cpu_node;
  char* metadata = machine.metadata;
  for (unsigned i = 0; i < machine.nr_ram; ++i) {
    const Pfn start{machine.ram[i].start.value >> kPageShift};
    const Pfn end = start + (machine.ram[i].bytes >> kPageShift);
    if (machine.ram[i].high) {
      if (!add_zone(machine, ZoneKind::HighMem, start, end - start, machine.ram[i].node, metadata)) return nullptr;
      continue;
    }
    const Pfn limits[] = {{0}, kDmaEnd, kDma32End, {~uint64_t{0}}};
    for (unsigned kind = 0; kind < 3; ++kind) {
      const Pfn from = start < limits[kind] ? limits[kind] : start;
      const Pfn to = end < limits[kind + 1] ? end : limits[kind + 1];
      if (!(from < to)) continue;
      if (!add_zone(machine, static_cast<ZoneKind>(kind), from, to - from, machine.ram[i].node, metadata)) return nullptr;
    }
  }
  order_zones(machine);
  set_watermarks(min_free_kbytes);
  reclaim_.init(*this, nr_nodes_);
  bound_.init(*this);
  return metadata;
}

void PageAllocator::order_zones(const Machine& machine) {
  for (unsigned node = 0; node < nr_nodes_; ++node) {
    unsigned n = 0;
    // A small selection sort: nearest node first, then the highest kind.
    bool taken[kMaxZones] = {};
    for (; n < nr_zones_; ++n) {
      int best = -1;
      for (unsigned i = 0; i < nr_zones_; ++i) {
        if (taken[i]) continue;
        const auto& distance = machine.distance[node];
        const auto near = [&](unsigned z) { return distance[zones_[z].node().value]; };
        if (best < 0 || near(i) < near(static_cast<unsigned>(best)) ||
            (near(i) == near(static_cast<unsigned>(best)) && zones_[i].kind() > zones_[best].kind()))
          best = static_cast<int>(i);
      }
      taken[best] = true;
      zones_by_node_[node][n] = &zones_[best];
    }
    zones_by_node_[node][n] = nullptr;
    preferred_[node] = zones_by_node_[node][0];
    for (unsigned i = n; i--;)
      if (zones_by_node_[node][i]->kind() != ZoneKind::HighMem) preferred_[node] = zones_by_node_[node][i];
  }
}

// As the kernel computes them (Documentation/admin-guide/sysctl/vm.rst: min_free_kbytes, watermark_scale_factor,
// lowmem_reserve_ratio), from all frames that may come online.
void PageAllocator::set_watermarks(uint64_t min_free_kbytes) {
  uint64_t total = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) total += zones_[i].nr_frames();
  if (!total) return;
  if (!min_free_kbytes) {
    min_free_kbytes = square_root(total * (kPageSize / 1024) * 16);
    if (min_free_kbytes < 128) min_free_kbytes = 128;
    if (min_free_kbytes > 262144) min_free_kbytes = 262144;
  }
  const uint64_t pages_min = min_free_kbytes / (kPageSize / 1024);
  constexpr uint64_t kReserveRatio[kZoneKinds] = {256, 256, 32, 0};
  for (unsigned i = 0; i < nr_zones_; ++i) {
    Zone& zone = zones_[i];
    zone.watermark_min = pages_min * zone.nr_frames() / total;
    const uint64_t quarter = zone.watermark_min / 4, scaled = zone.nr_frames() * 10 / 10000;
    const uint64_t step = quarter > scaled ? quarter : scaled;
    zone.watermark_low = zone.watermark_min + step;
    zone.watermark_high = zone.watermark_low + step;
    uint64_t above = 0;
    for (unsigned kind = static_cast<unsigned>(zone.kind()) + 1; kind < kZoneKinds; ++kind) {
      for (unsigned j = 0; j < nr_zones_; ++j)
        if (static_cast<unsigned>(zones_[j].kind()) == kind && zones_[j].node() == zone.node()) above += zones_[j].nr_frames();
      const uint64_t ratio = kReserveRatio[static_cast<unsigned>(zone.kind())];
      zone.lowmem_reserve[kind] = ratio ? above / ratio : 0;
    }
  }
}

// Which zone -----------------------------------------------------------------------------------------------------------

ZoneKind PageAllocator::highest_zone(Gfp gfp) {
  if (gfp & gfp::kDma) return ZoneKind::Dma;
  if (gfp & gfp::kDma32) return ZoneKind::Dma32;
  return gfp & gfp::kHighMem ? ZoneKind::HighMem : ZoneKind::Normal;
}

bool PageAllocator::may_take(const Zone& zone, ZoneKind highest, uint64_t nr, const Reach& reach) {
  const uint64_t kept = reach.all ? 0 : zone.lowmem_reserve[static_cast<unsigned>(highest)];
  return zone.nr_available() >= reach.floor(zone.marks()) + kept + nr;
}

PageAllocator::Claimed PageAllocator::claim_from(Zone& zone, const Wish& wish) {
  if (wish.order.value == 0) {
    const FrameSet set = zone.claim_some(1);
    return set.mask ? Claimed{set.first + lowest_bit(set.mask), &zone, set.clean != 0} : Claimed{};
  }
  bool zeroed = false;
  const auto at = wish.nr_span ? zone.claim_span(wish.nr_span, zeroed) : zone.claim_run(wish.order, zeroed);
  return at ? Claimed{*at, &zone, zeroed} : Claimed{};
}

PageAllocator::Claimed PageAllocator::claim_from_zones(const Wish& wish, unsigned node, const Reach& reach) {
  const ZoneKind highest = highest_zone(wish.gfp);
  for (Zone** z = zones_by_node_[node]; *z; ++z) {
    Zone& zone = **z;
    if (zone.kind() > highest || !may_take(zone, highest, wish.nr(), reach)) continue;
    if ((wish.gfp & gfp::kThisNode) && zone.node().value != node) continue;
    if (const Claimed got = claim_from(zone, wish); got.zone) return got;
  }
  return {};
}

PageAllocator::Claimed PageAllocator::claim(const Wish& wish, int nid) {
  const unsigned node = nid < 0 || static_cast<uint32_t>(nid) >= nr_nodes_ ? local_node().value : static_cast<unsigned>(nid);
  reclaim_.heed_pressure(wish.gfp);
  bound_.heed(wish.gfp);
  Claimed got = claim_from_zones(wish, node, {.low = true});
  if (KMEM_UNLIKELY(!got.zone)) got = claim_slowly(wish, node);
  if (bound_.tight() && got.zone && got.zone->kind() != ZoneKind::HighMem) bound_.make_seen(address(got.first), wish.nr());
  return got;
}

bool PageAllocator::is_above_high(const Wish& wish, unsigned node) const {
  const ZoneKind highest = highest_zone(wish.gfp);
  for (Zone* const* z = zones_by_node_[node]; *z; ++z) {
    const Zone& zone = **z;
    if (zone.kind() > highest || ((wish.gfp & gfp::kThisNode) && zone.node().value != node)) continue;
    if (zone.nr_available() >= zone.watermark_high + zone.lowmem_reserve[static_cast<unsigned>(highest)] + wish.nr()) return true;
  }
  return false;
}

uint64_t PageAllocator::nr_available() const {
  uint64_t sum = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) sum += zones_[i].nr_available();
  return sum;
}

NodeId PageAllocator::local_node() const {
  if (nr_nodes_ == 1) return {};
  const uint32_t cpu = CpuStack::where().value;
  return {cpu_node_[cpu < nr_cpus_ ? cpu : cpu - nr_cpus_]};
}

Zone* PageAllocator::zone_of(Pfn pfn) {
  for (unsigned i = 0; i < nr_zones_; ++i)
    if (zones_[i].contains(pfn)) return &zones_[i];
  return nullptr;
}

bool PageAllocator::is_online(Pfn pfn) {
  const Zone* zone = zone_of(pfn);
  return zone && zone->is_online(pfn);
}

// Blocks by order ------------------------------------------------------------------------------------------------------

Page* PageAllocator::hand_out(Claimed from, Order order, Gfp gfp) {
  Page* page = page_at(from.first);
  page->head.poke(Page::pack(PageKind::Block, from.zone->index(), order, 1));
  if (((gfp & gfp::kZero) || init_on_alloc_) && !from.zeroed) memset(address(from.first), 0, order.bytes());
  return page;
}

Page* PageAllocator::alloc(Gfp gfp, Order order, int nid) {
  if (order.value > kMaxOrder || should_fail(FaultPoint::Pages, gfp, order.bytes())) return nullptr;
  const FaultExempt exempt(gfp & gfp::kNoFail);
  const bool plain = !(gfp & (gfp::kZoneMask | gfp::kThisNode)) && nid < 0;
  if (order.value == 0 && plain)
    if (Page* page = alloc_listed(gfp)) return page;
  const Claimed got = claim({gfp, order}, nid);
  return got.zone ? hand_out(got, order, gfp) : nullptr;
}

bool PageAllocator::free(Page* page, Order order, bool cold) {
  const Pfn pfn = pfn_of(page);
  const uint64_t head = page->head.peek();
  Zone* zone = zone_of(pfn);
  if (!zone || head != Page::pack(PageKind::Block, zone->index(), order, 1)) return false;
  if (init_on_free_) memset(address(pfn), 0, order.bytes());
  page->head.poke(Page::pack(PageKind::None, zone->index(), {}, 0));
  if (order.value == 0) free_listed(pfn, *zone, cold);
  else free_frames(pfn, order);
  return true;
}

Maybe<Pfn> PageAllocator::alloc_frames(Gfp gfp, Order order, int nid) {
  if (should_fail(FaultPoint::Pages, gfp, order.bytes())) return {};
  const FaultExempt exempt(gfp & gfp::kNoFail);
  if (order.value == 0 && nid < 0 && !(gfp & (gfp::kZoneMask | gfp::kThisNode)))
    if (Page* page = alloc_listed(gfp & ~gfp::kZero)) return pfn_of(page);
  const Claimed got = claim({gfp, order}, nid);
  if (!got.zone) return {};
  return got.first;
}

void PageAllocator::free_frames(Pfn pfn, Order order) {
  Zone& zone = *zone_of(pfn);
  page_at(pfn)->head.poke(Page::pack(PageKind::None, zone.index(), {}, 0));
  if (order.value == 0) return free_listed(pfn, zone, false);
  zone.give_back_run(pfn, order.pages());
  settle(zone);
}

// Called with nothing held: the caches above may be asked to shrink, and come back here with what they free.
void PageAllocator::settle(Zone& zone) {
  if (KMEM_UNLIKELY(zone.ebbs()) && hook_.ebb && !ebbing_.exchange(1)) {
    hook_.ebb(hook_.arg);
    drain_all();
    ebbing_.store(0);
  }
  zone.settle();
  reclaim_.note_freed();
}

// Above the low mark only: what lies below is handed out frame by frame, with all that alloc_frames() asks and does for it.
Maybe<Pfn> PageAllocator::claim_bare_run(Gfp gfp, Order order, int nid, uint64_t& clean) {
  bound_.heed(gfp);
  const unsigned node = nid < 0 || static_cast<uint32_t>(nid) >= nr_nodes_ ? local_node().value : static_cast<unsigned>(nid);
  const ZoneKind highest = highest_zone(gfp);
  const Reach reach{.low = true};
  for (Zone** z = zones_by_node_[node]; *z; ++z) {
    Zone& zone = **z;
    if (zone.kind() > highest || !may_take(zone, highest, order.pages(), reach)) continue;
    if ((gfp & gfp::kThisNode) && zone.node().value != node) continue;
    if (const auto at = zone.claim_bare_run(order, clean)) return at;
  }
  return {};
}

// This CPU's lists -----------------------------------------------------------------------------------------------------

Page* PageAllocator::alloc_listed(Gfp gfp) {
  void* p = nullptr;
  if (gfp & gfp::kCold) p = CpuStack::pop(kColdPages);
  if (!p) p = CpuStack::pop(kHotPages);
  if (!p && !(gfp & gfp::kCold)) p = CpuStack::pop(kColdPages);
  Zone& zone = *preferred_zone(local_node().value);
  if (p) return hand_out({pfn_of_address(p), zone_of(pfn_of_address(p)), false}, {}, gfp);
  reclaim_.heed_pressure(gfp);
  bound_.heed(gfp);
  // Lists are filled from what is above the low mark: they must not carry the reserve away.
  const uint64_t kept = zone.watermark_low + zone.lowmem_reserve[static_cast<unsigned>(ZoneKind::Normal)];
  const uint64_t spare = zone.nr_available() > kept ? zone.nr_available() - kept : 0;
  if (!spare) return nullptr;
  const unsigned batch = bound_.batch(kPageBatch);
  Page* page = refill_and_take(zone, spare < batch ? static_cast<unsigned>(spare) : batch);
  return page ? hand_out({pfn_of(page), &zone, false}, {}, gfp) : nullptr;
}

void PageAllocator::make_seen(FrameSet set) {
  for (uint64_t rest = set.mask; rest;) {
    const unsigned first = lowest_bit(rest);
    const uint64_t beyond = ~(rest >> first);  // its first bit is where the row ends
    const unsigned nr = beyond ? lowest_bit(beyond) : 64;
    bound_.make_seen(address(set.first + first), nr);
    rest &= ~(low_mask(nr) << first);
  }
}

Page* PageAllocator::refill_and_take(Zone& zone, unsigned batch) {
  uint64_t* words = get_sheaf(*sheaves_);
  if (!words) return nullptr;
  Sheaf sheaf = Sheaf::empty(words, kSheafCapacity);
  while (sheaf.room() > kSheafCapacity - batch) {
    const FrameSet set = zone.claim_some(sheaf.room() - (kSheafCapacity - batch), CpuStack::where().value % 4);
    if (!set.mask) break;
    if (bound_.tight()) make_seen(set);
    // Highest first, so that the lowest comes out first.
    for (uint64_t rest = set.mask; rest; rest &= ~(uint64_t{1} << highest_bit(rest)))
      sheaf.put(address(set.first + highest_bit(rest)));
  }
  void* mine = sheaf.is_empty() ? nullptr : sheaf.take();
  Sheaf old;
  if (!mine || !exchange_if_empty(*sheaves_, kHotPages, sheaf, old)) old = sheaf;
  if (old) give_back_sheaf(old);
  return mine ? page_at(pfn_of_address(mine)) : nullptr;
}

void PageAllocator::free_listed(Pfn pfn, Zone& zone, bool cold) {
  const Slot slot = cold ? kColdPages : kHotPages;
  const bool local = &zone == preferred_zone(local_node().value);
  for (int tries = 0; local && tries < 2; ++tries) {
    if (CpuStack::push(slot, address(pfn)) == Push::Done) return;
    uint64_t* words = get_sheaf(*sheaves_);
    if (!words) break;
    Sheaf old;
    const Sheaf fresh = Sheaf::empty(words, kSheafCapacity);
    if (!exchange_if_full(*sheaves_, slot, fresh, old)) old = fresh;
    if (old) give_back_sheaf(old);
  }
  zone.give_back_run(pfn, 1);
  settle(zone);
}

// Neighbours in the sheaf are often neighbours in memory: one atomic operation then serves them all.
void PageAllocator::give_back_entries(Sheaf sheaf) {
  Zone* zone = nullptr;
  FrameSet set;
  while (!sheaf.is_empty()) {
    const Pfn pfn = pfn_of_address(sheaf.take());
    const Pfn word{round_down(pfn.value, 64)};
    if (zone && !(set.first == word)) {
      zone->give_back(set);
      set = {};
    }
    if (!zone || !zone->contains(pfn)) zone = zone_of(pfn);
    set.first = word;
    set.mask |= uint64_t{1} << (pfn.value % 64);
  }
  if (!zone) return;
  zone->give_back(set);
  settle(*zone);
}

void PageAllocator::give_back_sheaf(Sheaf sheaf) {
  give_back_entries(sheaf);
  sheaves_->put(sheaf.words);
}

void PageAllocator::drain_local() {
  for (const Slot slot : kLists)
    if (const Sheaf sheaf = take_local(*sheaves_, slot)) give_back_sheaf(sheaf);
}

void PageAllocator::drain_all() {
  drain_local();
  for (const Slot slot : kLists)
    take_everywhere(*sheaves_, slot, nr_cpus_, [this](Sheaf sheaf) { give_back_sheaf(sheaf); });
}

uint64_t PageAllocator::nr_listed(CpuId cpu, Slot list) const {
  const uint64_t word = CpuStack::word(cpu, list);
  return word && word != sheaves_->closed() ? Sheaf::of_word(sheaves_->base(), word).count() : 0;
}

// Runs of any length ---------------------------------------------------------------------------------------------------

Page* PageAllocator::alloc_run(Gfp gfp, uint64_t nr, Order align, int nid, bool& zeroed) {
  Order order{static_cast<uint8_t>(log2_ceil(nr))};
  if (order.value < align.value) order = align;
  if (order.value > kMaxOrder || should_fail(FaultPoint::Pages, gfp, nr << kPageShift)) return nullptr;
  const FaultExempt exempt(gfp & gfp::kNoFail);
  // A run of just this length, wherever it fits, leaves less unused than an aligned block that is cut.
  const bool span = nr > 1 && align.value == 0;
  const Claimed got = claim({gfp, order, span ? nr : 0}, nid);
  if (!got.zone) return nullptr;
  if (!span && order.pages() > nr) got.zone->give_back_run(got.first + nr, order.pages() - nr, got.zeroed);
  Page* page = page_at(got.first);
  page->aux = static_cast<uint32_t>(nr);
  page->head.poke(Page::pack(PageKind::Run, got.zone->index(), {}, 1));
  zeroed = got.zeroed;
  if ((gfp & gfp::kZero) && !zeroed) memset(address(got.first), 0, nr << kPageShift);
  return page;
}

void PageAllocator::free_run(Page* page) {
  const Pfn pfn = pfn_of(page);
  Zone& zone = *zone_of(pfn);
  const uint64_t nr = page->aux;
  page->head.poke(Page::pack(PageKind::None, zone.index(), {}, 0));
  zone.give_back_run(pfn, nr);
  settle(zone);
}

bool PageAllocator::resize_run(Page* page, uint64_t nr, bool& zeroed) {
  const Pfn pfn = pfn_of(page);
  Zone& zone = *zone_of(pfn);
  const uint64_t old = page->aux;
  zeroed = false;
  if (nr > old && should_fail(FaultPoint::Pages, kNoGfp, (nr - old) << kPageShift)) return false;
  if (nr > old && (nr > (uint64_t{1} << kMaxOrder) || !zone.claim_at(pfn + old, nr - old))) return false;
  page->aux = static_cast<uint32_t>(nr);
  if (nr < old) {
    zone.give_back_run(pfn + nr, old - nr);
    settle(zone);
  }
  return true;
}

// The rest -------------------------------------------------------------------------------------------------------------

uint64_t PageAllocator::trim() {
  drain_all();
  uint64_t sum = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) sum += zones_[i].give_to_host(0);
  return sum;
}

void PageAllocator::after_fork() {
  ebbing_.store(0);
  reclaim_.after_fork();
  bound_.after_fork();
  for (unsigned i = 0; i < nr_zones_; ++i) zones_[i].after_fork();
}

Fault PageAllocator::check() {
  for (unsigned i = 0; i < nr_zones_; ++i)
    if (const Fault fault = zones_[i].check()) return fault;
  for (uint32_t cpu = 0; cpu < 2 * nr_cpus_; ++cpu) {
    for (const Slot slot : kLists) {
      const uint64_t word = CpuStack::word({cpu}, slot);
      if (!word || word == sheaves_->closed()) continue;
      const Sheaf sheaf = Sheaf::of_word(sheaves_->base(), word);
      for (unsigned i = sheaf.top; sheaf.words[i]; ++i) {
        const Pfn pfn = pfn_of_address(reinterpret_cast<void*>(sheaf.words[i]));
        const Zone* zone = zone_of(pfn);
        if (!zone || zone->frames().is_free(pfn) || page_at(pfn)->kind() != PageKind::None)
          return {"P1 a listed frame is claimed and its descriptor says None", pfn.value};
        for (unsigned j = i + 1; sheaf.words[j]; ++j)
          if (sheaf.words[i] == sheaf.words[j]) return {"P2 no frame is listed twice", pfn.value};
      }
    }
  }
  return {};
}

}  // namespace kmem
