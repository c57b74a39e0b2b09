#include "sync/sheaf.h"

#include "base/bits.h"
#include "port/port.h"

namespace kmem {

// Several threads may do this at the same time, with the same effect.
bool SheafPool::open_to(uint32_t index) {
  for (uint32_t ready; (ready = nr_ready_.load()) < index;) {
    const auto from = reinterpret_cast<uint64_t>(words(ready + 1)), to = round_up(from + 1, step_);
    if (kmem_port_online(words(ready + 1), to - from) != Online::Done) return false;
    const auto more = static_cast<uint32_t>((to - from) >> kSheafShift);
    nr_ready_.compare_exchange(ready, ready + more < nr_ ? ready + more : nr_);
  }
  return true;
}

}  // namespace kmem
