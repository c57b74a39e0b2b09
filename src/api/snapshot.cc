// Copies what the layers know into the plain structs that reports are made of.

#include "api/boot_memory.h"
#include "api/system.h"
#include "base/memory.h"
#include "report/snapshot.h"

namespace kmem {
namespace {

constexpr unsigned kMaxPcps = 64;  // CPUs of which a report lists the page lists

constexpr unsigned kMaxIomem = 128;  // lines of it

struct Store {
  CacheSnapshot caches[Heap::kMaxCaches];
  ZoneSnapshot zones[kMaxZones];
  PcpSnapshot pcps[kMaxPcps];
  IomemSnapshot iomem[kMaxIomem];
};
Store store;  // zero pages until somebody asks
Atomic<uint32_t> busy;

constexpr const char* kZoneNames[kZoneKinds] = {"DMA", "DMA32", "Normal", "HighMem"};

void copy_name(char* to, const char* from, size_t bytes) {
  size_t i = 0;
  for (; i + 1 < bytes && from[i]; ++i) to[i] = from[i];
  to[i] = 0;
}

uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

// Other threads go on meanwhile, even those that have been joined: whoever waits for the end of a thread's work need not wait
// for that of its stack and descriptor, which are freed later.  What is on its way between a user and a CPU's sheaf would be
// counted as one and not yet as the other.  So where calls are counted their difference is what is in use, and the frees are
// read first: each has an allocation before it.
void count_calls(CacheSnapshot& out, const Cache& cache) {
  out.frees = cache.nr_frees();
  out.allocs = cache.nr_allocs();
  out.slow_allocs = cache.nr_slow_allocs();
  out.slow_frees = cache.nr_slow_frees();
  const bool counted = system().options.stats;
  if (counted) out.slow_allocs = least(out.slow_allocs, out.allocs), out.slow_frees = least(out.slow_frees, out.frees);
  const uint64_t difference = out.allocs > out.frees ? out.allocs - out.frees : 0;  // a block may be freed twice
  out.active_objs = counted ? difference : static_cast<uint64_t>(cache.nr_in_use());
}

void fill(CacheSnapshot& out, const Cache& cache) {
  copy_name(out.name, cache.name(), sizeof out.name);
  const SlabShape& shape = cache.shape();
  out.object_size = cache.object_size();
  out.stride = shape.size;
  out.objects_per_slab = shape.nr_objects;
  out.pages_per_slab = static_cast<uint32_t>(shape.order.pages());
  out.num_slabs = static_cast<uint64_t>(cache.nr_slabs());
  out.active_slabs = out.num_slabs;
  out.num_objs = out.num_slabs * shape.nr_objects;
  out.limit = cache.sheaf_capacity();
  out.batchcount = cache.sheaf_capacity();
  out.shared = cache.barn_capacity();
  out.cached_objs = cache.nr_cached();
  count_calls(out, cache);
  const uint32_t refs = cache.refs.peek();
  out.aliases = refs > 1 ? refs - 1 : 0;
}

void fill(ZoneSnapshot& out, Zone& zone, PageAllocator& pages) {
  out.node = zone.node().value;
  copy_name(out.name, kZoneNames[static_cast<unsigned>(zone.kind())], sizeof out.name);
  zone.frames().count_by_order(out.free_blocks);
  out.nr_free = zone.nr_free();
  out.min = zone.watermark_min;
  out.low = zone.watermark_low;
  out.high = zone.watermark_high;
  out.spanned = zone.nr_frames();
  out.present = out.managed = zone.nr_online();
  out.start_pfn = zone.first().value;
  for (unsigned i = 0; i < kZoneKinds && i < kNrProtections; ++i) out.protection[i] = zone.lowmem_reserve[i];
  out.dirty = zone.nr_dirty();
  out.clean = out.nr_free > out.dirty ? out.nr_free - out.dirty : 0;
  if (&zone != pages.preferred_zone(zone.node().value)) return;
  const uint32_t n = pages.nr_cpus() < kMaxPcps ? pages.nr_cpus() : kMaxPcps;
  for (uint32_t cpu = 0; cpu < n; ++cpu) {
    const uint64_t count = pages.nr_listed({cpu}, kHotPages) + pages.nr_listed({cpu}, kColdPages);
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
  out = {n.stalls.value(),       n.rounds.value(),        n.waits.value(),     n.balances.value(),
         n.thread_wakes.value(), n.thread_rounds.value(), n.pressures.value(), n.cache_pages.value(),
         pages.reclaim().shrinkers().nr(), pages.reclaim().shrinkers().nr_scanned(), n.shrinker_objects.value(),
         n.ooms.value(),         n.failures.value(),      0, pages.bound().on(), 0, pages.bound().nr_looks()};
  for (unsigned i = 0; i < pages.nr_zones(); ++i) {
    out.charged += pages.zone(i).nr_charged();
    out.others += pages.zone(i).nr_others();
  }
}

/// Lines of iomem as they come; what does not fit is left out.
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
        if (taken.range.contains(named.start.value)) lines.put({named.start.value, named.start.value + named.bytes}, 2, named.name);
    }
  }
  return {store.iomem, lines.nr};
}

void take(SystemSnapshot& out) {
  System& s = system();
  out = SystemSnapshot{};
  uint64_t all = s.counts.allocs.value() + s.counts.frees.value();
  uint64_t slow = s.counts.slow_allocs.value() + s.counts.slow_frees.value();
  size_t caches = 0, objects = 0, slabs = 0, used = 0, listed = 0;
  for (uint32_t id = 1; id <= s.heap.nr_caches(); ++id) {
    const Cache& cache = s.heap.cache(id);
    if (!cache.live()) continue;
    store.caches[caches] = CacheSnapshot{};
    fill(store.caches[caches], cache);
    objects += store.caches[caches].active_objs * store.caches[caches].stride;
    all += store.caches[caches].allocs + store.caches[caches].frees;
    if (s.options.stats) slow += store.caches[caches].slow_allocs + store.caches[caches].slow_frees;
    slabs += store.caches[caches].num_slabs * cache.shape().bytes();
    ++caches;
  }
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) {
    Zone& zone = s.pages.zone(i);
    store.zones[i] = ZoneSnapshot{};
    fill(store.zones[i], zone, s.pages);
    used += zone.nr_in_use() * kPageSize;
    out.bytes_peak += zone.most_in_use() * kPageSize;
    for (const PcpSnapshot& pcp : store.zones[i].pcps) listed += pcp.count * kPageSize;
    out.bytes_online += zone.nr_online() * kPageSize;
    out.bytes_given_back += zone.nr_returned() * kPageSize;
    out.times_given_back += zone.nr_returns();
  }
  out.caches = {store.caches, caches};
  out.zones = {store.zones, s.pages.nr_zones()};
  out.iomem = take_iomem();
  out.mapped = {s.heap.mapped().nr(), s.heap.mapped().bytes(), s.heap.mapped().peak_bytes()};
  fill(out.window, s.vmap);
  out.paths.counted = s.options.stats;
  out.paths.slow = slow;
  out.paths.fast = all - slow;
  fill(out.reclaim, s.pages);
  out.nr_cpus = s.machine.nr_cpus;
  out.nr_nodes = s.machine.nr_nodes;
  out.cpu_stack = s.machine.cpu_stack;
  out.host_page_size = s.machine.host_page_bytes;
  // Pages in use are those of slabs, those that wait on the CPUs' lists, and those that callers hold as pages.
  const size_t kept = slabs + listed + (out.window.lazy_pages << kPageShift);
  const size_t as_pages = used > kept ? used - kept : 0;
  out.bytes_in_use = objects + as_pages + out.mapped.bytes;
  out.bytes_peak += out.mapped.bytes_peak;  // the two need not have been highest at the same time
  out.version = KMEM_VERSION;
  out.boot_words = s.machine.command_line;
}

}  // namespace
}  // namespace kmem

extern "C" bool kmem_take_snapshot(kmem::SystemSnapshot* out) {
  if (!kmem::boot() || kmem::busy.exchange(1)) return false;
  kmem::take(*out);
  kmem::busy.store(0);
  return true;
}
