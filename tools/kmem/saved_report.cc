#include "saved_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "failure.h"
#include "report/members.h"

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

struct MembersFrom {
  json from;
  template <typename T>
  void operator()(const char* name, T& value) const {
    read(from, name, value);
  }
};

json part(const json& object, const char* name) { return object.value(name, json::object()); }

CacheSnapshot cache_from(const json& from) {
  CacheSnapshot cache;
  each_cache_member(cache, MembersFrom{from});
  return cache;
}

std::vector<PcpSnapshot> pcps_from(const json& list) {
  std::vector<PcpSnapshot> pcps;
  for (const json& from : list) {
    PcpSnapshot pcp;
    each_pcp_member(pcp, MembersFrom{from});
    pcps.push_back(pcp);
  }
  return pcps;
}

ZoneSnapshot zone_from(const json& from) {
  ZoneSnapshot zone;
  each_zone_member(zone, MembersFrom{from});
  return zone;
}

IomemSnapshot iomem_from(const json& from) {
  IomemSnapshot line;
  each_iomem_member(line, MembersFrom{from});
  return line;
}

AreaSnapshot area_from(const json& from) {
  AreaSnapshot area;
  each_area_member(area, MembersFrom{from});
  return area;
}

void read_machine(const json& from, SystemSnapshot& system) {
  read(from, "nr_cpus", system.nr_cpus);
  read(from, "nr_nodes", system.nr_nodes);
  read(from, "page_size", system.page_size);
  read(from, "host_page_size", system.host_page_size);
  const std::string mode = from.value("cpu_stack", "");
  system.cpu_stack = mode == "rseq" ? CpuStackMode::Rseq : mode == "sim" ? CpuStackMode::Sim : CpuStackMode::PerThread;
}

bool is_report(const json& file) { return file.is_object() && file.contains("schema") && file.contains("memory"); }

}  // namespace

SavedReport::SavedReport(const json& from) try {
  if (!is_report(from)) throw Failure("this is no report of kmem");
  each_process_member(system_.process, MembersFrom{part(from, "process")});
  read_machine(part(from, "machine"), system_);
  each_memory_member(system_, MembersFrom{part(from, "memory")});
  each_mapped_member(system_.mapped, MembersFrom{part(from, "mapped")});
  each_paths_member(system_.paths, MembersFrom{part(from, "paths")});
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
  each_window_member(system_.window, MembersFrom{from});
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
