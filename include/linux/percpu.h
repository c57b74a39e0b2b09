#ifndef KMEM_LINUX_PERCPU_H
#define KMEM_LINUX_PERCPU_H
/* Per-CPU variables, static and dynamic.
 *
 *   static DEFINE_PER_CPU(long, hits);              each CPU has its own, in the program and in shared objects
 *   this_cpu_inc(hits);                             no lock and no locked instruction: a restartable sequence
 *   for_each_possible_cpu(cpu) sum += per_cpu(hits, cpu);
 *
 *   struct stats __percpu *stats = alloc_percpu(struct stats);
 *   struct stats *mine = get_cpu_ptr(stats);        exclusive use of this CPU's copy until put_cpu_ptr(stats);
 *
 * The address of a per-CPU variable, or the result of alloc_percpu(), must not be dereferenced: the copies lie at a distance
 * from it. docs/percpu.md explains this, and its cost.
 *
 * A file that includes this header reserves room for the copies in the program or shared object that it becomes part
 * of, once: KMEM_PERCPU_MAX_COPIES times 64 KiB and 64 MiB of address space, most of which is given back when the
 * object is loaded.  The static variables of one object may have 64 KiB.  With more than 340 CPUs define it larger (two copies
 * for each CPU). An object that has no static per-CPU variables may define KMEM_PERCPU_NO_STATIC instead.
 *
 * Meaning: the kernel's Documentation/core-api/this_cpu_ops.rst; Linux Device Drivers, 3rd edition, chapter 8. */
#include <kmem/cleanup.h>
#include <linux/gfp_types.h>
#include <linux/percpu-defs.h>

KMEM_BEGIN_C

/** The largest size in bytes, and the largest alignment. */
#define PCPU_MIN_UNIT_SIZE 65536
#define KMEM_PERCPU_MAX_ALIGN 4096

/** `size` bytes for every CPU, zero, at a multiple of `align` (a power of two up to a page).  NULL if there is no memory, or,
 * with a report, if the size or alignment is invalid. __alloc_percpu() and alloc_percpu() may sleep: task context. The forms
 * with flags may sleep if those allow it; otherwise they use only memory that is already mapped, in any context. */
KMEM_API void __percpu* __alloc_percpu_gfp(size_t size, size_t align, gfp_t flags)
    KMEM_NOTHROW_NAME(__alloc_percpu_gfp) KMEM_MUST_CHECK;
KMEM_API void __percpu* __alloc_percpu(size_t size, size_t align) KMEM_NOTHROW_NAME(__alloc_percpu) KMEM_MUST_CHECK;
/** Frees it; NULL is ignored. Any other pointer is reported, and nothing is freed.  Any context. */
KMEM_API void free_percpu(void __percpu* variable) KMEM_NOTHROW_NAME(free_percpu);
/** The size of the allocation in bytes; 0 if it is none. */
KMEM_API size_t pcpu_alloc_size(void __percpu* variable) KMEM_NOTHROW_NAME(pcpu_alloc_size);

/** Does a copy of a static per-CPU variable lie at the address? */
KMEM_API bool is_kernel_percpu_address(unsigned long address) KMEM_NOTHROW_NAME(is_kernel_percpu_address);
/** The same; both include the program's and all shared objects' variables. */
KMEM_API bool is_module_percpu_address(unsigned long address) KMEM_NOTHROW_NAME(is_module_percpu_address);

DEFINE_FREE(free_percpu, void __percpu*, free_percpu(_T))

#define alloc_percpu_gfp(type, flags) ((__typeof__(type) __percpu*)__alloc_percpu_gfp(sizeof(type), __alignof__(type), flags))
#define alloc_percpu(type) ((__typeof__(type) __percpu*)__alloc_percpu(sizeof(type), __alignof__(type)))

/* Passed by an object when it is loaded and unloaded. If its variables do not fit, reports that and ends the program. */
struct kmem_percpu_image {
  char *start, *stop;    /* the variables, with their initial values */
  char *room, *room_end; /* reserved for the copies */
  const char* file;      /* of the source, for the report */
};
KMEM_API void kmem_percpu_load(const struct kmem_percpu_image* image) KMEM_NOTHROW;
KMEM_API void kmem_percpu_unload(const char* start) KMEM_NOTHROW;

#ifndef KMEM_PERCPU_NO_STATIC
#ifndef KMEM_PERCPU_MAX_COPIES
#define KMEM_PERCPU_MAX_COPIES 680
#endif
/* The linker names both ends of a section whose name is an identifier. The room is in a section group, so that an object has
 * only one, not one for each file. */
extern __attribute__((__visibility__("hidden"), __weak__)) char __start_kmem_percpu[], __stop_kmem_percpu[];
extern __attribute__((__visibility__("hidden"))) char __start_kmem_percpu_room[], __stop_kmem_percpu_room[];
#define KMEM_TO_TEXT_(x) #x
#define KMEM_TO_TEXT(x) KMEM_TO_TEXT_(x)
__asm__(
    ".pushsection kmem_percpu_room, \"awG\", %nobits, kmem_percpu_room, comdat\n\t"
    ".space (64 << 20) + (" KMEM_TO_TEXT(KMEM_PERCPU_MAX_COPIES) " << 16)\n\t"
    ".popsection");
static __attribute__((__constructor__(101))) void kmem_percpu_load_this(void) {
  struct kmem_percpu_image image;
  image.start = __start_kmem_percpu;
  image.stop = __stop_kmem_percpu;
  image.room = __start_kmem_percpu_room;
  image.room_end = __stop_kmem_percpu_room;
  image.file = __FILE__;
  kmem_percpu_load(&image);
}
static __attribute__((__destructor__(101))) void kmem_percpu_unload_this(void) { kmem_percpu_unload(__start_kmem_percpu); }
#endif

KMEM_END_C

#endif
