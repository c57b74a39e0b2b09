#include "page/fast_path.h"

char* kmem_direct_map = nullptr;
char* kmem_descriptors = nullptr;
uint64_t kmem_listed_head = 0;
