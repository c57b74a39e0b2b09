/* kmem's pages, and mapping them into a program. */
#include_next <linux/mm.h>

#if defined(KMEM_LINUX_MM_H) && !defined(KMEM_DRIVER_LINUX_MM_H)
#define KMEM_DRIVER_LINUX_MM_H
/* A driver's mmap() chooses which pages a program sees: all at once, or each in its fault().
 *
 * What differs: every page is mapped when the program maps the file, not when it first touches the page.  Pages of simulated
 * devices are not mapped: -EINVAL.  page_mkwrite, access and mremap are not called.
 * Meaning: the kernel's <linux/mm.h>.  Task context. */
#include <linux/types.h>
#include <linux/vmalloc.h>

#define VM_READ 0x00000001UL
#define VM_WRITE 0x00000002UL
#define VM_EXEC 0x00000004UL
#define VM_SHARED 0x00000008UL
#define VM_MAYREAD 0x00000010UL
#define VM_MAYWRITE 0x00000020UL
#define VM_MAYEXEC 0x00000040UL
#define VM_MAYSHARE 0x00000080UL
#define VM_PFNMAP 0x00000400UL
#define VM_LOCKED 0x00002000UL
#define VM_IO 0x00004000UL
#define VM_DONTCOPY 0x00020000UL
#define VM_DONTEXPAND 0x00040000UL
#define VM_DONTDUMP 0x04000000UL
#define VM_MIXEDMAP 0x10000000UL
/* Until 3.7. */
#define VM_RESERVED (VM_DONTEXPAND | VM_DONTDUMP)

typedef unsigned int vm_fault_t;
#define VM_FAULT_OOM 0x000001u
#define VM_FAULT_SIGBUS 0x000002u
#define VM_FAULT_MAJOR 0x000004u
#define VM_FAULT_HWPOISON 0x000010u
#define VM_FAULT_SIGSEGV 0x000040u
#define VM_FAULT_NOPAGE 0x000100u
#define VM_FAULT_LOCKED 0x000200u
#define VM_FAULT_RETRY 0x000400u
#define VM_FAULT_ERROR (VM_FAULT_OOM | VM_FAULT_SIGSEGV | VM_FAULT_SIGBUS | VM_FAULT_HWPOISON)
#define FAULT_FLAG_WRITE 0x01u

struct vm_fault {
  struct vm_area_struct* vma;
  gfp_t gfp_mask;
  unsigned long pgoff, address;
  unsigned int flags;
  struct page* page; /* set by fault(), with a reference for the mapping */
};
struct vm_operations_struct {
  void (*open)(struct vm_area_struct* vma);
  void (*close)(struct vm_area_struct* vma);
  int (*may_split)(struct vm_area_struct* vma, unsigned long address);
  int (*mremap)(struct vm_area_struct* vma);
  vm_fault_t (*fault)(struct vm_fault* vmf);
  vm_fault_t (*huge_fault)(struct vm_fault* vmf, unsigned int order);
  vm_fault_t (*page_mkwrite)(struct vm_fault* vmf);
  vm_fault_t (*pfn_mkwrite)(struct vm_fault* vmf);
  int (*access)(struct vm_area_struct* vma, unsigned long address, void* buffer, int n, int write);
  const char* (*name)(struct vm_area_struct* vma);
};

KMEM_BEGIN_C
/** Maps the pages of these frames from `address` on; the driver keeps owning them. 0; -EINVAL for frames that are not kmem's.
 *  */
KMEM_API int remap_pfn_range(struct vm_area_struct* vma, unsigned long address, unsigned long pfn, unsigned long size,
                             pgprot_t protection) KMEM_DRIVER_NAME(remap_pfn_range);
/** Maps one page; the mapping holds a reference to it. 0; -EBUSY: a page is there already; -EFAULT: the address is not in the
 *  mapping. */
KMEM_API int vm_insert_page(struct vm_area_struct* vma, unsigned long address, struct page* page)
    KMEM_DRIVER_NAME(vm_insert_page);
static inline int io_remap_pfn_range(struct vm_area_struct* vma, unsigned long address, unsigned long pfn, unsigned long size,
                                     pgprot_t protection) {
  return remap_pfn_range(vma, address, pfn, size, protection);
}
/** For fault(). */
static inline vm_fault_t vmf_insert_page(struct vm_area_struct* vma, unsigned long address, struct page* page) {
  const int error = vm_insert_page(vma, address, page);
  return !error || error == -16 /* EBUSY */ ? VM_FAULT_NOPAGE : error == -12 /* ENOMEM */ ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}
static inline vm_fault_t vmf_insert_pfn(struct vm_area_struct* vma, unsigned long address, unsigned long pfn) {
  return remap_pfn_range(vma, address, pfn, PAGE_SIZE, vma->vm_page_prot) ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}
static inline unsigned long vma_pages(const struct vm_area_struct* vma) { return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT; }
static inline void vm_flags_set(struct vm_area_struct* vma, unsigned long flags) { vma->vm_flags |= flags; }
static inline void vm_flags_clear(struct vm_area_struct* vma, unsigned long flags) { vma->vm_flags &= ~flags; }
static inline void vm_flags_mod(struct vm_area_struct* vma, unsigned long set, unsigned long clear) {
  vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
KMEM_END_C

#endif
