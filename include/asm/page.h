#ifndef KMEM_ASM_PAGE_H
#define KMEM_ASM_PAGE_H
/* Pages: their size, and conversions between a frame number, a descriptor, a physical address and an address.
 *
 * All of it may be called in any context.  Source of the rules: the kernel's <asm/page.h> and
 * Documentation/core-api/dma-api-howto.rst for the kinds of addresses. */
#include <kmem/c_face.h>
#include <linux/types.h>

struct page;

/* <sys/user.h> has the same three, with the same values. */
#ifndef PAGE_SHIFT
#define PAGE_SHIFT 12
#endif
/** Bytes of one page of kmem.  The host's pages may be larger. */
#ifndef PAGE_SIZE
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#endif
/** The bits of an address that select its page. */
#ifndef PAGE_MASK
#define PAGE_MASK (~(PAGE_SIZE - 1))
#endif
/** The next page border at or above an address or a size. */
#define PAGE_ALIGN(address) (((address) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_ALIGN_DOWN(address) ((address)&PAGE_MASK)
#define PAGE_ALIGNED(address) (((unsigned long)(address) & ~PAGE_MASK) == 0)
/** Where inside its page an address lies, in bytes. */
#define offset_in_page(address) ((unsigned long)(address) & ~PAGE_MASK)

KMEM_BEGIN_C

/** The frame number of a page descriptor, and the descriptor of a frame number.
 *  Not checked: use pfn_valid() for numbers from elsewhere. */
KMEM_API unsigned long page_to_pfn(const struct page* page) KMEM_NOTHROW_NAME(page_to_pfn);
KMEM_API struct page* pfn_to_page(unsigned long pfn) KMEM_NOTHROW_NAME(pfn_to_page);
/** Non-zero if the frame exists and has a descriptor. */
KMEM_API int pfn_valid(unsigned long pfn) KMEM_NOTHROW_NAME(pfn_valid);

/** The physical address, in bytes, of an address from kmalloc or the page functions: what a device is given. For any other
 *  address (the stack, vmalloc) the result is meaningless. */
KMEM_API phys_addr_t virt_to_phys(const volatile void* address) KMEM_NOTHROW_NAME(virt_to_phys);
/** The reverse, for frames that have a permanent address. */
KMEM_API void* phys_to_virt(phys_addr_t physical) KMEM_NOTHROW_NAME(phys_to_virt);

/** Does the address lie in a frame that kmem owns? */
KMEM_API int kmem_virt_addr_valid(const volatile void* address) KMEM_NOTHROW;
KMEM_API struct page* kmem_virt_to_page(const volatile void* address) KMEM_NOTHROW;

/** log2 of the pages that `size` bytes need: get_order(1) is 0, get_order(PAGE_SIZE + 1) is 1.
 *  For 0 bytes it is, as in the kernel, the number of bits of a page number, which no allocation can serve. */
static inline int get_order(unsigned long size) {
  const int bits = (int)sizeof(long) * 8;
  if (size == 0) return bits - PAGE_SHIFT;
  size = (size - 1) >> PAGE_SHIFT;
  return size == 0 ? 0 : bits - __builtin_clzl(size);
}

KMEM_END_C

/* These take pointers and, as kernel code does, unsigned longs that hold addresses. */

/** The descriptor of the page in which an address of kmem lies; NULL for a foreign address. */
#define virt_to_page(address) kmem_virt_to_page((const volatile void*)(uintptr_t)(address))
#define virt_addr_valid(address) kmem_virt_addr_valid((const volatile void*)(uintptr_t)(address))
#define virt_to_pfn(address) ((unsigned long)(__pa(address) >> PAGE_SHIFT))
#define __pa(address) virt_to_phys((const volatile void*)(uintptr_t)(address))
#define __va(physical) phys_to_virt((phys_addr_t)(physical))
#define page_to_virt(page) __va(page_to_phys(page))
#define page_to_phys(page) ((phys_addr_t)page_to_pfn(page) << PAGE_SHIFT)
#define phys_to_page(physical) pfn_to_page((unsigned long)((physical) >> PAGE_SHIFT))

#endif
