#ifndef KMEM_LINUX_VMALLOC_H
#define KMEM_LINUX_VMALLOC_H
/* Memory at contiguous addresses, whose frames need not be contiguous.
 *
 * Sizes are bytes, rounded up to pages; addresses are page aligned, or aligned to 2 MiB if huge pages fit.  An area lies
 * between VMALLOC_START and VMALLOC_END, and an inaccessible guard page follows it.  Allocating, mapping and unmapping may
 * sleep: task context.  If the caller must not sleep that is reported once, and the call is served if it need not wait.
 * vfree() is for tasks that may sleep and for interrupts, including signal handlers; vfree_atomic() for every context.  NULL
 * for 0 bytes, for more than there are frames, and if there is no memory; with a report unless __GFP_NOWARN.  A wrong address,
 * a second free, the middle of an area: each is reported with the area's name and changes nothing.
 *
 * While a frame is mapped in the window its address in the direct map must not be used: without the boot word alias=1 its
 * contents are not there. page_address() and kmap() return the address of the contents.  docs/vmalloc.md.
 *
 * Meaning: the kernel's Documentation/core-api/mm-api.rst and memory-allocation.rst; Linux Device Drivers, 3rd edition,
 * chapter 8. */
#include <asm/pgtable.h>
#include <kmem/cleanup.h>
#include <linux/gfp_types.h>
#include <linux/mm_types.h>
#include <linux/types.h>

/* Flags of an area, in vm_struct::flags and for vmap(). */

#define VM_IOREMAP 0x00000001UL
#define VM_ALLOC 0x00000002UL
#define VM_MAP 0x00000004UL
/** May be mapped to user space; zeroed. */
#define VM_USERMAP 0x00000008UL
/** For vmap(): the area takes ownership of the array and the pages; vfree() frees the area, the pages and, by kvfree(), the
 *  array. */
#define VM_MAP_PUT_PAGES 0x00000200UL
#define VM_ALLOW_HUGE_VMAP 0x00000400UL

/** An area, as find_vm_area() shows it.  `size` includes the guard page. `pages` is NULL: use vmalloc_to_page(). */
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

/** The part of a user mapping that remap_vmalloc_range() needs: its addresses. */
struct vm_area_struct {
  unsigned long vm_start; /* the first address, of a page */
  unsigned long vm_end;   /* behind the last */
  unsigned long vm_pgoff;
  unsigned long vm_flags;
  void* vm_private_data;
#ifdef KMEM_VMA_MORE /* libkmem-driver adds members */
  KMEM_VMA_MORE
#endif
};

KMEM_BEGIN_C

/** `bytes` of memory, contents unspecified. */
KMEM_API void* vmalloc(unsigned long bytes) KMEM_NOTHROW_NAME(vmalloc) KMEM_ALLOCATES(1);
/** Cleared. */
KMEM_API void* vzalloc(unsigned long bytes) KMEM_NOTHROW_NAME(vzalloc) KMEM_ALLOCATES(1);
/** Cleared, and suitable for remap_vmalloc_range(). */
KMEM_API void* vmalloc_user(unsigned long bytes) KMEM_NOTHROW_NAME(vmalloc_user) KMEM_ALLOCATES(1);
/** Preferably frames of node `nid`. */
KMEM_API void* vmalloc_node(unsigned long bytes, int nid) KMEM_NOTHROW_NAME(vmalloc_node) KMEM_ALLOCATES(1);
KMEM_API void* vzalloc_node(unsigned long bytes, int nid) KMEM_NOTHROW_NAME(vzalloc_node) KMEM_ALLOCATES(1);
/** Frames below 4 GiB; the second cleared, as vmalloc_user(). */
KMEM_API void* vmalloc_32(unsigned long bytes) KMEM_NOTHROW_NAME(vmalloc_32) KMEM_ALLOCATES(1);
KMEM_API void* vmalloc_32_user(unsigned long bytes) KMEM_NOTHROW_NAME(vmalloc_32_user) KMEM_ALLOCATES(1);
/** With flags: the zone, __GFP_ZERO, __GFP_NOWARN ...; the second with huge pages if they fit, as all of these functions. */
KMEM_API void*(__vmalloc)(unsigned long bytes, gfp_t flags)KMEM_NOTHROW_NAME(__vmalloc) KMEM_ALLOCATES(1);
KMEM_API void* vmalloc_huge(unsigned long bytes, gfp_t flags) KMEM_NOTHROW_NAME(vmalloc_huge) KMEM_ALLOCATES(1);
KMEM_API void* vmalloc_huge_node(unsigned long bytes, gfp_t flags, int nid) KMEM_NOTHROW_NAME(vmalloc_huge_node)
    KMEM_ALLOCATES(1);
/** Without huge pages: a reference to a single page can be passed on. */
KMEM_API void* vmalloc_no_huge(unsigned long bytes) KMEM_NOTHROW_NAME(vmalloc_no_huge) KMEM_ALLOCATES(1);
KMEM_API void* __vmalloc_node(unsigned long bytes, unsigned long align, gfp_t flags, int nid, const void* caller)
    KMEM_NOTHROW_NAME(__vmalloc_node) KMEM_ALLOCATES(1);

/** n elements; NULL if the product overflows. */
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

/** Resizes an area, in place if the addresses behind it are free, else as a new area with the old contents. On failure NULL,
 *  and the old area is unchanged. An `address` of NULL: as __vmalloc(). To 0 bytes: vfree(), and returns NULL. With __GFP_ZERO
 *  new bytes are zero. */
KMEM_API void* vrealloc(const void* address, size_t bytes, gfp_t flags) KMEM_NOTHROW_NAME(vrealloc) KMEM_MUST_CHECK
    __attribute__((alloc_size(2)));

/** vrealloc() with an alignment, a power of two, and a node: moves an area that is not so aligned, or with __GFP_THISNODE does
 *  not begin on node `nid`. */
KMEM_API void* vrealloc_node_align(const void* address, size_t bytes, unsigned long align, gfp_t flags, int nid)
    KMEM_NOTHROW_NAME(vrealloc_node_align) KMEM_MUST_CHECK __attribute__((alloc_size(2)));
#define vrealloc_node(address, bytes, flags, nid) vrealloc_node_align((address), (bytes), 1, (flags), (nid))

/** NULL is ignored.  For tasks that may sleep, and for interrupts, in which case the memory is freed a little later. Under a
 *  spin lock or rcu_read_lock() it is reported, as in the kernel, and done nevertheless. */
KMEM_API void vfree(const void* address) KMEM_NOTHROW_NAME(vfree);
/** The same in any context: always leaves the work to a later call. */
KMEM_API void vfree_atomic(const void* address) KMEM_NOTHROW_NAME(vfree_atomic);

/** Maps pages of alloc_pages() at contiguous addresses, in the order of the array. Without alias=1 their contents move there,
 *  and back at vunmap(): each page can be at one address only, and a second mapping is refused with a report. The area holds
 *  references to the pages, as by get_page().  `flags`: VM_MAP, or VM_MAP_PUT_PAGES.  May sleep: task context. */
KMEM_API void* vmap(struct page** pages, unsigned int nr, unsigned long flags, pgprot_t protection) KMEM_NOTHROW_NAME(vmap);
KMEM_API void vunmap(const void* address) KMEM_NOTHROW_NAME(vunmap);
/** The same for short-lived mappings; the unmap needs the number of pages. */
KMEM_API void* kmem_vm_map_ram(struct page** pages, unsigned int nr, int nid) KMEM_NOTHROW;
KMEM_API void vm_unmap_ram(const void* address, unsigned int nr) KMEM_NOTHROW_NAME(vm_unmap_ram);
/** Purges lazily freed addresses. vmap's areas are never kept lazily, so calling it is not necessary. */
KMEM_API void vm_unmap_aliases(void) KMEM_NOTHROW_NAME(vm_unmap_aliases);

/** The page behind an address of an area, and its frame's number; NULL and 0 if there is none. A caller that takes a reference
 *  by get_page() keeps the page and its contents beyond vfree(). */
KMEM_API struct page* vmalloc_to_page(const void* address) KMEM_NOTHROW_NAME(vmalloc_to_page);
KMEM_API unsigned long vmalloc_to_pfn(const void* address) KMEM_NOTHROW_NAME(vmalloc_to_pfn);
/** Does the address lie in the window?  There are no modules in a process. */
KMEM_API bool is_vmalloc_addr(const void* address) KMEM_NOTHROW_NAME(is_vmalloc_addr);
static inline bool is_vmalloc_or_module_addr(const void* address) { return is_vmalloc_addr(address); }

/** Maps an area of vmalloc_user() from page `pgoff` on also at vma->vm_start. 0, or -EINVAL if it does not fit or the area
 *  lacks VM_USERMAP; -EOPNOTSUPP without alias=1, because a process has no second address space. */
KMEM_API int remap_vmalloc_range(struct vm_area_struct* vma, void* address, unsigned long pgoff)
    KMEM_NOTHROW_NAME(remap_vmalloc_range);

/** Reserves addresses only, for a caller that does the mapping; free with free_vm_area() or remove_vm_area(). */
KMEM_API struct vm_struct* get_vm_area(unsigned long bytes, unsigned long flags) KMEM_NOTHROW_NAME(get_vm_area);
KMEM_API struct vm_struct* remove_vm_area(const void* address) KMEM_NOTHROW_NAME(remove_vm_area);
KMEM_API void free_vm_area(struct vm_struct* area) KMEM_NOTHROW_NAME(free_vm_area);
/** The live area that begins at, or contains, this address; NULL for none. Valid until it is freed. */
KMEM_API struct vm_struct* find_vm_area(const void* address) KMEM_NOTHROW_NAME(find_vm_area);

/** The number of pages of all areas. */
KMEM_API unsigned long vmalloc_nr_pages(void) KMEM_NOTHROW_NAME(vmalloc_nr_pages);

KMEM_END_C

DEFINE_FREE(vfree, void*, if (!IS_ERR_OR_NULL(_T)) vfree(_T))

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
