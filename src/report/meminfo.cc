#include "report/texts.h"

namespace kmem {
namespace {

void put_line(Text& out, const char* name_and_colon, uint64_t bytes) {
  out.printf("%-15s %8ju kB\n", name_and_colon, bytes / 1024);
}

struct Sums {
  uint64_t managed = 0, free = 0, usable = 0, clean = 0, dirty = 0, pcp = 0;  // pages
};

/// The pages available without reclaim. Watermarks are for a zone's full size, so they are scaled to its online part.
uint64_t usable(const ZoneSnapshot& zone) {
  const uint64_t low = zone.spanned ? zone.low * zone.managed / zone.spanned : zone.low;
  return zone.nr_free > low ? zone.nr_free - low : 0;
}

Sums sums_of(const SystemSnapshot& system) {
  Sums sums;
  for (const ZoneSnapshot& zone : system.zones) {
    sums.managed += zone.managed;
    sums.free += zone.nr_free;
    sums.usable += usable(zone);
    sums.clean += zone.clean;
    sums.dirty += zone.dirty;
    for (const PcpSnapshot& pcp : zone.pcps) sums.pcp += pcp.count;
  }
  return sums;
}

uint64_t slab_pages(const SystemSnapshot& system) {
  uint64_t pages = 0;
  for (const CacheSnapshot& cache : system.caches) pages += cache.num_slabs * cache.pages_per_slab;
  return pages;
}

}  // namespace

void put_meminfo(Text& out, const SystemSnapshot& system) {
  const Sums pages = sums_of(system);
  const uint64_t page = system.page_size;
  const uint64_t slab = slab_pages(system) * page;
  put_line(out, "MemTotal:", pages.managed * page);
  put_line(out, "MemFree:", pages.free * page);
  put_line(out, "MemAvailable:", pages.usable * page);
  put_line(out, "Slab:", slab);
  put_line(out, "SReclaimable:", 0);
  put_line(out, "SUnreclaim:", slab);
  if (system.window.bytes) {
    put_line(out, "VmallocTotal:", system.window.bytes);
    put_line(out, "VmallocUsed:", system.window.pages * page);
    put_line(out, "VmallocChunk:", system.window.largest);
  }
  put_line(out, "KmemOnline:", system.bytes_online);
  put_line(out, "KmemInUse:", system.bytes_in_use);
  put_line(out, "KmemPeak:", system.bytes_peak);
  put_line(out, "KmemMapped:", system.mapped.bytes);
  put_line(out, "KmemPcp:", pages.pcp * page);
  put_line(out, "KmemFreeClean:", pages.clean * page);
  put_line(out, "KmemFreeDirty:", pages.dirty * page);
  put_line(out, "KmemGivenBack:", system.bytes_given_back);
}

}  // namespace kmem
