// The reports for callers of the library.

#include <kmem/stats.h>

#include "report/texts.h"
#include "sleeping.h"
#include "system/system.h"
#include "watch/nr_reports.h"

namespace {

using Put = void (*)(kmem::Text&, const kmem::SystemSnapshot&);

size_t show(Put put, char* buffer, size_t size) {
  kmem::SystemSnapshot snapshot;
  if (!kmem::boot() || !kmem_take_snapshot(&snapshot)) return 0;
  kmem::Text text(kmem::Span<char>(buffer, size));
  put(text, snapshot);
  return text.total();
}

}  // namespace

extern "C" {

size_t kmem_slabinfo(char* buffer, size_t size) noexcept { return show(kmem::put_slabinfo, buffer, size); }
size_t kmem_buddyinfo(char* buffer, size_t size) noexcept { return show(kmem::put_buddyinfo, buffer, size); }
size_t kmem_zoneinfo(char* buffer, size_t size) noexcept { return show(kmem::put_zoneinfo, buffer, size); }
size_t kmem_pagetypeinfo(char* buffer, size_t size) noexcept { return show(kmem::put_pagetypeinfo, buffer, size); }
size_t kmem_meminfo(char* buffer, size_t size) noexcept { return show(kmem::put_meminfo, buffer, size); }
size_t kmem_vmallocinfo(char* buffer, size_t size) noexcept { return show(kmem::put_vmallocinfo, buffer, size); }
size_t kmem_json(char* buffer, size_t size) noexcept { return show(kmem::put_json, buffer, size); }

size_t kmem_kfence_stats(char* buffer, size_t size) noexcept {
  if (!kmem::boot()) return 0;
  const kmem::GuardedPool::Stats stats = kmem::system().guarded.stats();
  kmem::Text text(kmem::Span<char>(buffer, size));
  text.printf("enabled: %d\ncurrently allocated: %ju\ntotal allocations: %ju\ntotal frees: %ju\nzombie allocations: 0\n",
              stats.enabled, stats.allocated, stats.total_allocs, stats.total_frees);
  text.printf(
      "total bugs: %ju\nskipped allocations (incompatible): %ju\nskipped allocations (capacity): %ju\n"
      "skipped allocations (covered): 0\n",
      stats.bugs, stats.skipped_kind, stats.skipped_full);
  return text.total();
}

unsigned long kmem_reports() noexcept { return kmem::nr_reports(); }

int kmem_pressure_poll() noexcept {
  KMEM_MIGHT_SLEEP();
  return kmem::boot() && kmem::system().pages.reclaim().poll_pressure(kmem::gfp::kKernel);
}

size_t kmem_trim() noexcept {
  KMEM_MIGHT_SLEEP();
  if (!kmem::boot()) return 0;
  kmem::System& s = kmem::system();
  s.vmap.purge_all(kmem::wait_by_context());
  kmem::let_go_kept(s.heap);
  s.heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
  return static_cast<size_t>(s.pages.trim()) << kmem::kPageShift;
}

}  // extern "C"
