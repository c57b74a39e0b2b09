#ifndef KMEM_ASM_CACHE_H
#define KMEM_ASM_CACHE_H
#include <linux/cache.h>
#endif
