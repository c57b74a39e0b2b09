#include "saved_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "failure.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

template <typename T>
void read(const json& object, const char* name, T& value) {
  if (const auto found = object.find(name); found != object.end()) value = found->get<T>();
}

template <size_t N>
void read(const json& object, const char* name, char (&value)[N]) {
  const std::string text = object.value(name, std::string());
  std::snprintf(value, N, "%s", text.c_str());
}

template <size_t N>
void read(const json& object, const char* name, uint64_t (&values)[N]) {
  const json list = object.value(name, json::array());
  for (size_t i = 0; i < N && i < list.size(); ++i) values[i] = list[i].get<uint64_t>();
}

json part(const json& object, const char* name) { return object.value(name, json::object()); }

CacheSnapshot cache_from(const json& from) {
  CacheSnapshot cache;
  read(from, "name", cache.name);
  read(from, "object_size", cache.object_size);
  read(from, "stride", cache.stride);
  read(from, "objects_per_slab", cache.objects_per_slab);
  read(from, "pages_per_slab", cache.pages_per_slab);
  read(from, "active_objs", cache.active_objs);
  read(from, "num_objs", cache.num_objs);
  read(from, "active_slabs", cache.active_slabs);
  read(from, "num_slabs", cache.num_slabs);
  read(from, "limit", cache.limit);
  read(from, "batchcount", cache.batchcount);
  read(from, "shared", cache.shared);
  read(from, "cached_objs", cache.cached_objs);
  read(from, "allocs", cache.allocs);
  read(from, "frees", cache.frees);
  read(from, "slow_allocs", cache.slow_allocs);
  read(from, "slow_frees", cache.slow_frees);
  read(from, "aliases", cache.aliases);
  return cache;
}

std::vector<PcpSnapshot> pcps_from(const json& list) {
  std::vector<PcpSnapshot> pcps;
  for (const json& from : list) {
    PcpSnapshot pcp;
    read(from, "cpu", pcp.cpu);
    read(from, "count", pcp.count);
    read(from, "high", pcp.high);
    read(from, "batch", pcp.batch);
    pcps.push_back(pcp);
  }
  return pcps;
}

ZoneSnapshot zone_from(const json& from) {
  ZoneSnapshot zone;
  read(from, "node", zone.node);
  read(from, "name", zone.name);
  read(from, "free_blocks", zone.free_blocks);
  read(from, "nr_free", zone.nr_free);
  read(from, "min", zone.min);
  read(from, "low", zone.low);
  read(from, "high", zone.high);
  read(from, "spanned", zone.spanned);
  read(from, "present", zone.present);
  read(from, "managed", zone.managed);
  read(from, "start_pfn", zone.start_pfn);
  read(from, "protection", zone.protection);
  read(from, "clean", zone.clean);
  read(from, "dirty", zone.dirty);
  return zone;
}

IomemSnapshot iomem_from(const json& from) {
  IomemSnapshot line;
  read(from, "start", line.start);
  read(from, "end", line.end);
  read(from, "level", line.level);
  read(from, "name", line.name);
  return line;
}

AreaSnapshot area_from(const json& from) {
  AreaSnapshot area;
  read(from, "start", area.start);
  read(from, "end", area.end);
  read(from, "caller", area.caller);
  read(from, "pages", area.pages);
  read(from, "phys", area.phys);
  read(from, "kind", area.kind);
  read(from, "user", area.user);
  read(from, "lazy", area.lazy);
  read(from, "on_node", area.on_node);
  return area;
}

void read_process(const json& from, ProcessSnapshot& process) {
  read(from, "pid", process.pid);
  read(from, "parent", process.parent);
  read(from, "name", process.name);
  read(from, "resident", process.resident);
  read(from, "resident_peak", process.resident_peak);
}

void read_machine(const json& from, SystemSnapshot& system) {
  read(from, "nr_cpus", system.nr_cpus);
  read(from, "nr_nodes", system.nr_nodes);
  read(from, "page_size", system.page_size);
  read(from, "host_page_size", system.host_page_size);
  const std::string mode = from.value("cpu_stack", "");
  system.cpu_stack = mode == "rseq" ? CpuStackMode::Rseq : mode == "sim" ? CpuStackMode::Sim : CpuStackMode::TryLock;
}

void read_memory(const json& from, SystemSnapshot& system) {
  read(from, "bytes_in_use", system.bytes_in_use);
  read(from, "bytes_peak", system.bytes_peak);
  read(from, "bytes_online", system.bytes_online);
  read(from, "bytes_given_back", system.bytes_given_back);
  read(from, "times_given_back", system.times_given_back);
}

bool is_report(const json& file) { return file.is_object() && file.contains("schema") && file.contains("memory"); }

}  // namespace

SavedReport::SavedReport(const json& from) try {
  if (!is_report(from)) throw Failure("this is no report of kmem");
  read_process(part(from, "process"), system_.process);
  read_machine(part(from, "machine"), system_);
  read_memory(part(from, "memory"), system_);
  const json mapped = part(from, "mapped");
  read(mapped, "count", system_.mapped.count);
  read(mapped, "bytes", system_.mapped.bytes);
  read(mapped, "bytes_peak", system_.mapped.bytes_peak);
  const json paths = part(from, "paths");
  read(paths, "counted", system_.paths.counted);
  read(paths, "fast", system_.paths.fast);
  read(paths, "slow", system_.paths.slow);
  read_caches(from.value("caches", json::array()));
  read_zones(from.value("zones", json::array()));
  for (const json& line : from.value("iomem", json::array())) iomem_.push_back(iomem_from(line));
  system_.iomem = {iomem_.data(), iomem_.size()};
  read_window(part(from, "vmalloc"));
  version_ = from.value("version", "");
  boot_words_ = part(from, "machine").value("boot_words", "");
  system_.version = version_.c_str();
  system_.boot_words = boot_words_.c_str();
} catch (const json::exception& wrong) {
  throw Failure(fmt::format("this report has a member of the wrong kind: {}", wrong.what()));
}

void SavedReport::read_caches(const json& list) {
  for (const json& cache : list) caches_.push_back(cache_from(cache));
  system_.caches = {caches_.data(), caches_.size()};
}

void SavedReport::read_zones(const json& list) {
  for (const json& zone : list) {
    zones_.push_back(zone_from(zone));
    pcps_.push_back(pcps_from(zone.value("pcps", json::array())));
  }
  for (size_t i = 0; i < zones_.size(); ++i) zones_[i].pcps = {pcps_[i].data(), pcps_[i].size()};
  system_.zones = {zones_.data(), zones_.size()};
}

void SavedReport::read_window(const json& from) {
  read(from, "window_start", system_.window.start);
  read(from, "window_bytes", system_.window.bytes);
  read(from, "used_bytes", system_.window.used);
  read(from, "largest_free_bytes", system_.window.largest);
  read(from, "areas", system_.window.areas);
  read(from, "pages", system_.window.pages);
  read(from, "lazy_pages", system_.window.lazy_pages);
  read(from, "reused", system_.window.reused);
  for (const json& area : from.value("list", json::array())) areas_.push_back(area_from(area));
  system_.window.arg = &areas_;
  system_.window.next = [](void* arg, uint64_t& cursor, AreaSnapshot& out) {
    const auto& areas = *static_cast<std::vector<AreaSnapshot>*>(arg);
    if (cursor >= areas.size()) return false;
    out = areas[cursor++];
    return true;
  };
}

json read_json(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw Failure(fmt::format("{}: {}", file, std::strerror(errno)));
  json result = json::parse(stream, nullptr, false);
  if (result.is_discarded()) throw Failure(fmt::format("{} is not JSON, or is cut off", file));
  return result;
}

json pick_process(const json& file, int pid) {
  const json processes = file.is_object() && file.contains("processes") ? file["processes"] : json::array({file});
  for (const json& report : processes) {
    if (!is_report(report)) continue;
    if (pid == 0 || part(report, "process").value("pid", 0) == pid) return report;
  }
  throw Failure(pid ? fmt::format("the file has no report of process {}", pid) : "the file has no report of a process");
}

}  // namespace kmem::tool
