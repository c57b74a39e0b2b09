#ifndef KMEM_FREE_WATCH_H
#define KMEM_FREE_WATCH_H
/* A callback for memory that is freed, for a library that knows who else still uses it, such as a device. */
#include <kmem/c_face.h>
#include <stddef.h>

/** Called by the task that frees, before the memory can be handed out again: objects of caches, blocks of kmalloc(), pages. It
 *  may be called again for memory that is free already, when the pages behind it return.  Any context; it must not
 *  allocate or free. */
typedef void (*kmem_freed_function)(const void* memory, size_t bytes);

KMEM_BEGIN_C
/** From now on calls that function; NULL: none.  While there is one, no call takes a fast path.  Any context. */
KMEM_API void kmem_watch_frees(kmem_freed_function function) KMEM_NOTHROW;
KMEM_END_C

#endif
