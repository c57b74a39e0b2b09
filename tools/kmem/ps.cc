// kmem ps: the processes of this host that run on kmem.

#include "ps.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "../look/look.h"
#include "failure.h"
#include "saved_report.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

std::vector<int> all_processes() {
  std::vector<int> pids;
  DIR* folder = opendir("/proc");
  while (const dirent* entry = folder ? readdir(folder) : nullptr)
    if (const int pid = std::atoi(entry->d_name); pid > 0 && pid != getpid()) pids.push_back(pid);
  if (folder) closedir(folder);
  std::sort(pids.begin(), pids.end());
  return pids;
}

/// What a process is to a list of those that run on kmem.
enum class Is { Other, Denied, OnKmem };

/// A thread of the kernel's has no file; a process that ended meanwhile is none.
bool exists(int pid) {
  char file[8];
  return readlink(fmt::format("/proc/{}/exe", pid).c_str(), file, sizeof file) > 0 || errno == EACCES;
}

Is look_at(int pid, OnKmem& found) {
  std::unique_ptr<Target> target;
  try {
    target = open_process(pid);
  } catch (const Failure&) {
    return Is::Denied;
  }
  const std::vector<KmemPlace> all = find_all_kmem(*target);
  if (std::none_of(all.begin(), all.end(), [](const KmemPlace& p) { return p.is_up || !p.problem.empty(); })) return Is::Other;
  found.pid = pid;
  found.name = target->name();
  try {
    found.report = report_of(*target, find_kmem(*target), InTheWay::Fails);
  } catch (const Failure& failure) {
    found.problem = failure.what();
  }
  return Is::OnKmem;
}

uint64_t held(const SystemSnapshot& system) {
  uint64_t frames = 0;
  for (const ZoneSnapshot& zone : system.zones) frames += zone.present > zone.nr_free ? zone.present - zone.nr_free : 0;
  return frames * system.page_size + system.mapped.bytes;
}

const CacheSnapshot* top_cache(const SystemSnapshot& system) {
  const auto bytes = [](const CacheSnapshot& c) { return c.num_slabs * c.pages_per_slab; };
  const CacheSnapshot* top = nullptr;
  for (const CacheSnapshot& cache : system.caches)
    if (!top || bytes(cache) > bytes(*top)) top = &cache;
  return top && top->num_slabs ? top : nullptr;
}

struct Line {
  uint64_t by = 0;
  std::string text;
};

Line line_of(const OnKmem& process, const std::string& sort) {
  if (process.report.is_null()) return {0, fmt::format("{:>8} {:<16} {}\n", process.pid, process.name, process.problem)};
  const SavedReport saved(process.report);
  const SystemSnapshot& s = saved.system();
  const CacheSnapshot* top = top_cache(s);
  const std::string cache =
      top ? fmt::format("{} {}", top->name, size_text(top->num_slabs * top->pages_per_slab * s.page_size)) : "-";
  const uint64_t by = sort == "resident" ? s.process.resident : sort == "out" ? s.bytes_in_use : held(s);
  return {
      sort == "pid" ? ~static_cast<uint64_t>(process.pid) : by,
      fmt::format("{:>8} {:<16} {:>10} {:>10} {:>10} {:>10}  {}\n", process.pid, process.name, size_text(s.process.resident),
                  size_text(held(s)), size_text(s.bytes_in_use), size_text(s.bytes_given_back), cache)};
}

}  // namespace

std::vector<OnKmem> find_processes(unsigned& denied) {
  std::vector<OnKmem> all;
  denied = 0;
  for (int pid : all_processes()) {
    OnKmem found;
    const Is is = look_at(pid, found);
    if (is == Is::OnKmem) all.push_back(std::move(found));
    denied += is == Is::Denied && exists(pid);
  }
  return all;
}

void ps(const PsOptions& options) {
  move_out_of_the_way();
  unsigned denied = 0;
  const std::vector<OnKmem> all = find_processes(denied);
  if (options.json) {
    json list = json::array();
    for (const OnKmem& process : all)
      list.push_back(process.report.is_null()
                         ? json{{"process", {{"pid", process.pid}, {"name", process.name}}}, {"problem", process.problem}}
                         : process.report);
    fmt::print("{}\n", json{{"schema", 1}, {"processes", list}, {"denied", denied}}.dump(2, ' ', false,
                                                                                         json::error_handler_t::replace));
    return;
  }
  std::vector<Line> lines;
  for (const OnKmem& process : all) lines.push_back(line_of(process, options.sort));
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.by > b.by; });
  fmt::print("{:>8} {:<16} {:>10} {:>10} {:>10} {:>10}  {}\n", "PID", "NAME", "RESIDENT", "HELD", "OUT", "GIVEN BACK",
             "TOP CACHE");
  for (const Line& line : lines) fmt::print("{}", line.text);
  if (denied) fmt::print(stderr, "kmem: {} process{} may not be read\n", denied, denied == 1 ? "" : "es");
}

}  // namespace kmem::tool
