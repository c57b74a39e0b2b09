#include "report/texts.h"

namespace kmem {

void put_iomem(Text& out, const SystemSnapshot& system) {
  for (const IomemSnapshot& line : system.iomem) {
    out.fill(' ', 2 * size_t{line.level}).hex_padded(line.start, 8).put('-').hex_padded(line.end, 8);
    out.put(" : ").put(line.name).put('\n');
  }
}

}  // namespace kmem
