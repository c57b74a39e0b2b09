#include "system/trouble.h"

#include "page/gfp_names.h"
#include "system/system.h"
#include "watch/report.h"

namespace kmem {
namespace {

constexpr const char* kZoneNames[kZoneKinds] = {"DMA", "DMA32", "Normal", "HighMem"};

}  // namespace

namespace {

/// The caches that hold the most memory, largest first.
void put_largest_caches(Report& report) {
  constexpr unsigned kShown = 5;
  Heap& heap = system().heap;
  const Cache* largest[kShown + 1] = {};
  const auto bytes = [](const Cache& c) { return static_cast<uint64_t>(c.nr_slabs()) * c.slabs().shape().bytes(); };
  for (uint32_t id = 1; id <= heap.nr_caches(); ++id) {
    const Cache& cache = heap.cache(id);
    if (!cache.live() || !cache.nr_slabs()) continue;
    unsigned at = kShown;
    for (; at && (!largest[at - 1] || bytes(cache) > bytes(*largest[at - 1])); --at) largest[at] = largest[at - 1];
    largest[at] = &cache;
  }
  for (unsigned i = 0; i < kShown && largest[i]; ++i)
    report.line("cache %s: %llukB in %lld slabs", largest[i]->name(),
                static_cast<unsigned long long>(bytes(*largest[i]) / 1024), static_cast<long long>(largest[i]->nr_slabs()));
}

}  // namespace

void report_failure(const char* what, size_t bytes, Gfp gfp) {
  static RateLimit limit;
  if ((gfp & gfp::kNoWarn) || !limit.ask().allowed) return;
  const FlagNames flags(gfp);
  Report report;
  const unsigned order = log2_ceil((bytes + kPageSize - 1) / kPageSize);
  report.line("%s: page allocation failure: order:%u, bytes:%zu, mode:%#x(%s)", what, order, bytes, gfp, flags.text);
  report.call_trace();
  PageAllocator& pages = system().pages;
  for (unsigned i = 0; i < pages.nr_zones(); ++i) {
    const Zone& zone = pages.zone(i);
    report.line("Node %u %s free:%llukB min:%llukB low:%llukB high:%llukB present:%llukB", unsigned{zone.node().value},
                kZoneNames[static_cast<unsigned>(zone.kind())], static_cast<unsigned long long>(zone.nr_available() * 4),
                static_cast<unsigned long long>(zone.marks().min * 4), static_cast<unsigned long long>(zone.marks().low * 4),
                static_cast<unsigned long long>(zone.marks().high * 4), static_cast<unsigned long long>(zone.nr_frames() * 4));
  }
  put_largest_caches(report);
}

}  // namespace kmem
