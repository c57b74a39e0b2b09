#include "slab/profiled_path.h"

constinit kmem::ProfiledPaths kmem_profiled;
