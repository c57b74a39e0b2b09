#include "slab/kept_path.h"

constinit kmem::KeptPath kmem_kept;
