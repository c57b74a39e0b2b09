/* kmem's vmalloc(), and the mapping functions of <linux/mm.h>. */
#ifndef KMEM_VMA_MORE
struct vm_operations_struct;
struct file;
struct mm_struct;
#define KMEM_VMA_MORE                        \
  const struct vm_operations_struct* vm_ops; \
  struct file* vm_file;                      \
  struct mm_struct* vm_mm;                   \
  pgprot_t vm_page_prot;                     \
  void* kmem_mapping;
#endif
#include_next <linux/vmalloc.h>

#if defined(KMEM_LINUX_VMALLOC_H) && !defined(KMEM_DRIVER_LINUX_VMALLOC_H)
#define KMEM_DRIVER_LINUX_VMALLOC_H
#include <kmem/driver_face.h>
KMEM_BEGIN_C
/** Maps the pages of a vmalloc_user() area into the program from page `pgoff` on. 0; -EINVAL if it does not fit. */
KMEM_API int kmem_driver_remap_vmalloc_range(struct vm_area_struct* vma, void* address, unsigned long pgoff) KMEM_NOTHROW;
KMEM_END_C
#define remap_vmalloc_range kmem_driver_remap_vmalloc_range
#endif
