#include "report/members.h"
#include "report/texts.h"

namespace kmem {
namespace {

/// Writes the commas; the caller does the nesting.
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

void put_numbers(Json& json, const char* name, Span<const uint64_t> numbers) {
  json.open(name, '[');
  for (const uint64_t number : numbers) json.element(number);
  json.close(']');
}

/// Writes each member by its type.
struct MembersTo {
  Json& json;
  void operator()(const char* name, uint64_t value) const { json.number(name, value); }
  void operator()(const char* name, uint32_t value) const { json.number(name, value); }
  void operator()(const char* name, int value) const { json.number(name, static_cast<uint32_t>(value)); }
  void operator()(const char* name, bool value) const { json.truth(name, value); }
  void operator()(const char* name, const char* value) const { json.text(name, value); }
  template <size_t N>
  void operator()(const char* name, const uint64_t (&values)[N]) const {
    put_numbers(json, name, {values, N});
  }
};

void put_cache(Json& json, const CacheSnapshot& cache) {
  json.open('{');
  each_cache_member(cache, MembersTo{json});
  json.close('}');
}

void put_pcps(Json& json, Span<const PcpSnapshot> pcps) {
  json.open("pcps", '[');
  for (const PcpSnapshot& pcp : pcps) {
    json.open('{');
    each_pcp_member(pcp, MembersTo{json});
    json.close('}');
  }
  json.close(']');
}

void put_zone(Json& json, const ZoneSnapshot& zone) {
  json.open('{');
  each_zone_member(zone, MembersTo{json});
  put_pcps(json, zone.pcps);
  json.close('}');
}

void put_iomem_line(Json& json, const IomemSnapshot& line) {
  json.open('{');
  each_iomem_member(line, MembersTo{json});
  json.close('}');
}

void put_process(Json& json, const ProcessSnapshot& process) {
  json.open("process", '{');
  each_process_member(process, MembersTo{json});
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
  each_memory_member(system, MembersTo{json});
  json.close('}');

  json.open("mapped", '{');
  each_mapped_member(system.mapped, MembersTo{json});
  json.close('}');
}

void put_area(Json& json, const AreaSnapshot& area) {
  json.open('{');
  each_area_member(area, MembersTo{json});
  json.close('}');
}

void put_window(Json& json, const WindowSnapshot& window) {
  json.open("vmalloc", '{');
  each_window_member(window, MembersTo{json});
  json.open("list", '[');
  AreaSnapshot area;
  for (uint64_t cursor = 0; window.next && window.next(window.arg, cursor, area);) put_area(json, area);
  json.close(']');
  json.close('}');
}

void put_paths(Json& json, const PathSnapshot& paths) {
  json.open("paths", '{');
  each_paths_member(paths, MembersTo{json});
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
  json.truth("shared", reclaim.shared);
  json.number("others", reclaim.others);
  json.number("looks", reclaim.looks);
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
    case CpuStackMode::Rseq: return "rseq";
    case CpuStackMode::PerThread: return "per-thread";
    case CpuStackMode::Sim: return "sim";
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
