#include "watch/free_watch.h"

void (*kmem_free_watch)(const void* memory, size_t bytes) = nullptr;
