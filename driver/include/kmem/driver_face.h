#ifndef KMEM_DRIVER_FACE_H
#define KMEM_DRIVER_FACE_H
/* What every header of a driver's surroundings needs, beside <kmem/c_face.h>. */
#include <kmem/c_face.h>

/** A function of libkmem-driver: its symbol is kmem_driver_ and then the kernel's name.  Behind the parameters. */
#define KMEM_DRIVER_NAME(name) KMEM_DRIVER_SYMBOL_("kmem_driver_" #name)
#ifdef __cplusplus
#define KMEM_DRIVER_SYMBOL_(symbol) noexcept __asm__(symbol)
#else
#define KMEM_DRIVER_SYMBOL_(symbol) __asm__(symbol) __attribute__((__nothrow__))
#endif

/** A fence.  ThreadSanitizer does not know fences by this name, and g++ says so. */
#ifdef __SANITIZE_THREAD__
#define KMEM_DRIVER_FENCE(order) __sync_synchronize()
#else
#define KMEM_DRIVER_FENCE(order) __atomic_thread_fence(order)
#endif

/** A function that runs when the object that it is in is loaded: before main(), or in dlopen(). */
#define KMEM_DRIVER_WHEN_LOADED(name) static void __attribute__((__constructor__)) name(void)

#endif
