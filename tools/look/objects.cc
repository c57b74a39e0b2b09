#include "objects.h"

#include <ctime>

#include "system/percpu_world.h"

namespace kmem::tool {

using nlohmann::json;

const char* name_of(State state) {
  switch (state) {
    case State::Out: return "out";
    case State::Free: return "free";
    case State::Cached: return "cached";
    case State::Held: return "held";
  }
  return "";
}

Cached cached_of(const Cache& cache) {
  Cached all;
  cache.sheaves().each_object([&](void* object) { all.insert(reinterpret_cast<uint64_t>(object)); });
  return all;
}

State state_of(const Cache& cache, const Slab& slab, uint32_t index, const char* object, const Cached& cached) {
  if (slab.is_free(index)) return State::Free;
  if (cached.count(reinterpret_cast<uint64_t>(object))) return State::Cached;
  if (cache.checked().debug().on() && !cache.checked().debug().is_out(object))
    return cache.checked().debug().is_free(object) ? State::Free : State::Held;
  return State::Out;
}

Cache* cache_of(uint32_t id) {
  Heap& heap = system().heap;
  if (id == 0 || id > heap.nr_caches() || id >= CacheTable::kMost) return nullptr;
  Cache& cache = heap.cache(id);
  const SlabShape& shape = cache.slabs().shape();
  const bool whole = shape.size != 0 && shape.nr_objects != 0 && shape.order.value <= kMaxOrder &&
                     uint64_t{shape.size} * shape.nr_objects <= shape.bytes();
  return cache.live() && whole ? &cache : nullptr;
}

std::string name_of(const Cache& cache) { return {cache.name(), strnlen(cache.name(), 31)}; }

Cache* cache_named(const std::string& name) {
  for (uint32_t id = 1; id <= system().heap.nr_caches() && id < CacheTable::kMost; ++id)
    if (Cache* cache = cache_of(id); cache && name_of(*cache) == name) return cache;
  return nullptr;
}

Place place_of(uint64_t address) {
  System& s = system();
  const auto* p = reinterpret_cast<const char*>(address);
  const Pfn pfn = s.pages.pfn_of_address(p);
  if (address < reinterpret_cast<uint64_t>(s.machine.direct_map) || pfn.value >= s.pages.frames_end() ||
      !s.pages.is_online(pfn))
    return {};
  const uint8_t c = s.world.frame_class[pfn.value];
  if (!c) return {};
  Page* page = s.pages.page_at(pfn);
  if (c != kSharedClass) {
    const Cache* cache = cache_of(c);
    if (!cache) return {};
    page = s.pages.page_at(cache->slabs().shape().first_frame(pfn));
  } else if (page->kind() == PageKind::SlabTail) {
    page -= page->aux;
  }
  Place place;
  place.cache = cache_of(Slab::of(page).cache_id());
  if (!place.cache) return {};
  place.slab = &Slab::of(page);
  place.first = s.pages.pfn_of(page);
  const auto first = reinterpret_cast<uint64_t>(place.cache->slabs().frames().object_at(place.slab, 0));
  place.in_object =
      address >= first && (address - first) / place.cache->slabs().shape().size < place.cache->slabs().shape().nr_objects;
  if (place.in_object) place.index = static_cast<uint32_t>((address - first) / place.cache->slabs().shape().size);
  return place;
}

namespace {

uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

json neighbour(const Place& place, uint32_t index, const Cached& cached) {
  const char* object = place.cache->slabs().frames().object_at(place.slab, index);
  return {{"start", reinterpret_cast<uint64_t>(object)},
          {"state", name_of(state_of(*place.cache, *place.slab, index, object, cached))}};
}

void add_object(json& out, const Place& place, uint64_t address) {
  const Cache& cache = *place.cache;
  out["cache"] = name_of(cache);
  out["slab"] = {{"frame", place.first.value}, {"objects", cache.slabs().shape().nr_objects}, {"free", place.slab->nr_free()}};
  if (!place.in_object) {
    out["kind"] = "slab waste";
    return;
  }
  const Cached cached = cached_of(cache);
  const char* object = cache.slabs().frames().object_at(place.slab, place.index);
  const State state = state_of(cache, *place.slab, place.index, object, cached);
  out["kind"] = "object";
  out["start"] = reinterpret_cast<uint64_t>(object);
  out["offset"] = address - reinterpret_cast<uint64_t>(object);
  out["size"] = state == State::Out ? cache.checked().usable(object) : cache.object_size();
  out["state"] = name_of(state);
  out["index"] = place.index;
  if (place.index) out["before"] = neighbour(place, place.index - 1, cached);
  if (place.index + 1 < cache.slabs().shape().nr_objects) out["behind"] = neighbour(place, place.index + 1, cached);
  if (json owner = owner_json(cache.checked().debug().owner(object, OwnerCall::Alloc)); !owner.is_null())
    out["allocated"] = std::move(owner);
  if (json owner = owner_json(cache.checked().debug().owner(object, OwnerCall::Free)); !owner.is_null())
    out["freed"] = std::move(owner);
}

void add_frame(json& out, Pfn pfn) {
  PageAllocator& pages = system().pages;
  out["frame"] = pfn.value;
  if (const Zone* zone = pages.zone_of(pfn)) {
    out["zone"] = static_cast<unsigned>(zone->kind());
    out["node"] = zone->node().value;
  }
}

/// The run or block of frames that the address lies in begins at its frame or before it.
bool add_run(json& out, uint64_t address) {
  System& s = system();
  const Pfn pfn = s.pages.pfn_of_address(reinterpret_cast<const void*>(address));
  for (uint64_t back = 0; back <= pfn.value && back <= (uint64_t{1} << kMaxOrder); ++back) {
    const Pfn at{pfn.value - back};
    if (!s.pages.is_online(at) || s.world.frame_class[at.value] || s.pages.zone_of(at)->frames().is_free(at)) return false;
    const char* start = s.pages.address(at);
    const Page* page = s.pages.page_at(at);
    const Run kept = s.heap.runs().kept_at(start), run = kept.pages ? kept : s.heap.runs().at(start);
    const uint64_t nr = run.pages ? run.pages : page->kind() == PageKind::Block ? page->order().pages() : 0;
    if (!nr) continue;
    if (back >= nr) return false;
    out["kind"] = run.pages ? "run" : "pages";
    out["start"] = reinterpret_cast<uint64_t>(start);
    out["size"] = run.pages ? run.bytes() : nr << kPageShift;
    out["offset"] = address - reinterpret_cast<uint64_t>(start);
    out["state"] = kept.pages ? "kept" : "out";
    return true;
  }
  return false;
}

bool add_mapped(json& out, uint64_t address) {
  bool found = false;
  system().heap.mapped().each([&](uint64_t start, uint64_t bytes) {
    if (found || address < start || address - start >= bytes) return;
    found = true;
    out["kind"] = "mapped";
    out["start"] = start;
    out["size"] = system().heap.mapped().size_of(reinterpret_cast<const void*>(start));
    out["offset"] = address - start;
    out["state"] = system().heap.mapped().is_held(reinterpret_cast<const void*>(start)) ? "held" : "out";
  });
  return found;
}

bool add_guarded(json& out, uint64_t address) {
  GuardedPool& guarded = system().guarded;
  if (!guarded.contains(reinterpret_cast<const void*>(address))) return false;
  out["kind"] = "guarded";
  guarded.each([&](const char* object, size_t bytes, const Cache& cache) {
    const auto start = reinterpret_cast<uint64_t>(object);
    if (address < start || address - start >= bytes) return;
    out["start"] = start;
    out["size"] = bytes;
    out["offset"] = address - start;
    out["state"] = "out";
    out["cache"] = name_of(cache);
  });
  return true;
}

bool add_area(json& out, uint64_t address) {
  Vmap& vmap = system().vmap;
  const Window& window = vmap.window();
  if (!window.start() || address - reinterpret_cast<uint64_t>(window.start()) >= window.bytes()) return false;
  out["kind"] = "vmalloc";
  AreaInfo area;
  for (uint64_t cursor = 0; vmap.next_area(cursor, area);) {
    const auto start = reinterpret_cast<uint64_t>(area.start);
    if (address < start || address - start >= area.bytes) continue;
    out["start"] = start;
    out["size"] = area.bytes;
    out["offset"] = address - start;
    out["state"] = area.lazy ? "lazy" : "out";
    out["caller"] = reinterpret_cast<uint64_t>(area.caller);
  }
  return true;
}

/// Kmem's own memory, by what lies there.
const char* own_part(uint64_t address) {
  const Machine& m = system().machine;
  const auto in = [&](const void* from, uint64_t bytes) { return address - reinterpret_cast<uint64_t>(from) < bytes; };
  if (in(&system(), sizeof(System)) || in(&percpu(), sizeof(PercpuWorld))) return "kmem's own objects";
  if (in(m.descriptors, system().pages.frames_end() * sizeof(Page))) return "a frame's descriptor";
  if (in(m.metadata, m.metadata_bytes)) return "kmem's tables";
  if (in(m.base, uint64_t{m.nr_areas} * kCpuStride)) return "kmem's per-CPU words";
  if (in(m.base, kBlocked)) return "a sheaf";
  if (in(m.base - kTablesBytes - kFrameTableSpan, kTablesBytes + kFrameTableSpan)) return "kmem's frame table";
  return nullptr;
}

}  // namespace

json owner_json(const Owner* owner) {
  if (!owner || !owner->when_ns) return {};
  json callers = json::array();
  for (unsigned i = 0; i < owner->nr_frames && i < Owner::kFrames; ++i)
    callers.push_back(reinterpret_cast<uint64_t>(owner->frames[i]));
  const uint64_t now = now_ns();
  json out{{"when", owner->when_ns}, {"cpu", owner->cpu}, {"task", owner->task}, {"callers", std::move(callers)}};
  if (now > owner->when_ns) out["age"] = now - owner->when_ns;
  return out;
}

json describe(uint64_t address) {
  json out{{"address", address}};
  if (const char* own = own_part(address)) {
    out["kind"] = "kmem";
    out["what"] = own;
    return out;
  }
  PageAllocator& pages = system().pages;
  const Pfn pfn = pages.pfn_of_address(reinterpret_cast<const void*>(address));
  const bool framed = address >= reinterpret_cast<uint64_t>(system().machine.direct_map) && pages.is_online(pfn);
  if (framed) add_frame(out, pfn);
  if (const Place place = place_of(address); place.cache) {
    add_object(out, place, address);
    return out;
  }
  if (add_guarded(out, address)) return out;
  if (framed) {
    if (pages.zone_of(pfn)->frames().is_free(pfn)) out["kind"] = "free frame";
    else if (!add_run(out, address)) out["kind"] = "frame in use";
    return out;
  }
  if (!add_mapped(out, address) && !add_area(out, address)) out["kind"] = "not kmem's";
  return out;
}

}  // namespace kmem::tool
