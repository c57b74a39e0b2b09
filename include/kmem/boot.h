#ifndef KMEM_BOOT_H
#define KMEM_BOOT_H
/* Boot memory in a process: allocated before kmem's page allocator starts, contiguous, of any size.
 *
 * Either by a boot word and found by its name:
 *
 *     KMEM="reserve=ring:64M,huge" ./program          size_t bytes; void *ring = kmem_reserved("ring", &bytes);
 *
 * or by a function of the program's that runs early:
 *
 *     static void *ring;
 *     static void take_ring(void) { ring = alloc_bootmem_pages(64 << 20); }
 *     KMEM_EARLY_INIT(take_ring)
 *
 * The function runs during the first allocation of the process, before main() and mostly before constructors: the names of
 * <linux/bootmem.h> and <linux/memblock.h> may be called, all other allocations return NULL. Its memory is never handed to the
 * page allocator unless freed, by free_bootmem(__pa(ring), bytes).
 *
 * If several objects (the program, its libraries) have such functions, only those of the first in the dynamic linker's order
 * run that early. Those of the others run when they are loaded; the same functions then take memory that the page allocator has
 * free. */
#include <kmem/c_face.h>
#include <stddef.h>

KMEM_BEGIN_C

/** The memory of reserve=name:...; NULL if there is none. Stores the requested size in *bytes, unless that is NULL. */
KMEM_API void* kmem_reserved(const char* name, size_t* bytes) KMEM_NOTHROW;

/** The kernel's /proc/iomem: ranges of RAM, the reservations in them with their names; then devices (<kmem/device.h>). As
 *  snprintf(); see <kmem/stats.h>. */
KMEM_API size_t kmem_iomem(char* buffer, size_t size) KMEM_NOTHROW;

/* The functions of one program or library are in a linker section, whose ends the linker names. */
extern void (*const __start_kmem_early[])(void) __attribute__((__weak__, __visibility__("hidden")));
extern void (*const __stop_kmem_early[])(void) __attribute__((__weak__, __visibility__("hidden")));
KMEM_API void kmem_early_init(void);
__attribute__((__visibility__("hidden"))) int* kmem_early_ran_(void);
__attribute__((__visibility__("hidden"))) void kmem_early_run_(void);

KMEM_END_C

/** Makes `function`, void (*)(void), run once, before the page allocator starts or when its object is loaded. One per source
 *  file, in the program or in a library linked with libkmem. */
#define KMEM_EARLY_INIT(function)                                                                                   \
  __attribute__((__used__, __section__("kmem_early"))) static void (*const kmem_early_##function)(void) = function; \
  KMEM_EARLY_CALLER_

#ifdef __cplusplus
#define KMEM_EARLY_CALLER_ \
  extern "C" {             \
  KMEM_EARLY_CALLER_BODY_  \
  }
#else
#define KMEM_EARLY_CALLER_ KMEM_EARLY_CALLER_BODY_
#endif
/* One flag and one loop for each object, from any of its files; kmem calls kmem_early_init() of the first object, and again in
 * a forked child if the fork interrupted boot. */
#define KMEM_EARLY_CALLER_BODY_                                                                          \
  __attribute__((__weak__, __visibility__("hidden"))) int* kmem_early_ran_(void) {                       \
    static int ran;                                                                                      \
    return &ran;                                                                                         \
  }                                                                                                      \
  __attribute__((__weak__, __visibility__("hidden"))) void kmem_early_run_(void) {                       \
    void (*const* f)(void);                                                                              \
    *kmem_early_ran_() = 1;                                                                              \
    for (f = __start_kmem_early; f < __stop_kmem_early; ++f) (*f)();                                     \
  }                                                                                                      \
  __attribute__((__weak__, __visibility__("default"))) void kmem_early_init(void) { kmem_early_run_(); } \
  __attribute__((__constructor__(102))) static void kmem_early_late_(void) {                             \
    (void)kmem_reserved("", NULL); /* kmem starts, if it has not */                                      \
    if (!*kmem_early_ran_()) kmem_early_run_();                                                          \
  }

#endif
