#include "report/texts.h"

namespace kmem {
namespace {

void put_blocks(Text& out, const ZoneSnapshot& zone) {
  for (const uint64_t blocks : zone.free_blocks) out.printf("%6ju ", blocks);
  out.put('\n');
}

constexpr const char* kTypes[] = {"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"};

/// One line for each type; the first has all free blocks.
void put_free_by_type(Text& out, const ZoneSnapshot& zone) {
  const ZoneSnapshot none;
  for (const char* const& type : kTypes) {
    out.printf("Node %4u, zone %8s, type %12s ", zone.node, zone.name, type);
    put_blocks(out, &type == kTypes ? zone : none);
  }
}

void put_blocks_by_type(Text& out, const ZoneSnapshot& zone) {
  out.printf("Node %u, zone %8s ", zone.node, zone.name);
  for (const char* const& type : kTypes)
    out.printf("%12ju ", &type == kTypes ? (zone.present + kBlockFrames - 1) / kBlockFrames : 0);
  out.put('\n');
}

}  // namespace

void put_buddyinfo(Text& out, const SystemSnapshot& system) {
  for (const ZoneSnapshot& zone : system.zones) {
    if (!zone.present) continue;
    out.printf("Node %u, zone %8s ", zone.node, zone.name);
    put_blocks(out, zone);
  }
}

void put_pagetypeinfo(Text& out, const SystemSnapshot& system) {
  out.printf("Page block order: %u\nPages per block:  %zu\n\n", kBlockOrder, kBlockFrames);
  out.printf("%-43s ", "Free pages count per migrate type at order");
  for (unsigned order = 0; order < kNrOrders; ++order) out.printf("%6u ", order);
  out.put('\n');
  for (const ZoneSnapshot& zone : system.zones)
    if (zone.present) put_free_by_type(out, zone);

  out.printf("\n%-23s", "Number of blocks type ");
  for (const char* type : kTypes) out.printf("%12s ", type);
  out.put('\n');
  for (const ZoneSnapshot& zone : system.zones)
    if (zone.present) put_blocks_by_type(out, zone);
}

}  // namespace kmem
