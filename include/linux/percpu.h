#ifndef KMEM_LINUX_PERCPU_H
#define KMEM_LINUX_PERCPU_H
/* Per-CPU variables, static and dynamic.
 *
 *   static DEFINE_PER_CPU(long, hits);              each CPU has its own, in the program and in shared objects
 *   this_cpu_inc(hits);                             no lock and no locked instruction: a restartable sequence
 *   for_each_possible_cpu(cpu) sum += per_cpu(hits, cpu);
 *
 *   struct stats __percpu *stats = alloc_percpu(struct stats);
 *   struct stats *mine = get_cpu_ptr(stats);        nobody else is in this CPU's copy until
 *   put_cpu_ptr(stats);
 *
 * The address of a per-CPU variable, and what alloc_percpu() answers, is no memory to be used: the copies lie at a
 * distance from it.  docs/percpu.md says how, and what it costs.
 *
 * A file that includes this header reserves room for the copies in the program or shared object that it becomes part
 * of, once: KMEM_PERCPU_MAX_COPIES times 64 KiB and 64 MiB of address space, most of which is given back when the
 * object is loaded.  The static variables of one object may have 64 KiB.  With more than 340 CPUs define it larger (two
 * for each CPU). An object that has no static per-CPU variables may define KMEM_PERCPU_NO_STATIC instead.
 *
 * Meaning: the kernel's Documentation/core-api/this_cpu_ops.rst; Linux Device Drivers, 3rd edition, chapter 8. */
#include <linux/gfp_types.h>
#include <linux/percpu-defs.h>

KMEM_BEGIN_C

/** Most that can be asked for, in bytes, and the largest alignment. */
#define PCPU_MIN_UNIT_SIZE 65536
#define KMEM_PERCPU_MAX_ALIGN 4096

/** `size` bytes for every CPU, zero, at a multiple of `align` (a power of two up to a page).  NULL where there is no
 * memory, or with a report where there is no such size or alignment.  Flags that may not sleep are served from what is
 * mapped already; then in any context. */
KMEM_API void __percpu* __alloc_percpu_gfp(size_t size, size_t align, gfp_t flags) KMEM_NOTHROW KMEM_MUST_CHECK;
KMEM_API void __percpu* __alloc_percpu(size_t size, size_t align) KMEM_NOTHROW KMEM_MUST_CHECK;
/** Gives it back; NULL is nothing.  What is no such pointer is reported, and nothing is freed.  Any context. */
KMEM_API void free_percpu(void __percpu* variable) KMEM_NOTHROW;
/** Bytes that the allocation has room for; 0 where it is none. */
KMEM_API size_t pcpu_alloc_size(void __percpu* variable) KMEM_NOTHROW;

/** Does a copy of a static per-CPU variable lie at the address? */
KMEM_API bool is_kernel_percpu_address(unsigned long address) KMEM_NOTHROW;
/** The same of a program's or shared object's; both mean all of them here. */
KMEM_API bool is_module_percpu_address(unsigned long address) KMEM_NOTHROW;

#define alloc_percpu_gfp(type, flags) \
  ((__typeof__(type) __percpu*)__alloc_percpu_gfp(sizeof(type), __alignof__(type), flags))
#define alloc_percpu(type) ((__typeof__(type) __percpu*)__alloc_percpu(sizeof(type), __alignof__(type)))

/* What an object tells when it is loaded and unloaded.  Reports and ends the program where its variables do not fit. */
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
/* The linker names both ends of a section whose name is an identifier.  One room for an object, not one for each file:
 * a group is kept once. */
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
static __attribute__((__destructor__(101))) void kmem_percpu_unload_this(void) {
  kmem_percpu_unload(__start_kmem_percpu);
}
#endif

KMEM_END_C

#endif
