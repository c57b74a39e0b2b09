#pragma once
// A small machine with pages and what caches need of the system.

#include <string>
#include <vector>

#include "slab/cache.h"
#include "slab/cache_node.h"
#include "slab/tables.h"
#include "unit/page/small_machine.h"

namespace kmem::test {

/// Double frees that were reported, by all caches.
inline std::vector<const void*> double_frees;

class SlabTestWorld : public PageWorld {
 public:
  explicit SlabTestWorld(std::initializer_list<Ram> ram = {{4096, 256}}, uint32_t nr_sheaves = 4096)
      : PageWorld(ram, 128, nr_sheaves) {
    double_frees.clear();
    world.pages = &pages;
    world.sheaves = &sheaves;
    world.frame_class = reinterpret_cast<uint8_t*>(machine.base + kFrameTable);
    world.divisors = reinterpret_cast<Divisor*>(machine.base + kDivisors);
    world.class_sizes = reinterpret_cast<uint32_t*>(machine.base + kClassSizes);
    world.report_double_free = [](const Cache&, const void* object) { double_frees.push_back(object); };
  }
  /// Everything of the caches goes back; then no frame may be in use.
  uint64_t frames_in_use() {
    pages.drain();
    uint64_t sum = 0;
    for (unsigned i = 0; i < pages.nr_zones(); ++i) sum += pages.zone(i).nr_in_use();
    return sum;
  }

  SlabWorld world;
};

/// One cache with its nodes.
struct TestCache : Cache {
  static constexpr unsigned kLog2Parts = 1;

  TestCache(SlabTestWorld& w, uint32_t id, const Setup& setup)
      : node_memory(w.machine.nr_nodes), parts(size_t{w.machine.nr_nodes} << kLog2Parts) {
    made = init(w.world, id, setup, {node_memory.data(), parts.data(), kLog2Parts});
  }
  std::vector<CacheNode> node_memory;
  std::vector<BarnPart> parts;
  bool made = false;
};

}  // namespace kmem::test
