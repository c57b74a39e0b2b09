#include "report/texts.h"

namespace kmem {
namespace {

void put_area(Text& out, const AreaSnapshot& area) {
  out.printf("0x%016jx-0x%016jx %7ju", area.start, area.end, area.end - area.start);
  if (area.lazy) {
    out.put(" unpurged vm_area");
  } else {
    if (area.caller) out.printf(" 0x%jx", area.caller);
    if (area.pages) out.printf(" pages=%ju", area.pages);
    if (area.phys) out.printf(" phys=0x%016jx", area.phys);
    if (area.kind[0]) out.put(' ').put(area.kind);
    if (area.user) out.put(" user");
  }
  for (unsigned node = 0; node < kMaxNodes; ++node)
    if (area.on_node[node]) out.printf(" N%u=%ju", node, area.on_node[node]);
  out.put('\n');
}

}  // namespace

void put_vmallocinfo(Text& out, const SystemSnapshot& system) {
  AreaSnapshot area;
  for (uint64_t cursor = 0; system.window.next && system.window.next(system.window.arg, cursor, area);) put_area(out, area);
}

}  // namespace kmem
