#include "slab/hardened_path.h"

constinit kmem::HardenedPaths kmem_hardened;
constinit kmem::Seal kmem_seals[kmem::kSharedClass + 1];
