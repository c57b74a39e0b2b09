#include "report/texts.h"

namespace kmem {
namespace {

/// Puts the commas; the nesting is the caller's.
class Json {
 public:
  explicit Json(Text& out) : out_(out) {}

  void open(const char* name, char bracket) { label(name), out_.put(bracket), first_ = true; }
  void open(char bracket) { comma(), out_.put(bracket), first_ = true; }
  void close(char bracket) { out_.put(bracket), first_ = false; }

  void number(const char* name, uint64_t value) { label(name), out_.dec(value); }
  void truth(const char* name, bool value) { label(name), out_.put(value ? "true" : "false"); }
  void text(const char* name, const char* value) { label(name), out_.json(value); }
  void element(uint64_t value) { comma(), out_.dec(value); }

 private:
  void comma() {
    if (!first_) out_.put(',');
    first_ = false;
  }
  void label(const char* name) { comma(), out_.json(name).put(':'); }

  Text& out_;
  bool first_ = true;
};

void put_cache(Json& json, const CacheSnapshot& cache) {
  json.open('{');
  json.text("name", cache.name);
  json.number("object_size", cache.object_size);
  json.number("stride", cache.stride);
  json.number("objects_per_slab", cache.objects_per_slab);
  json.number("pages_per_slab", cache.pages_per_slab);
  json.number("active_objs", cache.active_objs);
  json.number("num_objs", cache.num_objs);
  json.number("active_slabs", cache.active_slabs);
  json.number("num_slabs", cache.num_slabs);
  json.number("limit", cache.limit);
  json.number("batchcount", cache.batchcount);
  json.number("shared", cache.shared);
  json.number("cached_objs", cache.cached_objs);
  json.number("allocs", cache.allocs);
  json.number("frees", cache.frees);
  json.number("slow_allocs", cache.slow_allocs);
  json.number("slow_frees", cache.slow_frees);
  json.number("aliases", cache.aliases);
  json.close('}');
}

void put_pcps(Json& json, Span<const PcpSnapshot> pcps) {
  json.open("pcps", '[');
  for (const PcpSnapshot& pcp : pcps) {
    json.open('{');
    json.number("cpu", pcp.cpu);
    json.number("count", pcp.count);
    json.number("high", pcp.high);
    json.number("batch", pcp.batch);
    json.close('}');
  }
  json.close(']');
}

void put_numbers(Json& json, const char* name, Span<const uint64_t> numbers) {
  json.open(name, '[');
  for (const uint64_t number : numbers) json.element(number);
  json.close(']');
}

void put_zone(Json& json, const ZoneSnapshot& zone) {
  json.open('{');
  json.number("node", zone.node);
  json.text("name", zone.name);
  put_numbers(json, "free_blocks", zone.free_blocks);
  json.number("nr_free", zone.nr_free);
  json.number("min", zone.min);
  json.number("low", zone.low);
  json.number("high", zone.high);
  json.number("spanned", zone.spanned);
  json.number("present", zone.present);
  json.number("managed", zone.managed);
  json.number("start_pfn", zone.start_pfn);
  put_numbers(json, "protection", zone.protection);
  json.number("clean", zone.clean);
  json.number("dirty", zone.dirty);
  put_pcps(json, zone.pcps);
  json.close('}');
}

void put_iomem_line(Json& json, const IomemSnapshot& line) {
  json.open('{');
  json.number("start", line.start);
  json.number("end", line.end);
  json.number("level", line.level);
  json.text("name", line.name);
  json.close('}');
}

void put_process(Json& json, const ProcessSnapshot& process) {
  json.open("process", '{');
  json.number("pid", static_cast<uint32_t>(process.pid));
  json.number("parent", static_cast<uint32_t>(process.parent));
  json.text("name", process.name);
  json.number("resident", process.resident);
  json.number("resident_peak", process.resident_peak);
  json.close('}');
}

void put_machine(Json& json, const SystemSnapshot& system) {
  json.open("machine", '{');
  json.number("nr_cpus", system.nr_cpus);
  json.number("nr_nodes", system.nr_nodes);
  json.text("cpu_stack", name_of(system.cpu_stack));
  json.number("page_size", system.page_size);
  json.number("host_page_size", system.host_page_size);
  json.text("boot_words", system.boot_words);
  json.close('}');
}

void put_memory(Json& json, const SystemSnapshot& system) {
  json.open("memory", '{');
  json.number("bytes_in_use", system.bytes_in_use);
  json.number("bytes_peak", system.bytes_peak);
  json.number("bytes_online", system.bytes_online);
  json.number("bytes_given_back", system.bytes_given_back);
  json.number("times_given_back", system.times_given_back);
  json.close('}');

  json.open("mapped", '{');
  json.number("count", system.mapped.count);
  json.number("bytes", system.mapped.bytes);
  json.number("bytes_peak", system.mapped.bytes_peak);
  json.close('}');
}

void put_area(Json& json, const AreaSnapshot& area) {
  json.open('{');
  json.number("start", area.start);
  json.number("end", area.end);
  json.number("caller", area.caller);
  json.number("pages", area.pages);
  json.number("phys", area.phys);
  json.text("kind", area.kind);
  json.truth("user", area.user);
  json.truth("lazy", area.lazy);
  put_numbers(json, "on_node", {area.on_node, kMaxNodes});
  json.close('}');
}

void put_window(Json& json, const WindowSnapshot& window) {
  json.open("vmalloc", '{');
  json.number("window_start", window.start);
  json.number("window_bytes", window.bytes);
  json.number("used_bytes", window.used);
  json.number("largest_free_bytes", window.largest);
  json.number("areas", window.areas);
  json.number("pages", window.pages);
  json.number("lazy_pages", window.lazy_pages);
  json.number("reused", window.reused);
  json.open("list", '[');
  AreaSnapshot area;
  for (uint64_t cursor = 0; window.next && window.next(window.arg, cursor, area);) put_area(json, area);
  json.close(']');
  json.close('}');
}

void put_paths(Json& json, const PathSnapshot& paths) {
  json.open("paths", '{');
  json.truth("counted", paths.counted);
  json.number("fast", paths.fast);
  json.number("slow", paths.slow);
  json.close('}');
}

void put_reclaim(Json& json, const ReclaimSnapshot& reclaim) {
  json.open("reclaim", '{');
  json.number("stalls", reclaim.stalls);
  json.number("rounds", reclaim.rounds);
  json.number("waits", reclaim.waits);
  json.number("balances", reclaim.balances);
  json.number("thread_wakes", reclaim.thread_wakes);
  json.number("thread_rounds", reclaim.thread_rounds);
  json.number("pressures", reclaim.pressures);
  json.number("cache_pages", reclaim.cache_pages);
  json.number("shrinkers", reclaim.shrinkers);
  json.number("objects_scanned", reclaim.objects_scanned);
  json.number("objects_freed", reclaim.objects_freed);
  json.number("ooms", reclaim.ooms);
  json.number("failures", reclaim.failures);
  json.number("charged", reclaim.charged);
  json.close('}');
}

void put_violation(Json& json, const ViolationSnapshot& violation) {
  json.open('{');
  json.text("part", violation.part);
  json.text("rule", violation.rule);
  json.number("where", violation.where);
  json.number("want", violation.want);
  json.number("got", violation.got);
  json.close('}');
}

}  // namespace

const char* name_of(CpuStackMode mode) {
  switch (mode) {
    case CpuStackMode::Rseq:
      return "rseq";
    case CpuStackMode::TryLock:
      return "try-lock";
    case CpuStackMode::Sim:
      return "sim";
  }
  return "unknown";
}

void put_json(Text& out, const SystemSnapshot& system) {
  Json json(out);
  json.open('{');
  json.number("schema", 1);
  json.text("version", system.version);
  put_process(json, system.process);
  put_machine(json, system);
  put_memory(json, system);
  put_paths(json, system.paths);
  put_reclaim(json, system.reclaim);
  json.open("check", '{');
  json.truth("done", system.checked);
  json.text("broken", system.broken);
  json.open("violations", '[');
  for (const ViolationSnapshot& violation : system.violations) put_violation(json, violation);
  json.close(']');
  json.number("damaged_objects", system.damaged);
  json.close('}');
  put_window(json, system.window);
  json.open("zones", '[');
  for (const ZoneSnapshot& zone : system.zones) put_zone(json, zone);
  json.close(']');
  json.open("iomem", '[');
  for (const IomemSnapshot& line : system.iomem) put_iomem_line(json, line);
  json.close(']');
  json.open("caches", '[');
  for (const CacheSnapshot& cache : system.caches) put_cache(json, cache);
  json.close(']');
  json.close('}');
  out.put('\n');
}

}  // namespace kmem
