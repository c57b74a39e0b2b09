#include "recording.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "failure.h"
#include "saved_report.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

std::string line_of(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

void drop_every_second(std::vector<std::string>& lines) {
  size_t kept = 0;
  for (size_t i = 0; i < lines.size(); i += 2) lines[kept++] = std::move(lines[i]);
  lines.resize(kept);
}

uint64_t bytes_of(const std::vector<std::string>& lines) {
  uint64_t sum = 0;
  for (const std::string& line : lines) sum += line.size();
  return sum;
}

}  // namespace

RecordingFile::RecordingFile(std::string path, uint64_t most_bytes, const json& head)
    : path_(std::move(path)), head_(line_of(head)), most_bytes_(most_bytes), file_(std::fopen(path_.c_str(), "we")) {
  if (!file_) throw Failure(fmt::format("{}: {}", path_, std::strerror(errno)));
  append(head_);
}

RecordingFile::~RecordingFile() {
  if (file_) std::fclose(file_);
}

void RecordingFile::append(const std::string& line) {
  if (std::fwrite(line.data(), 1, line.size(), file_) != line.size() || std::fflush(file_))
    throw Failure(fmt::format("{}: {}", path_, std::strerror(errno)));
  bytes_ += line.size();
}

void RecordingFile::add(Kind kind, const json& object) {
  std::string line = line_of(object);
  append(line);
  (kind == Kind::Map ? maps_ : samples_).push_back(std::move(line));
  // With fewer than so many samples there is nothing left to drop: one of them is that long.
  constexpr size_t kFew = 16;
  while (bytes_ > most_bytes_ && samples_.size() + maps_.size() > kFew) halve();
}

void RecordingFile::halve() {
  drop_every_second(samples_);
  drop_every_second(maps_);
  ++halvings_;
  std::FILE* anew = std::freopen(path_.c_str(), "we", file_);
  file_ = anew;
  if (!anew) throw Failure(fmt::format("{}: {}", path_, std::strerror(errno)));
  bytes_ = head_.size() + bytes_of(samples_) + bytes_of(maps_);
  std::fwrite(head_.data(), 1, head_.size(), file_);
  for (const auto* lines : {&samples_, &maps_})
    for (const std::string& line : *lines) std::fwrite(line.data(), 1, line.size(), file_);
  if (std::fflush(file_)) throw Failure(fmt::format("{}: {}", path_, std::strerror(errno)));
}

void RecordingFile::finish(const json& line) { append(line_of(line)); }

json sample_of(const json& report, double at) {
  const SavedReport saved(report);
  const SystemSnapshot& s = saved.system();
  json zones = json::array(), caches = json::object();
  for (const ZoneSnapshot& z : s.zones) {
    if (!z.present) continue;
    uint64_t listed = 0;
    for (const PcpSnapshot& pcp : z.pcps) listed += pcp.count;
    zones.push_back({{"name", fmt::format("{} {}", z.node, z.name)},
                     {"present", z.present},
                     {"clean", z.clean},
                     {"dirty", z.dirty},
                     {"listed", listed},
                     {"orders", z.free_blocks}});
  }
  for (const CacheSnapshot& c : s.caches)
    if (c.num_slabs)
      caches[c.name] = {c.num_slabs * c.pages_per_slab * s.page_size, c.active_objs * c.stride, c.cached_objs * c.stride};
  const ReclaimSnapshot& r = s.reclaim;
  return {{"t", at},
          {"resident", s.process.resident},
          {"out", s.bytes_in_use},
          {"large", s.mapped.bytes},
          {"given_back", s.bytes_given_back},
          {"zones", std::move(zones)},
          {"caches", std::move(caches)},
          {"events",
           {{"given back", s.times_given_back},
            {"reclaim", r.rounds + r.balances + r.thread_rounds},
            {"stall", r.stalls},
            {"pressure", r.pressures},
            {"out of memory", r.ooms},
            {"failure", r.failures}}}};
}

Recording read_recording(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Failure(fmt::format("{}: {}", path, std::strerror(errno)));
  Recording all;
  for (std::string line; std::getline(file, line);) {
    json object = json::parse(line, nullptr, false);
    if (!object.is_object()) continue;
    if (object.contains("kmem_recording")) all.head = std::move(object);
    else if (object.contains("map")) all.maps.push_back(std::move(object));
    else if (object.contains("end")) all.end = std::move(object);
    else if (object.contains("t")) all.samples.push_back(std::move(object));
  }
  if (all.head.is_null()) throw Failure(fmt::format("{} is no recording; `kmem record` writes them", path));
  if (all.samples.empty())
    throw Failure(fmt::format("{} has no sample: its process ended too early, or did not use kmem", path));
  return all;
}

}  // namespace kmem::tool
