// Copies the layers' state into the plain structs of reports.

#include "report/snapshot.h"
#include "base/memory.h"
#include "system/system.h"

namespace kmem {
namespace {

constexpr unsigned kMaxPcps = 64;  // CPUs of which a report lists the page lists

constexpr unsigned kMaxIomem = 128;  // lines of it

struct Store {
  CacheSnapshot caches[CacheTable::kMost];
  ZoneSnapshot zones[kMaxZones];
  PcpSnapshot pcps[kMaxPcps];
  IomemSnapshot iomem[kMaxIomem];
};
Store store;  // not resident until the first snapshot
Atomic<uint32_t> busy;

constexpr const char* kZoneNames[kZoneKinds] = {"DMA", "DMA32", "Normal", "HighMem"};

void copy_name(char* to, const char* from, size_t bytes) {
  size_t i = 0;
  for (; i + 1 < bytes && from[i]; ++i) to[i] = from[i];
  to[i] = 0;
}

uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

// Other threads run meanwhile, even joined ones, whose stack and descriptor are freed after the join. An object on its way
// between a user and a CPU's sheaf would be counted twice or not at all. So if calls are counted, the objects in use are their
// difference; frees are read first, so that they never exceed the allocations.
void count_calls(CacheSnapshot& out, const Cache& cache) {
  const CacheCalls calls = cache.calls().read();
  out.frees = calls.frees;
  out.allocs = calls.allocs;
  out.slow_allocs = calls.slow_allocs;
  out.slow_frees = calls.slow_frees;
  const bool counted = system().options.stats;
  if (counted) out.slow_allocs = least(out.slow_allocs, out.allocs), out.slow_frees = least(out.slow_frees, out.frees);
  const uint64_t difference = out.allocs > out.frees ? out.allocs - out.frees : 0;  // a double free counts twice
  out.active_objs = counted ? difference : static_cast<uint64_t>(cache.nr_in_use());
}

void fill(CacheSnapshot& out, const Cache& cache) {
  copy_name(out.name, cache.name(), sizeof out.name);
  const SlabShape& shape = cache.slabs().shape();
  out.object_size = cache.object_size();
  out.stride = shape.size;
  out.objects_per_slab = shape.nr_objects;
  out.pages_per_slab = static_cast<uint32_t>(shape.order.pages());
  out.num_slabs = static_cast<uint64_t>(cache.nr_slabs());
  out.active_slabs = out.num_slabs;
  out.num_objs = out.num_slabs * shape.nr_objects;
  out.limit = cache.sheaves().capacity();
  out.batchcount = cache.sheaves().capacity();
  out.shared = cache.sheaves().barn_capacity();
  out.cached_objs = cache.sheaves().nr_objects();
  count_calls(out, cache);
  const uint32_t refs = cache.refs.peek();
  out.aliases = refs > 1 ? refs - 1 : 0;
}

void fill(ZoneSnapshot& out, Zone& zone, PageAllocator& pages) {
  out.node = zone.node().value;
  copy_name(out.name, kZoneNames[static_cast<unsigned>(zone.kind())], sizeof out.name);
  zone.frames().count_by_order(out.free_blocks);
  out.nr_free = zone.nr_free();
  out.min = zone.marks().min;
  out.low = zone.marks().low;
  out.high = zone.marks().high;
  out.spanned = zone.nr_frames();
  out.present = out.managed = zone.counts().nr_online();
  out.start_pfn = zone.first().value;
  for (unsigned i = 0; i < kZoneKinds && i < kNrProtections; ++i) out.protection[i] = zone.marks().lowmem_reserve[i];
  out.dirty = zone.nr_dirty();
  out.clean = out.nr_free > out.dirty ? out.nr_free - out.dirty : 0;
  if (&zone != pages.preferred_zone(zone.node().value)) return;
  const uint32_t n = pages.nr_cpus() < kMaxPcps ? pages.nr_cpus() : kMaxPcps;
  for (uint32_t cpu = 0; cpu < n; ++cpu) {
    const uint64_t count = pages.lists().nr_listed({cpu}, kHotPages) + pages.lists().nr_listed({cpu}, kColdPages);
    store.pcps[cpu] = {cpu, static_cast<uint32_t>(count), kSheafCapacity, kPageBatch};
  }
  out.pcps = {store.pcps, n};
}

const char* kind_of(const AreaInfo& area) {
  constexpr const char* kNames[] = {"vmalloc", "vmap", "ioremap", ""};
  return area.flags & area::kRam ? "vm_map_ram" : kNames[static_cast<unsigned>(area.kind)];
}

bool next_area(void* vmap, uint64_t& cursor, AreaSnapshot& out) {
  AreaInfo area;
  if (!static_cast<Vmap*>(vmap)->next_area(cursor, area)) return false;
  out = AreaSnapshot{};
  out.start = reinterpret_cast<uint64_t>(area.start);
  out.end = out.start + area.bytes;
  out.caller = reinterpret_cast<uint64_t>(area.caller);
  out.pages = area.nr_pages;
  out.phys = area.phys;
  copy_name(out.kind, kind_of(area), sizeof out.kind);
  out.user = area.flags & area::kUserMap;
  out.lazy = area.lazy;
  for (unsigned node = 0; node < kMaxNodes; ++node) out.on_node[node] = area.on_node[node];
  return true;
}

void fill(WindowSnapshot& out, Vmap& vmap) {
  const Window& window = vmap.window();
  if (!window.start()) return;
  out.start = reinterpret_cast<uint64_t>(window.start());
  out.bytes = window.bytes();
  out.used = window.used_bytes();
  out.largest = vmap.window().largest_free_bytes();
  out.areas = vmap.nr_areas();
  out.lazy_pages = vmap.lazy_pages();
  out.pages = vmap.nr_frames() > out.lazy_pages ? vmap.nr_frames() - out.lazy_pages : 0;
  out.reused = vmap.nr_reused();
  out.next = next_area;
  out.arg = &vmap;
}

void fill(ReclaimSnapshot& out, PageAllocator& pages) {
  const ReclaimCounts& n = pages.reclaim().counts();
  out = {n.stalls.value(),
         n.rounds.value(),
         n.waits.value(),
         n.balances.value(),
         n.thread_wakes.value(),
         n.thread_rounds.value(),
         n.pressures.value(),
         n.cache_pages.value(),
         pages.reclaim().shrinkers().nr(),
         pages.reclaim().shrinkers().nr_scanned(),
         n.shrinker_objects.value(),
         n.ooms.value(),
         n.failures.value(),
         0,
         pages.bound().on(),
         0,
         pages.bound().nr_looks()};
  for (unsigned i = 0; i < pages.nr_zones(); ++i) {
    out.charged += pages.zone(i).counts().nr_charged();
    out.others += pages.zone(i).counts().nr_others();
  }
}

/// Collects lines of iomem in order; lines that do not fit are left out.
struct IomemLines {
  unsigned nr = 0;
  void put(MemRange range, uint32_t level, const char* name) {
    if (nr == kMaxIomem) return;
    IomemSnapshot& line = store.iomem[nr++];
    line.start = range.base;
    line.end = range.end - 1;
    line.level = level;
    copy_name(line.name, name, sizeof line.name);
  }
};

Span<const IomemSnapshot> take_iomem() {
  const BootMemory& boot = boot_memory();
  IomemLines lines;
  for (const MemRegion& ram : boot_memory().memblock().memory()) {
    lines.put(ram.range, 0, any(ram.flags & MemFlags::NoMap) ? "Reserved" : "System RAM");
    for (const MemRegion& taken : boot_memory().memblock().reserved()) {
      if (!taken.range.overlaps(ram.range)) continue;
      lines.put(taken.range, 1, "Reserved");
      for (const NamedMemory& named : boot.named())
        if (taken.range.contains(named.start.value))
          lines.put({named.start.value, named.start.value + named.bytes}, 2, named.name);
    }
  }
  return {store.iomem, lines.nr};
}

/// The sums over all caches and zones.
struct Sums {
  uint64_t all = 0, slow = 0;                           // calls
  size_t objects = 0, slabs = 0, used = 0, listed = 0;  // bytes
};

void take_cache(const Cache& cache, size_t& nr, Sums& sums) {
  if (!cache.live()) return;
  CacheSnapshot& out = store.caches[nr];
  out = CacheSnapshot{};
  fill(out, cache);
  sums.objects += out.active_objs * out.stride;
  sums.all += out.allocs + out.frees;
  sums.slow += out.slow_allocs + out.slow_frees;
  sums.slabs += out.num_slabs * cache.slabs().shape().bytes();
  ++nr;
}

Span<const CacheSnapshot> take_caches(Heap& heap, Sums& sums, const Parts& parts) {
  size_t nr = 0;
  for (uint32_t id = 1; id <= heap.nr_caches() && id < CacheTable::kMost; ++id)
    parts("cache ", heap.cache(id).name(), [&] { take_cache(heap.cache(id), nr, sums); });
  return {store.caches, nr};
}

void take_zone(SystemSnapshot& out, Zone& zone, ZoneSnapshot& to, Sums& sums) {
  to = ZoneSnapshot{};
  fill(to, zone, system().pages);
  sums.used += zone.nr_in_use() * kPageSize;
  out.bytes_peak += zone.counts().most_in_use() * kPageSize;
  for (const PcpSnapshot& pcp : to.pcps) sums.listed += pcp.count * kPageSize;
  out.bytes_online += zone.counts().nr_online() * kPageSize;
  out.bytes_given_back += zone.reporting().nr_returned() * kPageSize;
  out.times_given_back += zone.reporting().nr_calls();
}

void take_zones(SystemSnapshot& out, Sums& sums, const Parts& parts) {
  PageAllocator& pages = system().pages;
  unsigned nr = 0;
  for (unsigned i = 0; i < pages.nr_zones() && i < kMaxZones; ++i)
    if (parts("zone ", kZoneNames[static_cast<unsigned>(pages.zone(i).kind()) % kZoneKinds],
              [&] { take_zone(out, pages.zone(i), store.zones[nr], sums); }))
      ++nr;
  out.zones = {store.zones, nr};
}

void take_machine(SystemSnapshot& out, const Machine& machine) {
  out.nr_cpus = machine.nr_cpus;
  out.nr_nodes = machine.nr_nodes;
  out.cpu_stack = machine.cpu_stack;
  out.host_page_size = machine.host_page_bytes;
  out.boot_words = machine.command_line;
}

// Used pages belong to slabs, lie on the CPUs' lists, or are held by callers as pages.
void add_up(SystemSnapshot& out, const Sums& sums) {
  out.paths.counted = system().options.stats;
  out.paths.slow = sums.slow;
  out.paths.fast = sums.all > sums.slow ? sums.all - sums.slow : 0;
  const size_t kept = sums.slabs + sums.listed + (out.window.lazy_pages << kPageShift);
  const size_t as_pages = sums.used > kept ? sums.used - kept : 0;
  out.bytes_in_use = sums.objects + as_pages + out.mapped.bytes;
  out.bytes_peak += out.mapped.bytes_peak;  // an upper bound: the two peaks need not coincide
}

}  // namespace

void take_snapshot(SystemSnapshot& out, const Parts& parts) {
  System& s = system();
  out = SystemSnapshot{};
  out.version = KMEM_VERSION;
  take_machine(out, s.machine);
  Sums sums;
  sums.all = s.counts.allocs.value() + s.counts.frees.value();
  sums.slow = s.counts.slow_allocs.value() + s.counts.slow_frees.value();
  out.caches = take_caches(s.heap, sums, parts);
  take_zones(out, sums, parts);
  parts("boot memory", "", [&] { out.iomem = take_iomem(); });
  parts("large blocks", "", [&] {
    out.mapped = {s.heap.mapped().nr(), s.heap.mapped().bytes(), s.heap.mapped().peak_bytes()};
  });
  parts("vmalloc", "", [&] { fill(out.window, s.vmap); });
  parts("reclaim", "", [&] { fill(out.reclaim, s.pages); });
  add_up(out, sums);
}

}  // namespace kmem

extern "C" bool kmem_take_snapshot(kmem::SystemSnapshot* out) {
  if (!kmem::boot() || kmem::busy.exchange(1)) return false;
  kmem::take_snapshot(*out);
  kmem::busy.store(0);
  return true;
}
