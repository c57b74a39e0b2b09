#ifndef KMEM_LINUX_MEMBLOCK_H
#define KMEM_LINUX_MEMBLOCK_H
/* Memory before the page allocator: the memory ranges, and the reserved parts.
 *
 * Addresses and sizes are bytes, physical where the name says phys or the type is phys_addr_t.  Task context, one
 * caller at a time.  Allocations fail with NULL or 0; an alignment is a power of two, or 0 for a cache line.
 *
 * Early, in the hook of <kmem/boot.h>, all functions work on the machine's memory before the page allocator has it: it never
 * gets removed, nomap and reserved memory. Later, allocations are served by the page allocator, memblock_reserve() takes
 * exactly the given memory if it is free, and changes of the machine's memory fail with -EBUSY.
 *
 * Meaning: the kernel's Documentation/core-api/boot-time-mm.rst. */
#include <kmem/c_face.h>
#include <linux/bug.h>
#include <linux/types.h>

#ifndef NUMA_NO_NODE
#define NUMA_NO_NODE (-1)
#endif

/** Properties of a range of memory. */
enum memblock_flags {
  MEMBLOCK_NONE = 0x0,
  MEMBLOCK_HOTPLUG = 0x1, /* may be removed at run time */
  MEMBLOCK_MIRROR = 0x2,  /* mirrored by the machine, and allocated first */
  MEMBLOCK_NOMAP = 0x4,   /* has no address: never allocated */
  MEMBLOCK_DRIVER_MANAGED = 0x8
};

/** Bounds for "no limit of its own". */
#define MEMBLOCK_LOW_LIMIT ((phys_addr_t)0)
#define MEMBLOCK_ALLOC_ACCESSIBLE ((phys_addr_t)0) /* below memblock_set_current_limit() */
#define MEMBLOCK_ALLOC_ANYWHERE (~(phys_addr_t)0)
#define MEMBLOCK_ALLOC_NOLEAKTRACE ((phys_addr_t)1) /* as ACCESSIBLE */

/** A range, for the loops over regions. */
struct memblock_region {
  phys_addr_t base, size;
  enum memblock_flags flags;
  int nid;
};

KMEM_BEGIN_C

/* Memory: 0; -ENOMEM if the table is full; -EBUSY after the page allocator has started. */

KMEM_API int memblock_add(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_add);
KMEM_API int memblock_add_node(phys_addr_t base, phys_addr_t bytes, int nid, enum memblock_flags flags)
    KMEM_NOTHROW_NAME(memblock_add_node);
KMEM_API int memblock_remove(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_remove);
KMEM_API int memblock_mark_hotplug(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_mark_hotplug);
KMEM_API int memblock_clear_hotplug(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_clear_hotplug);
KMEM_API int memblock_mark_mirror(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_mark_mirror);
KMEM_API int memblock_mark_nomap(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_mark_nomap);
KMEM_API int memblock_clear_nomap(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_clear_nomap);
/** The node of the memory in a range; the kernel's third argument, the list, can only be that of memory. */
KMEM_API int kmem_memblock_set_node(phys_addr_t base, phys_addr_t bytes, int nid) KMEM_NOTHROW;
#define memblock_set_node(base, bytes, list, nid) kmem_memblock_set_node((base), (bytes), (nid))
/** Shrinks every range to multiples of `align`. */
KMEM_API void memblock_trim_memory(phys_addr_t align) KMEM_NOTHROW_NAME(memblock_trim_memory);
/** Keeps the lowest `limit` bytes of memory. */
KMEM_API void memblock_enforce_memory_limit(phys_addr_t limit) KMEM_NOTHROW_NAME(memblock_enforce_memory_limit);
/** Removes all memory outside of the range, except nomap memory. */
KMEM_API void memblock_cap_memory_range(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_cap_memory_range);
static inline void memblock_allow_resize(void) {} /* tables have room for 128 ranges, and do not grow */

/* Reservations. */

/** 0; -ENOMEM if the table is full; later -EBUSY if any of it is in use. */
KMEM_API int memblock_reserve(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_reserve);
/** Frees reserved or allocated memory, or a part of it; later whole pages. Returns 0. */
KMEM_API int memblock_phys_free(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW_NAME(memblock_phys_free);
/** The same by address. */
KMEM_API void memblock_free(void* address, size_t bytes) KMEM_NOTHROW_NAME(memblock_free);

/** Free memory in [start, end) at its end, or at its start if bottom-up; 0 if there is none. Does not reserve it. */
KMEM_API phys_addr_t memblock_find_in_range(phys_addr_t start, phys_addr_t end, phys_addr_t bytes, phys_addr_t align)
    KMEM_NOTHROW_NAME(memblock_find_in_range);
KMEM_API phys_addr_t memblock_find_in_range_node(phys_addr_t bytes, phys_addr_t align, phys_addr_t start, phys_addr_t end,
                                                 int nid, enum memblock_flags flags)
    KMEM_NOTHROW_NAME(memblock_find_in_range_node);

/** Physical memory in [start, end), preferably of node `nid`; 0 if there is none. Not cleared. */
KMEM_API phys_addr_t memblock_phys_alloc(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW_NAME(memblock_phys_alloc);
KMEM_API phys_addr_t memblock_phys_alloc_range(phys_addr_t bytes, phys_addr_t align, phys_addr_t start, phys_addr_t end)
    KMEM_NOTHROW_NAME(memblock_phys_alloc_range);
KMEM_API phys_addr_t memblock_phys_alloc_try_nid(phys_addr_t bytes, phys_addr_t align, int nid)
    KMEM_NOTHROW_NAME(memblock_phys_alloc_try_nid);
KMEM_API phys_addr_t memblock_phys_alloc_nid(phys_addr_t bytes, phys_addr_t align, int nid)
    KMEM_NOTHROW_NAME(memblock_phys_alloc_nid); /* only of that node */

/** Cleared memory at any address; the next ones: not cleared; preferably not below min; below 4 GiB; of a node. */
KMEM_API void* memblock_alloc(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW_NAME(memblock_alloc) KMEM_ALLOCATES(1);
KMEM_API void* memblock_alloc_raw(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW_NAME(memblock_alloc_raw) KMEM_ALLOCATES(1);
KMEM_API void* memblock_alloc_from(phys_addr_t bytes, phys_addr_t align, phys_addr_t min) KMEM_NOTHROW_NAME(memblock_alloc_from)
    KMEM_ALLOCATES(1);
KMEM_API void* memblock_alloc_low(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW_NAME(memblock_alloc_low) KMEM_ALLOCATES(1);
KMEM_API void* memblock_alloc_node(phys_addr_t bytes, phys_addr_t align, int nid) KMEM_NOTHROW_NAME(memblock_alloc_node)
    KMEM_ALLOCATES(1);
KMEM_API void* memblock_alloc_try_nid(phys_addr_t bytes, phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid)
    KMEM_NOTHROW_NAME(memblock_alloc_try_nid) KMEM_ALLOCATES(1);
KMEM_API void* memblock_alloc_try_nid_raw(phys_addr_t bytes, phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid)
    KMEM_NOTHROW_NAME(memblock_alloc_try_nid_raw) KMEM_ALLOCATES(1);
/** Only of this node; preferably not below min. */
KMEM_API void* memblock_alloc_exact_nid_raw(phys_addr_t bytes, phys_addr_t align, phys_addr_t min, phys_addr_t max, int nid)
    KMEM_NOTHROW_NAME(memblock_alloc_exact_nid_raw) KMEM_ALLOCATES(1);
/** Does not return if there is no memory. */
KMEM_API void* memblock_alloc_or_panic(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW_NAME(memblock_alloc_or_panic)
    KMEM_ALLOCATES(1);

/* Policy. */

/** Allocate from the lowest address up, or from the highest down (default). */
KMEM_API void memblock_set_bottom_up(bool enable) KMEM_NOTHROW_NAME(memblock_set_bottom_up);
KMEM_API bool memblock_bottom_up(void) KMEM_NOTHROW_NAME(memblock_bottom_up);
/** No memory is allocated at or above it. */
KMEM_API void memblock_set_current_limit(phys_addr_t limit) KMEM_NOTHROW_NAME(memblock_set_current_limit);
KMEM_API phys_addr_t memblock_get_current_limit(void) KMEM_NOTHROW_NAME(memblock_get_current_limit);

/* Queries. */

KMEM_API bool memblock_is_memory(phys_addr_t address) KMEM_NOTHROW_NAME(memblock_is_memory);
KMEM_API bool memblock_is_map_memory(phys_addr_t address) KMEM_NOTHROW_NAME(memblock_is_map_memory); /* has an address? */
KMEM_API bool memblock_is_region_memory(phys_addr_t base, phys_addr_t bytes)
    KMEM_NOTHROW_NAME(memblock_is_region_memory); /* all of it */
KMEM_API bool memblock_is_reserved(phys_addr_t address) KMEM_NOTHROW_NAME(memblock_is_reserved);
KMEM_API bool memblock_is_region_reserved(phys_addr_t base, phys_addr_t bytes)
    KMEM_NOTHROW_NAME(memblock_is_region_reserved); /* any of it */
KMEM_API phys_addr_t memblock_phys_mem_size(void) KMEM_NOTHROW_NAME(memblock_phys_mem_size);
KMEM_API phys_addr_t memblock_reserved_size(void) KMEM_NOTHROW_NAME(memblock_reserved_size);
KMEM_API phys_addr_t memblock_start_of_DRAM(void) KMEM_NOTHROW_NAME(memblock_start_of_DRAM);
KMEM_API phys_addr_t memblock_end_of_DRAM(void) KMEM_NOTHROW_NAME(memblock_end_of_DRAM);
KMEM_API unsigned long memblock_estimated_nr_free_pages(void) KMEM_NOTHROW_NAME(memblock_estimated_nr_free_pages);
/** Logs both lists, if the boot word memblock=debug was given. */
KMEM_API void memblock_dump_all(void) KMEM_NOTHROW_NAME(memblock_dump_all);

/** Returns the range at *position and advances *position; false if there is none. For the loops below. list: 0 memory with an
 *  address, 1 reserved, 2 free, 3 all memory. Results whose pointers are NULL are not stored. */
KMEM_API bool kmem_memblock_next(int list, int nid, unsigned int flags, bool reverse, unsigned long long* position,
                                 phys_addr_t* start, phys_addr_t* end, int* range_nid) KMEM_NOTHROW;
KMEM_API bool kmem_memblock_next_pfns(int nid, int* position, unsigned long* start, unsigned long* end,
                                      int* range_nid) KMEM_NOTHROW;
KMEM_API bool kmem_memblock_next_region(int list, unsigned int* position, struct memblock_region* region) KMEM_NOTHROW;

KMEM_END_C

/* A u64, or another type of its size. */
#define KMEM_POSITION_(position) \
  ((unsigned long long*)(void*)&(position) + 0 * sizeof(char[sizeof(position) == sizeof(unsigned long long) ? 1 : -1]))
/** Runs its statement for every range of memory, lowest first.  `position` is a u64 of the caller. */
#define for_each_mem_range(position, start, end) \
  for ((position) = 0; kmem_memblock_next(0, NUMA_NO_NODE, 0, false, KMEM_POSITION_(position), (start), (end), NULL);)
#define for_each_mem_range_rev(position, start, end) \
  for ((position) = 0; kmem_memblock_next(0, NUMA_NO_NODE, 0, true, KMEM_POSITION_(position), (start), (end), NULL);)
/** The same for reserved ranges. */
#define for_each_reserved_mem_range(position, start, end) \
  for ((position) = 0; kmem_memblock_next(1, NUMA_NO_NODE, 0, false, KMEM_POSITION_(position), (start), (end), NULL);)
/** The same for free ranges of a node or NUMA_NO_NODE; `flags` MEMBLOCK_MIRROR: only mirrored memory. */
#define for_each_free_mem_range(position, nid, flags, start, end, range_nid) \
  for ((position) = 0; kmem_memblock_next(2, (nid), (flags), false, KMEM_POSITION_(position), (start), (end), (range_nid));)
#define for_each_free_mem_range_reverse(position, nid, flags, start, end, range_nid) \
  for ((position) = 0; kmem_memblock_next(2, (nid), (flags), true, KMEM_POSITION_(position), (start), (end), (range_nid));)
/** The same for whole page frames of memory; `i` is an int. */
#define for_each_mem_pfn_range(i, nid, start, end, range_nid) \
  for ((i) = 0; kmem_memblock_next_pfns((nid), &(i), (start), (end), (range_nid));)
/** Each region in turn; `region` is a struct memblock_region *. */
#define KMEM_EACH_REGION_(list, region)              \
  for (struct {                                      \
         unsigned int at;                            \
         struct memblock_region now;                 \
       } kmem_walk_ = {0, {0, 0, MEMBLOCK_NONE, 0}}; \
       kmem_memblock_next_region((list), &kmem_walk_.at, &kmem_walk_.now) && ((region) = &kmem_walk_.now) != NULL;)
#define for_each_mem_region(region) KMEM_EACH_REGION_(3, region)
#define for_each_reserved_mem_region(region) KMEM_EACH_REGION_(1, region)

static inline unsigned long memblock_region_memory_base_pfn(const struct memblock_region* region) {
  return (unsigned long)((region->base + 4095) >> 12);
}
static inline unsigned long memblock_region_memory_end_pfn(const struct memblock_region* region) {
  return (unsigned long)((region->base + region->size) >> 12);
}
static inline unsigned long memblock_region_reserved_base_pfn(const struct memblock_region* region) {
  return (unsigned long)(region->base >> 12);
}
static inline unsigned long memblock_region_reserved_end_pfn(const struct memblock_region* region) {
  return (unsigned long)((region->base + region->size + 4095) >> 12);
}
static inline bool memblock_is_hotpluggable(const struct memblock_region* region) {
  return (region->flags & MEMBLOCK_HOTPLUG) != 0;
}
static inline bool memblock_is_mirror(const struct memblock_region* region) { return (region->flags & MEMBLOCK_MIRROR) != 0; }
static inline bool memblock_is_nomap(const struct memblock_region* region) { return (region->flags & MEMBLOCK_NOMAP) != 0; }
static inline int memblock_get_region_node(const struct memblock_region* region) { return region->nid; }

#endif
