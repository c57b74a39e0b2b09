#include "slab/hardened_path.h"

#include "slab/cache.h"

constinit kmem::HardenedPaths kmem_hardened;
constinit kmem::Seal kmem_seals[kmem::kSharedClass + 1];

namespace kmem {

void* hardened::take_freed(unsigned object_class, size_t size) {
  void* const object = kmem_hardened.caches[object_class].sheaves().take_freed();
  return object ? open(object_class, object, size) : nullptr;
}

}  // namespace kmem
