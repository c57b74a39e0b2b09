#include "summary.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "report/texts.h"

namespace kmem::tool {
namespace {

double percent(uint64_t part, uint64_t whole) {
  return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

uint64_t held(const CacheSnapshot& cache, uint64_t page_size) { return cache.num_slabs * cache.pages_per_slab * page_size; }

/// Pages that are not free, and large blocks.
uint64_t held(const SystemSnapshot& system) {
  uint64_t bytes = system.mapped.bytes;
  for (const ZoneSnapshot& zone : system.zones)
    if (zone.managed > zone.nr_free) bytes += (zone.managed - zone.nr_free) * system.page_size;
  return bytes;
}

/// What is held and not asked for: free objects, and what alignment and the end of a slab take.
uint64_t waste(const CacheSnapshot& cache, uint64_t page_size) {
  const uint64_t used = cache.active_objs * cache.object_size;
  const uint64_t all = held(cache, page_size);
  return all > used ? all - used : 0;
}

std::string fast_path_text(const SystemSnapshot& system) {
  const PathSnapshot& paths = system.paths;
  const uint64_t all = paths.fast + paths.slow;
  const char* mode = name_of(system.cpu_stack);
  if (!paths.counted)
    return fmt::format("open; {} calls left it; {} (run with --count to count all calls)", count_text(paths.slow), mode);
  if (!all) return fmt::format("no calls; {}", mode);
  // Rounded down: "100.00 %" means every one.
  const double hits = static_cast<double>(static_cast<uint64_t>(percent(paths.fast, all) * 100)) / 100;
  return fmt::format("{:.2f} % of {} calls, {} slow ones; {}", hits, count_text(all), count_text(paths.slow), mode);
}

/// A line of the first block: a word at the left, a sentence at the right.
void add_fact(std::string& out, const char* name, const std::string& text) { out += fmt::format("  {:<12} {}\n", name, text); }

void add_memory(std::string& out, const SystemSnapshot& system, Moment moment) {
  add_fact(out, "peak",
           fmt::format("{} held, {} resident", size_text(system.bytes_peak), size_text(system.process.resident_peak)));
  add_fact(out, moment == Moment::Now ? "now" : "at the end",
           fmt::format("{} handed out, {} held, {} resident", size_text(system.bytes_in_use), size_text(held(system)),
                       size_text(system.process.resident)));
  add_fact(out, "online", fmt::format("{} of pages", size_text(system.bytes_online)));
  add_fact(out, "large blocks",
           fmt::format("{} mapped, {}; {} at most", count_text(system.mapped.count), size_text(system.mapped.bytes),
                       size_text(system.mapped.bytes_peak)));
  add_fact(out, "given back",
           fmt::format("{} in {} times", size_text(system.bytes_given_back), count_text(system.times_given_back)));
  add_fact(out, "fast path", fast_path_text(system));
  add_fact(out, "machine",
           fmt::format("{} CPUs, {} node{}, host pages of {}", system.nr_cpus, system.nr_nodes, system.nr_nodes == 1 ? "" : "s",
                       size_text(system.host_page_size)));
  if (*system.boot_words) add_fact(out, "boot words", system.boot_words);
}

void add_cache(std::string& out, const CacheSnapshot& cache, uint64_t page_size, bool counted) {
  const uint64_t all = held(cache, page_size);
  const uint64_t wasted = waste(cache, page_size);
  out += fmt::format("  {:<24} {:>8} {:>10} {:>10} {:>10} {:>10} {:>6.1f} % {:>9} {:>9}", cache.name, cache.object_size,
                     count_text(cache.active_objs), count_text(cache.cached_objs), size_text(all), size_text(wasted),
                     percent(wasted, all), count_text(cache.slow_allocs), count_text(cache.slow_frees));
  if (counted) out += fmt::format(" {:>13} {:>13}", count_text(cache.allocs), count_text(cache.frees));
  out += '\n';
}

void add_caches(std::string& out, const SystemSnapshot& system, size_t most) {
  const uint64_t page = system.page_size;
  std::vector<const CacheSnapshot*> caches;
  uint64_t all = 0, wasted = 0;
  for (const CacheSnapshot& cache : system.caches) {
    if (cache.num_slabs || cache.allocs || cache.slow_allocs) caches.push_back(&cache);
    all += held(cache, page);
    wasted += waste(cache, page);
  }
  if (caches.empty()) return;
  std::stable_sort(caches.begin(), caches.end(), [&](const auto* a, const auto* b) { return held(*a, page) > held(*b, page); });
  out += fmt::format("\n  {:<24} {:>8} {:>10} {:>10} {:>10} {:>10} {:>8} {:>9} {:>9}", "CACHE", "OBJECT", "IN USE", "CACHED",
                     "HELD", "WASTE", "", "REFILLS", "DRAINS");
  out += system.paths.counted ? fmt::format(" {:>13} {:>13}\n", "ALLOCS", "FREES") : "\n";
  for (size_t i = 0; i < caches.size() && i < most; ++i) add_cache(out, *caches[i], page, system.paths.counted);
  if (caches.size() > most) out += fmt::format("  ... and {} more\n", caches.size() - most);
  out += fmt::format("  {:<24} {:>8} {:>10} {:>10} {:>10} {:>10} {:>6.1f} %\n", "all", "", "", "", size_text(all),
                     size_text(wasted), percent(wasted, all));
}

void add_zones(std::string& out, const SystemSnapshot& system) {
  const uint64_t page = system.page_size;
  out += fmt::format("\n  {:<4} {:<8} {:>10} {:>10} {:>12} {:>14} {:>10}\n", "NODE", "ZONE", "MANAGED", "FREE", "FREE CLEAN",
                     "FREE RESIDENT", "ON CPUS");
  for (const ZoneSnapshot& zone : system.zones) {
    if (!zone.present) continue;
    uint64_t on_cpus = 0;
    for (const PcpSnapshot& pcp : zone.pcps) on_cpus += pcp.count;
    out += fmt::format("  {:<4} {:<8} {:>10} {:>10} {:>12} {:>14} {:>10}\n", zone.node, zone.name,
                       size_text(zone.managed * page), size_text(zone.nr_free * page), size_text(zone.clean * page),
                       size_text(zone.dirty * page), size_text(on_cpus * page));
  }
}

}  // namespace

std::string size_text(uint64_t bytes) { return TextOf<32>().bytes(bytes).data(); }

std::string count_text(uint64_t count) {
  if (count < 1000) return fmt::format("{}", count);
  return fmt::format("{},{:03}", count_text(count / 1000), count % 1000);
}

std::string describe_end(const Ended& ended) {
  const std::string times =
      fmt::format("after {:.2f} s (user {:.2f} s, system {:.2f} s)", ended.seconds, ended.user_seconds, ended.system_seconds);
  if (WIFEXITED(ended.wait_status)) return fmt::format("ended with status {} {}", WEXITSTATUS(ended.wait_status), times);
  const int signal = WTERMSIG(ended.wait_status);
  return fmt::format("was killed by signal {} ({}) {}", signal, strsignal(signal), times);
}

std::string describe_caches(const SystemSnapshot& system, size_t most_caches) {
  std::string out;
  add_caches(out, system, most_caches);
  return out.substr(out.find_first_not_of('\n') == std::string::npos ? 0 : out.find_first_not_of('\n'));
}

std::string describe_process(const SystemSnapshot& system, size_t most_caches, Moment moment) {
  std::string out;
  add_memory(out, system, moment);
  add_caches(out, system, most_caches);
  add_zones(out, system);
  return out;
}

std::string describe_others(const std::vector<const SystemSnapshot*>& others, size_t most) {
  std::vector<const SystemSnapshot*> by_peak = others;
  std::stable_sort(by_peak.begin(), by_peak.end(), [](const auto* a, const auto* b) { return a->bytes_peak > b->bytes_peak; });
  std::string out = fmt::format("\n  {:<16} {:>8} {:>12} {:>12} {:>14} {:>10}\n", "OTHER PROCESSES", "PID", "PEAK",
                                "AT THE END", "RESIDENT PEAK", "GIVEN BACK");
  for (size_t i = 0; i < by_peak.size() && i < most; ++i) {
    const SystemSnapshot& one = *by_peak[i];
    out += fmt::format("  {:<16} {:>8} {:>12} {:>12} {:>14} {:>10}\n", one.process.name, one.process.pid,
                       size_text(one.bytes_peak), size_text(one.bytes_in_use), size_text(one.process.resident_peak),
                       size_text(one.bytes_given_back));
  }
  if (by_peak.size() > most) out += fmt::format("  ... and {} more\n", by_peak.size() - most);
  return out;
}

}  // namespace kmem::tool
