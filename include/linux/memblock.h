#ifndef KMEM_LINUX_MEMBLOCK_H
#define KMEM_LINUX_MEMBLOCK_H
/* Memory before the page allocator: what ranges there are, and what of them is taken.
 *
 * Addresses and sizes are bytes, physical where the name says phys or the type is phys_addr_t.  Task context, one
 * caller at a time.  Allocations fail with NULL or 0.  What the page allocator has taken over already is lent by it:
 * see <linux/bootmem.h>.
 *
 * Meaning: the kernel's Documentation/core-api/boot-time-mm.rst. */
#include <kmem/c_face.h>
#include <linux/types.h>

KMEM_BEGIN_C

/** Cleared memory; align is a power of two, or 0 for a cache line. */
KMEM_API void* memblock_alloc(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** The same, whatever it holds. */
KMEM_API void* memblock_alloc_raw(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW KMEM_ALLOCATES(1);
KMEM_API phys_addr_t memblock_phys_alloc(phys_addr_t bytes, phys_addr_t align) KMEM_NOTHROW;
/** Gives back what one of these gave. */
KMEM_API void memblock_free(void* address, size_t bytes) KMEM_NOTHROW;
KMEM_API int memblock_phys_free(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW;

/** Is there memory at this address; is all of the range? */
KMEM_API bool memblock_is_memory(phys_addr_t address) KMEM_NOTHROW;
KMEM_API bool memblock_is_region_memory(phys_addr_t base, phys_addr_t bytes) KMEM_NOTHROW;
KMEM_API phys_addr_t memblock_phys_mem_size(void) KMEM_NOTHROW;
KMEM_API phys_addr_t memblock_start_of_DRAM(void) KMEM_NOTHROW;
KMEM_API phys_addr_t memblock_end_of_DRAM(void) KMEM_NOTHROW;

/** The range after *position, and *position behind it; false where there is none.  For for_each_mem_range(). */
KMEM_API bool kmem_memblock_next_range(uint64_t* position, phys_addr_t* start, phys_addr_t* end) KMEM_NOTHROW;

KMEM_END_C

/** Runs its statement for every range of memory, lowest first.  `position` is a uint64_t of the caller. */
#define for_each_mem_range(position, start, end) \
  for ((position) = 0; kmem_memblock_next_range(&(position), (start), (end));)

#endif
