// kmem top: what grows, live.

#include "top.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <thread>

#include "../look/questions.h"
#include "../look/symbols.h"
#include "failure.h"
#include "ps.h"
#include "saved_report.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

std::string signed_text(double bytes) {
  if (std::abs(bytes) < 0.5) return "0";
  return (bytes < 0 ? "-" : "+") + size_text(static_cast<uint64_t>(std::abs(bytes)));
}

std::string rate_text(double per_second) {
  return per_second < 0.5 ? "0" : count_text(static_cast<uint64_t>(per_second + 0.5));
}

std::string clock_text() {
  const std::time_t now = std::time(nullptr);
  char text[16];
  std::tm parts;
  std::strftime(text, sizeof text, "%H:%M:%S", localtime_r(&now, &parts));
  return text;
}

std::string cut(std::string text, size_t width) {
  if (text.size() > width) text.resize(width);
  return text;
}

uint64_t slab_bytes(const CacheSnapshot& cache, uint64_t page) { return cache.num_slabs * cache.pages_per_slab * page; }

std::vector<TopRow> rows_of(const SystemSnapshot& s) {
  std::vector<TopRow> rows;
  uint64_t slabs = 0;
  for (const CacheSnapshot& cache : s.caches) {
    if (!cache.num_slabs && !cache.slow_allocs) continue;
    TopRow row;
    row.name = cache.name;
    row.object = cache.object_size;
    row.in_use = cache.active_objs;
    row.cached = cache.cached_objs;
    row.held = slab_bytes(cache, s.page_size);
    row.misses = cache.slow_allocs + cache.slow_frees;
    slabs += row.held;
    rows.push_back(row);
  }
  TopRow large;
  large.name = "(large blocks)";
  large.in_use = s.mapped.count;
  large.held = s.mapped.bytes;
  if (large.held) rows.push_back(large);
  TopRow pages;
  pages.name = "(pages and runs)";
  uint64_t used = 0;
  for (const ZoneSnapshot& zone : s.zones)
    used += (zone.present > zone.nr_free ? zone.present - zone.nr_free : 0) * s.page_size;
  pages.held = used > slabs ? used - slabs : 0;
  if (pages.held) rows.push_back(pages);
  return rows;
}

uint64_t held_by(const SystemSnapshot& s) {
  uint64_t sum = s.mapped.bytes;
  for (const ZoneSnapshot& zone : s.zones) sum += (zone.present > zone.nr_free ? zone.present - zone.nr_free : 0) * s.page_size;
  return sum;
}

std::vector<std::string> head_of(const SystemSnapshot& s) {
  std::vector<std::string> head;
  head.push_back(fmt::format("memory   {} resident, {} held, {} out; {} given back; peak {}", size_text(s.process.resident),
                             size_text(held_by(s)), size_text(s.bytes_in_use), size_text(s.bytes_given_back),
                             size_text(s.bytes_peak)));
  std::string zones;
  uint64_t listed = 0;
  for (const ZoneSnapshot& zone : s.zones) {
    for (const PcpSnapshot& pcp : zone.pcps) listed += pcp.count * uint64_t{s.page_size};
    if (zone.present)
      zones += fmt::format("{}{} {}, {} free ({} resident)", zones.empty() ? "" : "; ", zone.name,
                           size_text(zone.managed * s.page_size), size_text(zone.nr_free * s.page_size),
                           size_text(zone.dirty * s.page_size));
  }
  head.push_back(fmt::format("zones    {}; {} on CPUs", zones, size_text(listed)));
  const ReclaimSnapshot& r = s.reclaim;
  head.push_back(fmt::format("reclaim  {} stalls, {} rounds, {} by pressure, {} shrinkers, {} failures", count_text(r.stalls),
                             count_text(r.rounds + r.balances + r.thread_rounds), count_text(r.pressures), r.shrinkers,
                             count_text(r.failures)));
  return head;
}

std::string group_key(const json& object) {
  return object.contains("allocated") ? object["allocated"]["callers"].dump() : std::string();
}

}  // namespace

// The table -----------------------------------------------------------------------------------------------------------------

void TopTable::update(std::vector<TopRow> rows, double now) {
  const double passed = now - then_;
  std::map<std::pair<int, std::string>, Seen> seen;
  for (TopRow& row : rows) {
    const auto key = std::make_pair(row.pid, row.name);
    const auto before = seen_.find(key);
    // What is new grew from nothing; at the first look nothing has.
    const Seen was = before != seen_.end() ? before->second : begun_ ? Seen{} : Seen{row.held, row.held, row.misses};
    row.grown = static_cast<int64_t>(row.held - was.first);
    if (begun_ && passed > 0) {
      row.per_second = static_cast<double>(static_cast<int64_t>(row.held - was.last)) / passed;
      row.misses_per_second = row.misses > was.misses ? static_cast<double>(row.misses - was.misses) / passed : 0;
    }
    seen[key] = {was.first, row.held, row.misses};
  }
  seen_ = std::move(seen);
  rows_ = std::move(rows);
  then_ = now;
  begun_ = true;
}

void TopTable::sort_by(const std::string& what) {
  std::stable_sort(rows_.begin(), rows_.end(), [&](const TopRow& a, const TopRow& b) {
    if (what == "name") return a.name < b.name;
    if (what == "grown") return a.grown > b.grown;
    if (what == "rate") return a.per_second > b.per_second;
    if (what == "use") return a.in_use * std::max<uint64_t>(a.object, 1) > b.in_use * std::max<uint64_t>(b.object, 1);
    if (what == "misses") return a.misses_per_second > b.misses_per_second;
    return a.held > b.held;
  });
}

const TopRow* TopTable::most_grown() const {
  const TopRow* most = nullptr;
  for (const TopRow& row : rows_)
    if (row.grown > 0 && (!most || row.grown > most->grown)) most = &row;
  return most;
}

// Looks ---------------------------------------------------------------------------------------------------------------------

Top::Top(const TopOptions& options) : options_(options), interval_(options.interval) {
  view_.pid = options.pid;
  view_.sort = options.sort;
  view_.filter = options.filter;
}

void Top::look(double now) {
  if (view_.pid) look_at_one(now);
  else look_at_all(now);
  if (!view_.cache.empty()) look_at_sites();
}

void Top::look_at_all(double now) {
  unsigned denied = 0;
  std::vector<TopRow> rows;
  for (const OnKmem& process : find_processes(denied)) {
    if (process.report.is_null()) continue;
    const SavedReport saved(process.report);
    const SystemSnapshot& s = saved.system();
    TopRow row;
    row.name = process.name;
    row.pid = process.pid;
    row.held = held_by(s);
    row.in_use = s.bytes_in_use;
    row.resident = s.process.resident;
    row.misses = s.paths.slow;
    const auto top = std::max_element(s.caches.begin(), s.caches.end(), [&](const auto& a, const auto& b) {
      return slab_bytes(a, s.page_size) < slab_bytes(b, s.page_size);
    });
    if (top != s.caches.end()) row.extra = fmt::format("{} {}", top->name, size_text(slab_bytes(*top, s.page_size)));
    rows.push_back(row);
  }
  head_ = {fmt::format("{} process{} on kmem{}", rows.size(), rows.size() == 1 ? "" : "es",
                       denied ? fmt::format("; {} may not be read", denied) : "")};
  table_.update(std::move(rows), now);
}

void Top::look_at_one(double now) {
  const std::unique_ptr<Target> target = open_process(view_.pid);
  const SavedReport saved(report_of(*target, find_kmem(*target, options_.module)));
  head_ = head_of(saved.system());
  head_.insert(head_.begin(), fmt::format("{} (process {})", target->name(), view_.pid));
  table_.update(rows_of(saved.system()), now);
}

void Top::look_at_sites() {
  const std::unique_ptr<Target> target = open_process(view_.pid);
  const KmemPlace place = find_kmem(*target, options_.module);
  const Answers answers = tool::look(*target, place, [&](Looker& looker) { ask_objects(looker, {view_.cache, "out", 0}); });
  struct Group {
    uint64_t objects = 0, bytes = 0;
    json callers;
  };
  std::map<std::string, Group> groups;
  for (const json& answer : answers.all) {
    if (!answer.contains("object")) continue;
    Group& group = groups[group_key(answer["object"])];
    ++group.objects;
    group.bytes += answer["object"]["size"].get<uint64_t>();
    if (answer["object"].contains("allocated")) group.callers = answer["object"]["allocated"]["callers"];
  }
  std::vector<Group> sorted;
  for (const auto& one : groups) sorted.push_back(one.second);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Group& a, const Group& b) { return a.bytes > b.bytes; });
  const Symbols symbols(*target);
  sites_ = {fmt::format("{:>10} {:>9}  ALLOCATED BY", "BYTES", "OBJECTS")};
  for (const Group& group : sorted) {
    std::string names;
    for (const json& caller : group.callers) {
      const Range* range = target->range_of(caller);
      if (!range || range->path != place.module)
        names += (names.empty() ? "" : " < ") + symbols.name(caller).substr(0, symbols.name(caller).find("  "));
    }
    if (names.empty()) names = "(not kept: start the process with KMEM=\"slub_debug=U\")";
    sites_.push_back(fmt::format("{:>10} {:>9}  {}", size_text(group.bytes), count_text(group.objects), names));
  }
}

// Lines ---------------------------------------------------------------------------------------------------------------------

std::vector<TopRow> Top::shown() const {
  std::vector<TopRow> rows;
  TopTable sorted = table_;
  sorted.sort_by(view_.sort);
  for (const TopRow& row : sorted.rows())
    if (row.name.find(view_.filter) != std::string::npos) rows.push_back(row);
  return rows;
}

std::vector<ScreenLine> Top::lines(size_t width, size_t height) const {
  std::vector<ScreenLine> lines;
  for (size_t i = 0; i < head_.size(); ++i) {
    std::string text =
        i ? head_[i]
          : fmt::format("kmem top  {}  {}  every {:g} s{}", clock_text(), head_[0], interval_, view_.frozen ? "  FROZEN" : "");
    lines.push_back({cut(text, width), i ? Look::Plain : Look::Bold});
  }
  if (!view_.cache.empty()) {
    lines.push_back(
        {cut(fmt::format("cache {}: its objects that are out, by who allocated them", view_.cache), width), Look::Bold});
    for (size_t i = 0; i < sites_.size(); ++i) lines.push_back({cut(sites_[i], width), i ? Look::Plain : Look::Title});
  } else {
    const TopRow* most = table_.most_grown();
    const std::string grown = most ? fmt::format("{} {} since the start, {}/s now", most->name,
                                                 signed_text(static_cast<double>(most->grown)), signed_text(most->per_second))
                                   : "nothing";
    lines.push_back({cut(fmt::format("grew     {}{}", grown,
                                     view_.filter.empty() && !view_.typing
                                         ? ""
                                         : fmt::format("   filter: {}{}", view_.filter, view_.typing ? "_" : "")),
                         width),
                     Look::Bold});
    const size_t name_width = width > 88 ? 24 : 16;
    if (view_.pid)
      lines.push_back({cut(fmt::format("{:<{}} {:>6} {:>9} {:>7} {:>9} {:>10} {:>10} {:>6}", "CACHE", name_width, "OBJECT",
                                       "IN USE", "CACHED", "HELD", "GROWN", "PER SEC", "MISS/S"),
                           width),
                       Look::Title});
    else
      lines.push_back({cut(fmt::format("{:>7} {:<15} {:>9} {:>9} {:>9} {:>10} {:>10}  TOP CACHE", "PID", "NAME", "RESIDENT",
                                       "HELD", "OUT", "GROWN", "PER SEC"),
                           width),
                       Look::Title});
    const std::vector<TopRow> rows = shown();
    const size_t room = height > lines.size() + 1 ? height - lines.size() - 1 : 0;
    const size_t chosen = rows.empty() ? 0 : std::min(view_.chosen, rows.size() - 1),
                 from = chosen >= room && room ? chosen - room + 1 : 0;
    for (size_t i = from; i < rows.size() && i < from + room; ++i) {
      const TopRow& row = rows[i];
      const std::string grew = signed_text(static_cast<double>(row.grown)), rate = signed_text(row.per_second);
      const std::string text =
          view_.pid ? fmt::format("{:<{}} {:>6} {:>9} {:>7} {:>9} {:>10} {:>10} {:>6}", cut(row.name, name_width), name_width,
                                  row.object ? fmt::format("{}", row.object) : "", count_text(row.in_use),
                                  row.object ? count_text(row.cached) : "", size_text(row.held), grew, rate,
                                  rate_text(row.misses_per_second))
                    : fmt::format("{:>7} {:<15} {:>9} {:>9} {:>9} {:>10} {:>10}  {}", row.pid, cut(row.name, 15),
                                  size_text(row.resident), size_text(row.held), size_text(row.in_use), grew, rate, row.extra);
      const bool is_most = most && most->name == row.name && most->pid == row.pid;
      lines.push_back({cut(text, width), !options_.batch && i == chosen ? Look::Chosen : is_most ? Look::Bold : Look::Plain});
    }
  }
  if (lines.size() >= height) lines.resize(height ? height - 1 : 0);
  return lines;
}

// Keys ----------------------------------------------------------------------------------------------------------------------

void Top::enter() {
  const std::vector<TopRow> rows = shown();
  if (rows.empty() || !view_.cache.empty()) return;
  const TopRow& row = rows[std::min(view_.chosen, rows.size() - 1)];
  if (!view_.pid) view_.pid = row.pid, table_ = {};
  else if (row.object) view_.cache = row.name, sites_.clear();
  view_.chosen = 0;
}

bool Top::back() {
  view_.chosen = 0;
  if (!view_.cache.empty()) return view_.cache.clear(), true;
  if (!view_.pid || options_.pid) return false;
  view_.pid = 0;
  table_ = {};
  return true;
}

void Top::choose(long by) {
  const size_t nr = shown().size();
  const long at = static_cast<long>(std::min(view_.chosen, nr ? nr - 1 : 0)) + by;
  view_.chosen = at < 0 ? 0 : std::min(static_cast<size_t>(at), nr ? nr - 1 : 0);
}

void top(const TopOptions& options) {
  move_out_of_the_way();
  Top top(options);
  if (!options.batch) return run_screen(top, options);
  for (unsigned i = 0; !options.count || i < options.count; ++i) {
    if (i) std::this_thread::sleep_for(std::chrono::duration<double>(options.interval));
    top.look(std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count());
    for (const ScreenLine& line : top.lines(240, 1 << 20)) fmt::print("{}\n", line.text);
    fmt::print("\n");
    if (std::fflush(stdout)) throw Failure("standard output cannot be written");
  }
}

}  // namespace kmem::tool
