// mmap(): the driver's pages that a program sees.

#include <sys/mman.h>

#include <kmem/driver.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "fs/files.h"

/// One mapping of a file.
struct kmem_driver_mapping {
  struct Shown {
    void* at;    // null: no page
    page* held;  // a page to which the mapping has a reference
  };
  vm_area_struct vma;
  unsigned long nr;
  Shown* shown;
};

namespace {

using namespace kmem_driver;

kmem_driver_mapping& mapping_of(vm_area_struct* vma) { return *static_cast<kmem_driver_mapping*>(vma->kmem_mapping); }

/// Null for an address outside of the mapping.
kmem_driver_mapping::Shown* place(vm_area_struct* vma, unsigned long address) {
  kmem_driver_mapping& m = mapping_of(vma);
  if (address < vma->vm_start || address >= vma->vm_end) return nullptr;
  return &m.shown[(address - vma->vm_start) >> PAGE_SHIFT];
}

int show(vm_area_struct* vma, unsigned long address, page* p, bool hold) {
  auto* at = place(vma, address);
  if (!at) return -EFAULT;
  if (at->at) return -EBUSY;
  void* seen = page_address(p);
  if (!seen) return -EINVAL;
  at->at = seen;
  if (!hold) return 0;
  get_page(p);
  at->held = p;
  return 0;
}

void fault_in(kmem_driver_mapping* m, unsigned long n) {
  vm_area_struct& vma = m->vma;
  vm_fault fault = {};
  fault.vma = &vma;
  fault.gfp_mask = GFP_KERNEL;
  fault.pgoff = vma.vm_pgoff + n;
  fault.address = vma.vm_start + (n << PAGE_SHIFT);
  fault.flags = vma.vm_flags & VM_WRITE ? FAULT_FLAG_WRITE : 0;
  const vm_fault_t result = vma.vm_ops->fault(&fault);
  if (result & (VM_FAULT_ERROR | VM_FAULT_NOPAGE) || !fault.page) return;
  m->shown[n] = {page_address(fault.page), fault.page};
}

unsigned long flags_of(int prot, int flags) {
  unsigned long all = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  if (prot & PROT_READ) all |= VM_READ;
  if (prot & PROT_WRITE) all |= VM_WRITE;
  if (prot & PROT_EXEC) all |= VM_EXEC;
  return flags & MAP_SHARED ? all | VM_SHARED | VM_MAYSHARE : all;
}

kmem_driver_mapping* make(unsigned long nr) {
  auto* m = static_cast<kmem_driver_mapping*>(kzalloc(sizeof(kmem_driver_mapping), GFP_KERNEL));
  if (!m) return nullptr;
  m->nr = nr;
  m->shown = static_cast<kmem_driver_mapping::Shown*>(kvcalloc(nr, sizeof(*m->shown), GFP_KERNEL));
  m->vma.kmem_mapping = m;
  if (m->shown) return m;
  kfree(m);
  return nullptr;
}

void destroy(kmem_driver_mapping* m) {
  for (unsigned long i = 0; i < m->nr; ++i)
    if (m->shown[i].held) put_page(m->shown[i].held);
  if (m->vma.vm_file) fput(m->vma.vm_file);
  kvfree(m->shown);
  kfree(m);
}

int check(const file* f, int prot, int flags) {
  if (!f->f_op->mmap) return -ENODEV;
  if (!(f->f_mode & FMODE_READ)) return -EACCES;
  return (flags & MAP_SHARED) && (prot & PROT_WRITE) && !(f->f_mode & FMODE_WRITE) ? -EACCES : 0;
}

}  // namespace

extern "C" {

kmem_driver_mapping* kmem_driver_mmap(int fd, unsigned long start, size_t bytes, int prot, int flags, off_t offset,
                                      int* error) noexcept {
  Call f(fd);
  if (!f) return *error = f.error(), nullptr;
  *error = bytes && !(offset & ~PAGE_MASK) ? check(f.get(), prot, flags) : -EINVAL;
  if (*error) return nullptr;
  kmem_driver_mapping* m = make(PAGE_ALIGN(bytes) >> PAGE_SHIFT);
  if (!m) return *error = -ENOMEM, nullptr;
  vm_area_struct& vma = m->vma;
  vma.vm_start = start;
  vma.vm_end = start + PAGE_ALIGN(bytes);
  vma.vm_pgoff = static_cast<unsigned long>(offset) >> PAGE_SHIFT;
  vma.vm_flags = flags_of(prot, flags);
  vma.vm_file = get_file(f.get());
  *error = static_cast<int>(Call::seen(f->f_op->mmap(f.get(), &vma)));
  if (*error) return destroy(m), nullptr;
  for (unsigned long i = 0; i < m->nr && vma.vm_ops && vma.vm_ops->fault; ++i)
    if (!m->shown[i].at) fault_in(m, i);
  return m;
}

const void* kmem_driver_mapping_page(const kmem_driver_mapping* m, unsigned long n) noexcept {
  return n < m->nr ? m->shown[n].at : nullptr;
}

void kmem_driver_munmap(kmem_driver_mapping* m) noexcept {
  if (m->vma.vm_ops && m->vma.vm_ops->close) m->vma.vm_ops->close(&m->vma);
  destroy(m);
}

int remap_pfn_range(vm_area_struct* vma, unsigned long address, unsigned long pfn, unsigned long size, pgprot_t) noexcept {
  for (unsigned long at = 0; at < size; at += PAGE_SIZE, ++pfn) {
    if (!pfn_valid(pfn)) return -EINVAL;
    if (const int error = show(vma, address + at, pfn_to_page(pfn), false)) return error;
  }
  vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
  return 0;
}

int vm_insert_page(vm_area_struct* vma, unsigned long address, page* p) noexcept {
  if (!p || !page_count(p)) return -EINVAL;
  return show(vma, address, p, true);
}

int kmem_driver_remap_vmalloc_range(vm_area_struct* vma, void* address, unsigned long pgoff) noexcept {
  char* from = static_cast<char*>(address) + (pgoff << PAGE_SHIFT);
  for (unsigned long at = vma->vm_start; at < vma->vm_end; at += PAGE_SIZE, from += PAGE_SIZE) {
    page* p = is_vmalloc_addr(from) ? vmalloc_to_page(from) : nullptr;
    if (!p) return -EINVAL;
    auto* shown = place(vma, at);
    if (shown->at) return -EBUSY;
    *shown = {from, nullptr};
  }
  vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
  return 0;
}

}  // extern "C"
