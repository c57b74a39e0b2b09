#include "slab/fast_path.h"

size_t kmem_malloc_limit = 0;
size_t kmem_kmalloc_limit = 0;
