#ifndef KMEM_LINUX_CONTAINER_OF_H
#define KMEM_LINUX_CONTAINER_OF_H
#include <stddef.h>

/** The struct of which `pointer` is the named member. */
#ifndef container_of
#define container_of(pointer, type, member) ((type*)(void*)((char*)(pointer)-offsetof(type, member)))
#endif

#endif
