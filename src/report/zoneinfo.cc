#include "report/texts.h"

namespace kmem {
namespace {

void put_pages(Text& out, const ZoneSnapshot& zone) {
  out.printf("\n  pages free     %ju", zone.nr_free);
  out.printf("\n        boost    %u", 0u);
  out.printf("\n        min      %ju", zone.min);
  out.printf("\n        low      %ju", zone.low);
  out.printf("\n        high     %ju", zone.high);
  out.printf("\n        spanned  %ju", zone.spanned);
  out.printf("\n        present  %ju", zone.present);
  out.printf("\n        managed  %ju", zone.managed);
  out.printf("\n        cma      %u", 0u);
  out.printf("\n        protection: (%ju", zone.protection[0]);
  for (unsigned i = 1; i < kNrProtections; ++i) out.printf(", %ju", zone.protection[i]);
  out.put(')');
}

void put_counters(Text& out, const ZoneSnapshot& zone) {
  out.printf("\n      %-12s %ju", "nr_free_pages", zone.nr_free);
  out.printf("\n      %-12s %ju", "nr_free_clean", zone.clean);
  out.printf("\n      %-12s %ju", "nr_free_dirty", zone.dirty);
}

void put_pagesets(Text& out, const ZoneSnapshot& zone) {
  out.put("\n  pagesets");
  for (const PcpSnapshot& pcp : zone.pcps) {
    out.printf("\n    cpu: %u", pcp.cpu);
    out.printf("\n              count:    %u", pcp.count);
    out.printf("\n              high:     %u", pcp.high);
    out.printf("\n              batch:    %u", pcp.batch);
    out.put("\n  vm stats threshold: 0");  // there are no per-CPU differences
  }
}

void put_zone(Text& out, const ZoneSnapshot& zone) {
  out.printf("Node %u, zone %8s", zone.node, zone.name);
  put_pages(out, zone);
  if (zone.present) {  // as the kernel, prints no more for an empty zone
    put_counters(out, zone);
    put_pagesets(out, zone);
    out.put("\n  node_unreclaimable:  0");
    out.printf("\n  start_pfn:           %ju", zone.start_pfn);
  }
  out.put('\n');
}

}  // namespace

void put_zoneinfo(Text& out, const SystemSnapshot& system) {
  for (const ZoneSnapshot& zone : system.zones) put_zone(out, zone);
}

}  // namespace kmem
