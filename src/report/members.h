#pragma once
// The members of a snapshot's parts, by their names and order in JSON: one list for writing and for reading.

namespace kmem {

template <typename Cache, typename Do>
void each_cache_member(Cache& cache, Do member) {
  member("name", cache.name);
  member("object_size", cache.object_size);
  member("stride", cache.stride);
  member("objects_per_slab", cache.objects_per_slab);
  member("pages_per_slab", cache.pages_per_slab);
  member("active_objs", cache.active_objs);
  member("num_objs", cache.num_objs);
  member("active_slabs", cache.active_slabs);
  member("num_slabs", cache.num_slabs);
  member("limit", cache.limit);
  member("batchcount", cache.batchcount);
  member("shared", cache.shared);
  member("cached_objs", cache.cached_objs);
  member("allocs", cache.allocs);
  member("frees", cache.frees);
  member("slow_allocs", cache.slow_allocs);
  member("slow_frees", cache.slow_frees);
  member("aliases", cache.aliases);
}

template <typename Zone, typename Do>
void each_zone_member(Zone& zone, Do member) {
  member("node", zone.node);
  member("name", zone.name);
  member("free_blocks", zone.free_blocks);
  member("nr_free", zone.nr_free);
  member("min", zone.min);
  member("low", zone.low);
  member("high", zone.high);
  member("spanned", zone.spanned);
  member("present", zone.present);
  member("managed", zone.managed);
  member("start_pfn", zone.start_pfn);
  member("protection", zone.protection);
  member("clean", zone.clean);
  member("dirty", zone.dirty);
}

template <typename Line, typename Do>
void each_iomem_member(Line& line, Do member) {
  member("start", line.start);
  member("end", line.end);
  member("level", line.level);
  member("name", line.name);
}

template <typename Area, typename Do>
void each_area_member(Area& area, Do member) {
  member("start", area.start);
  member("end", area.end);
  member("caller", area.caller);
  member("pages", area.pages);
  member("phys", area.phys);
  member("kind", area.kind);
  member("user", area.user);
  member("lazy", area.lazy);
  member("on_node", area.on_node);
}

template <typename Pcp, typename Do>
void each_pcp_member(Pcp& pcp, Do member) {
  member("cpu", pcp.cpu);
  member("count", pcp.count);
  member("high", pcp.high);
  member("batch", pcp.batch);
}

template <typename Process, typename Do>
void each_process_member(Process& process, Do member) {
  member("pid", process.pid);
  member("parent", process.parent);
  member("name", process.name);
  member("resident", process.resident);
  member("resident_peak", process.resident_peak);
}

template <typename System, typename Do>
void each_memory_member(System& system, Do member) {
  member("bytes_in_use", system.bytes_in_use);
  member("bytes_peak", system.bytes_peak);
  member("bytes_online", system.bytes_online);
  member("bytes_given_back", system.bytes_given_back);
  member("times_given_back", system.times_given_back);
}

template <typename Mapped, typename Do>
void each_mapped_member(Mapped& mapped, Do member) {
  member("count", mapped.count);
  member("bytes", mapped.bytes);
  member("bytes_peak", mapped.bytes_peak);
}

template <typename Paths, typename Do>
void each_paths_member(Paths& paths, Do member) {
  member("counted", paths.counted);
  member("fast", paths.fast);
  member("slow", paths.slow);
}

template <typename Window, typename Do>
void each_window_member(Window& window, Do member) {
  member("window_start", window.start);
  member("window_bytes", window.bytes);
  member("used_bytes", window.used);
  member("largest_free_bytes", window.largest);
  member("areas", window.areas);
  member("pages", window.pages);
  member("lazy_pages", window.lazy_pages);
  member("reused", window.reused);
}

}  // namespace kmem
