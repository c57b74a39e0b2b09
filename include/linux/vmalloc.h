#ifndef KMEM_LINUX_VMALLOC_H
#define KMEM_LINUX_VMALLOC_H
/* Memory whose addresses are in a row and whose frames need not be.
 *
 * Sizes are bytes, rounded up to pages; addresses begin at a page, or at 2 MiB where huge pages fit.  An area lies between
 * VMALLOC_START and VMALLOC_END, and a guard page follows it that nobody may touch.  Allocating may sleep: task context.
 * Where the caller must not sleep that is reported once, and the call is served if nobody has to be waited for.  vfree()
 * is for every context, signal handlers too.  NULL for 0 bytes, for more than there are frames, and where there is no
 * memory; with a report unless __GFP_NOWARN.  A wrong address, a second free, the middle of an area: each is reported with
 * the area's name and changes nothing.
 *
 * While a frame is in the window its address in the direct map must not be touched: without the boot word alias=1 its
 * contents are not there.  page_address() and kmap() answer where they are.  docs/vmalloc.md.
 *
 * Meaning: the kernel's Documentation/core-api/mm-api.rst and memory-allocation.rst; Linux Device Drivers, 3rd edition,
 * chapter 8. */
#include <asm/pgtable_types.h>
#include <kmem/c_face.h>
#include <linux/gfp_types.h>
#include <linux/mm_types.h>
#include <linux/types.h>

/* What an area is for, in vm_struct::flags and for vmap(). */

#define VM_IOREMAP 0x00000001UL
#define VM_ALLOC 0x00000002UL
#define VM_MAP 0x00000004UL
/** May be shown to user space: zeroed. */
#define VM_USERMAP 0x00000008UL
/** For vmap(): the array and the pages are the area's; vfree() frees the area, the pages and, by kvfree(), the array. */
#define VM_MAP_PUT_PAGES 0x00000200UL
#define VM_ALLOW_HUGE_VMAP 0x00000400UL

/** An area, as find_vm_area() shows it.  `size` has the guard page in it.  `pages` is NULL: vmalloc_to_page() tells them. */
struct vm_struct {
  struct vm_struct* next;
  void* addr;
  unsigned long size;
  unsigned long flags;
  struct page** pages;
  unsigned int nr_pages;
  phys_addr_t phys_addr;
  const void* caller;
};

/** The part of a user mapping that remap_vmalloc_range() needs: where it is to be seen. */
struct vm_area_struct {
  unsigned long vm_start; /* the first address, of a page */
  unsigned long vm_end;   /* behind the last */
  unsigned long vm_pgoff;
  unsigned long vm_flags;
  void* vm_private_data;
};

KMEM_BEGIN_C

/** `bytes` of memory, contents unspecified. */
KMEM_API void* vmalloc(unsigned long bytes) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** Cleared. */
KMEM_API void* vzalloc(unsigned long bytes) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** Cleared, and fit for remap_vmalloc_range(). */
KMEM_API void* vmalloc_user(unsigned long bytes) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** Frames of node `nid` first. */
KMEM_API void* vmalloc_node(unsigned long bytes, int nid) KMEM_NOTHROW KMEM_ALLOCATES(1);
KMEM_API void* vzalloc_node(unsigned long bytes, int nid) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** Frames below 4 GiB; the second cleared, as vmalloc_user(). */
KMEM_API void* vmalloc_32(unsigned long bytes) KMEM_NOTHROW KMEM_ALLOCATES(1);
KMEM_API void* vmalloc_32_user(unsigned long bytes) KMEM_NOTHROW KMEM_ALLOCATES(1);
/** With flags: the zone, __GFP_ZERO, __GFP_NOWARN ...; the second with huge pages where they fit, as all of these have. */
KMEM_API void* (__vmalloc)(unsigned long bytes, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(1);
KMEM_API void* vmalloc_huge(unsigned long bytes, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(1);
KMEM_API void* __vmalloc_node(unsigned long bytes, unsigned long align, gfp_t flags, int nid, const void* caller)
    KMEM_NOTHROW KMEM_ALLOCATES(1);

/** n elements; NULL where the product overflows. */
KMEM_ALLOCATES(1, 2) static inline void* __vmalloc_array(size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
  return (__vmalloc)(bytes, flags);
}
KMEM_ALLOCATES(1, 2) static inline void* vmalloc_array(size_t n, size_t size) { return __vmalloc_array(n, size, GFP_KERNEL); }
KMEM_ALLOCATES(1, 2) static inline void* __vcalloc(size_t n, size_t size, gfp_t flags) {
  return __vmalloc_array(n, size, flags | __GFP_ZERO);
}
KMEM_ALLOCATES(1, 2) static inline void* vcalloc(size_t n, size_t size) { return __vcalloc(n, size, GFP_KERNEL); }

/** Another size: in place where the addresses behind the area are free, else a new area with the old contents.  NULL leaves
 *  the old one.  Of NULL: __vmalloc().  To 0 bytes: vfree(), and NULL.  With __GFP_ZERO what is new is zero. */
KMEM_API void* vrealloc(const void* address, size_t bytes, gfp_t flags) KMEM_NOTHROW KMEM_MUST_CHECK
    __attribute__((__alloc_size__(2)));

/** NULL is ignored.  Any context; from an interrupt the memory goes back a little later. */
KMEM_API void vfree(const void* address) KMEM_NOTHROW;
/** The same, and never takes the time to give anything back itself. */
KMEM_API void vfree_atomic(const void* address) KMEM_NOTHROW;

/** Shows pages that the caller got from alloc_pages() at addresses in a row, in the order of the array.  Without alias=1
 *  their contents move there, and home at vunmap(): each page can be in one place only, and asking for a second is
 *  reported.  The window holds the pages as get_page() does.  `flags`: VM_MAP, or VM_MAP_PUT_PAGES.  Task context. */
KMEM_API void* vmap(struct page** pages, unsigned int nr, unsigned long flags, pgprot_t protection) KMEM_NOTHROW;
KMEM_API void vunmap(const void* address) KMEM_NOTHROW;
/** The same for short-lived mappings; with the number of pages again at the end. */
KMEM_API void* kmem_vm_map_ram(struct page** pages, unsigned int nr, int nid) KMEM_NOTHROW;
KMEM_API void vm_unmap_ram(const void* address, unsigned int nr) KMEM_NOTHROW;
/** Gives lazily freed addresses back.  vmap's areas are never kept lazily, so there is nothing that must be. */
KMEM_API void vm_unmap_aliases(void) KMEM_NOTHROW;

/** The page behind an address of an area, and its frame's number; NULL and 0 where there is none.  Who takes hold of the
 *  page by get_page() keeps it, contents and all, beyond vfree(). */
KMEM_API struct page* vmalloc_to_page(const void* address) KMEM_NOTHROW;
KMEM_API unsigned long vmalloc_to_pfn(const void* address) KMEM_NOTHROW;
/** Does the address lie in the window?  There are no modules in a process. */
KMEM_API bool is_vmalloc_addr(const void* address) KMEM_NOTHROW;
static inline bool is_vmalloc_or_module_addr(const void* address) { return is_vmalloc_addr(address); }

/** Shows an area of vmalloc_user() from page `pgoff` on at vma->vm_start too.  0, or -EINVAL where it does not fit or the
 *  area is not meant for it; -EOPNOTSUPP without alias=1: a process has no second address space to show it in. */
KMEM_API int remap_vmalloc_range(struct vm_area_struct* vma, void* address, unsigned long pgoff) KMEM_NOTHROW;

/** Addresses alone, for who maps by himself; free_vm_area() and remove_vm_area() give them back. */
KMEM_API struct vm_struct* get_vm_area(unsigned long bytes, unsigned long flags) KMEM_NOTHROW;
KMEM_API struct vm_struct* remove_vm_area(const void* address) KMEM_NOTHROW;
KMEM_API void free_vm_area(struct vm_struct* area) KMEM_NOTHROW;
/** The live area that begins at, or has, this address; NULL for none.  Until it is freed. */
KMEM_API struct vm_struct* find_vm_area(const void* address) KMEM_NOTHROW;

/** Pages behind all areas. */
KMEM_API unsigned long vmalloc_nr_pages(void) KMEM_NOTHROW;

KMEM_API unsigned long kmem_vmalloc_start(void) KMEM_NOTHROW;
KMEM_API unsigned long kmem_vmalloc_end(void) KMEM_NOTHROW;

KMEM_END_C

/** Where the window lies; not constants in a process.  Equal where there is no room for a window. */
#define VMALLOC_START kmem_vmalloc_start()
#define VMALLOC_END kmem_vmalloc_end()
#define VMALLOC_TOTAL (VMALLOC_END - VMALLOC_START)

/* 2.6 had a third argument, the protection, which for memory was always PAGE_KERNEL; vm_map_ram() had a fourth. */
#ifdef __cplusplus
inline void* __vmalloc(unsigned long bytes, gfp_t flags, pgprot_t) noexcept { return (__vmalloc)(bytes, flags); }
inline void* vm_map_ram(struct page** pages, unsigned int nr, int nid) noexcept { return kmem_vm_map_ram(pages, nr, nid); }
inline void* vm_map_ram(struct page** pages, unsigned int nr, int nid, pgprot_t) noexcept {
  return kmem_vm_map_ram(pages, nr, nid);
}
#else
#define KMEM_TWO_OF_(a, b, ...) (a), (b)
#define KMEM_THREE_OF_(a, b, c, ...) (a), (b), (c)
#define __vmalloc(...) (__vmalloc)(KMEM_TWO_OF_(__VA_ARGS__, 0))
#define vm_map_ram(...) kmem_vm_map_ram(KMEM_THREE_OF_(__VA_ARGS__, 0))
#endif

#endif
