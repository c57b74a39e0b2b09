#include "vmap/window_table.h"

#include "watch/fault_injection.h"

namespace kmem {

bool WindowTable::cover(uint64_t pages) {
  if (pages <= nr_.peek()) return true;
  const uint64_t bytes = bytes_for(pages);
  if (should_fail(FaultPoint::Map, kNoGfp, bytes - memory_.opened()) || !memory_.open(bytes)) return false;
  nr_.store(bytes / sizeof(uint64_t));
  return true;
}

}  // namespace kmem
