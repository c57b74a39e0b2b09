// vmalloc(), vmap() and their kin, and kvmalloc() above both allocators.

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "api/system.h"
#include "api/trouble.h"
#include "base/memory.h"
#include "page/gfp_context.h"
#include "port/port.h"
#include "watch/report.h"

namespace {

using kmem::AreaFault;
using kmem::Trouble;
using kmem::VmArea;
using kmem::VmallocWish;

kmem::Vmap& areas() { return kmem::system().vmap; }
kmem::Window& window() { return areas().window(); }

void* allocate(VmallocWish wish, const char* who) {
  if (!kmem::boot()) return nullptr;
  wish.gfp = kmem::effective_gfp(wish.gfp, wish.caller, who);
  void* p = areas().alloc(wish);
  if (KMEM_UNLIKELY(!p)) kmem::report_failure(who, wish.bytes, wish.gfp);
  else kmem::watch_accesses();
  return p;
}

/// What an address is that should have been an area's.
void report_bad(const char* who, const void* p, AreaFault fault) {
  static kmem::RateLimit limit;
  kmem::TextOf<192> name;
  const bool known = areas().describe(p, name);
  if (fault == AreaFault::Foreign && !window().contains(p)) {
    const kmem::Block block = kmem::system().heap.classify(p);
    const char* what = block.cache ? block.cache->name() : block.kind == kmem::BlockKind::Foreign ? "nothing of kmem's" : "kmalloc or pages";
    return kmem::bug_report_limited(limit, Trouble::Bug, "%s of %p, which is not in the window: it belongs to %s; nothing was freed", who, p, what);
  }
  if (!known)
    return kmem::bug_report_limited(limit, Trouble::Bug, "%s of %p, in the window, where no area is: freed before?", who, p);
  const char* why = fault == AreaFault::Freed    ? ": a second free"
                    : fault == AreaFault::Inside ? ", which does not begin there; nothing was freed"
                                                 : ", which is of another kind, or of another size; nothing was freed";
  kmem::bug_report_limited(limit, Trouble::Bug, "%s of %p, in %s%s", who, p, name.data(), why);
}

/// Pages that vmap() was given for good.
bool free_with_pages(const void* p) {
  VmArea* area = window().find(p);
  if (!area || !area->has(kmem::area::kMapPutPages) || window().address(area) != p) return false;
  auto** pages = static_cast<struct page**>(area->pages);
  const uint32_t nr = area->nr_pages;
  if (areas().unmap(p) != AreaFault::None) return false;
  for (uint32_t i = 0; i < nr; ++i) put_page(pages[i]);
  kvfree(pages);
  return true;
}

void free_area(const void* p, const char* who) {
  if (!p || !kmem::boot()) return;
  if (free_with_pages(p)) return;
  if (const AreaFault fault = areas().free(p); fault != AreaFault::None) report_bad(who, p, fault);
}

struct vm_struct* face_of(VmArea* area) {
  auto* face = reinterpret_cast<struct vm_struct*>(area->face);
  constexpr unsigned long kKinds[] = {VM_ALLOC, VM_MAP, VM_IOREMAP, 0};
  *face = {};
  face->addr = window().address(area);
  face->size = static_cast<unsigned long>(area->span) << PAGE_SHIFT;
  face->flags = kKinds[static_cast<unsigned>(area->kind)] | (area->flags.peek() & (VM_USERMAP | VM_MAP_PUT_PAGES));
  face->nr_pages = area->kind == kmem::AreaKind::Vmalloc || area->kind == kmem::AreaKind::Vmap ? area->nr_pages : 0;
  face->phys_addr = area->phys;
  face->caller = area->caller;
  return face;
}

void* map_pages(struct page** pages, unsigned nr, uint32_t flags, pgprot_t protection, const void* caller) {
  if (!kmem::boot() || !pages) return nullptr;
  const bool read_only = (pgprot_val(protection) & KMEM_PROT_READ_ONLY) != 0;
  if (read_only) flags |= kmem::area::kReadOnly;
  return areas().map_pages(reinterpret_cast<kmem::Page**>(pages), nr, flags, read_only, caller);
}

int refuse_remap(const void* address, const char* why, int error) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Warning, "remap_vmalloc_range of %p: %s", address, why);
  return error;
}

/// For the attempt at one block of pages, behind which vmalloc stands.
gfp_t lightly(size_t bytes, gfp_t flags) {
  if (bytes <= PAGE_SIZE) return flags;
  flags = (flags | __GFP_NOWARN) & ~__GFP_NOFAIL;
  return flags & __GFP_RETRY_MAYFAIL ? flags : flags | __GFP_NORETRY;
}

bool is_larger_than_int(size_t bytes, gfp_t flags) {
  if (bytes <= __INT_MAX__) return false;
  static kmem::RateLimit limit;
  if (!(flags & __GFP_NOWARN)) kmem::bug_report_limited(limit, Trouble::Warning, "kvmalloc of %zu bytes: more than INT_MAX are refused", bytes);
  return true;
}

}  // namespace

static_assert(sizeof(struct vm_struct) <= sizeof(VmArea::face) && VM_USERMAP == kmem::area::kUserMap && VM_MAP_PUT_PAGES == kmem::area::kMapPutPages);

#define KMEM_CALLER __builtin_return_address(0)

extern "C" {

// Memory --------------------------------------------------------------------------------------------------------------

void* vmalloc(unsigned long bytes) noexcept { return allocate({.bytes = bytes, .caller = KMEM_CALLER}, "vmalloc"); }
void* vzalloc(unsigned long bytes) noexcept {
  return allocate({.bytes = bytes, .gfp = GFP_KERNEL | __GFP_ZERO, .caller = KMEM_CALLER}, "vzalloc");
}
void* vmalloc_user(unsigned long bytes) noexcept {
  return allocate({.bytes = bytes, .gfp = GFP_KERNEL | __GFP_ZERO, .flags = VM_USERMAP, .caller = KMEM_CALLER}, "vmalloc_user");
}
void* vmalloc_node(unsigned long bytes, int nid) noexcept {
  return allocate({.bytes = bytes, .nid = nid, .caller = KMEM_CALLER}, "vmalloc_node");
}
void* vzalloc_node(unsigned long bytes, int nid) noexcept {
  return allocate({.bytes = bytes, .gfp = GFP_KERNEL | __GFP_ZERO, .nid = nid, .caller = KMEM_CALLER}, "vzalloc_node");
}
void* vmalloc_32(unsigned long bytes) noexcept {
  return allocate({.bytes = bytes, .gfp = GFP_KERNEL | GFP_DMA32, .caller = KMEM_CALLER}, "vmalloc_32");
}
void* vmalloc_32_user(unsigned long bytes) noexcept {
  return allocate({.bytes = bytes, .gfp = GFP_KERNEL | GFP_DMA32 | __GFP_ZERO, .flags = VM_USERMAP, .caller = KMEM_CALLER}, "vmalloc_32_user");
}
void* (__vmalloc)(unsigned long bytes, gfp_t flags) noexcept {
  return allocate({.bytes = bytes, .gfp = flags, .caller = KMEM_CALLER}, "__vmalloc");
}
void* vmalloc_huge(unsigned long bytes, gfp_t flags) noexcept {
  return allocate({.bytes = bytes, .gfp = flags, .caller = KMEM_CALLER}, "vmalloc_huge");
}
void* __vmalloc_node(unsigned long bytes, unsigned long align, gfp_t flags, int nid, const void* caller) noexcept {
  if (align & (align - 1)) return nullptr;
  return allocate({.bytes = bytes, .align = align < PAGE_SIZE ? PAGE_SIZE : align, .gfp = flags, .nid = nid, .caller = caller ? caller : KMEM_CALLER},
                  "__vmalloc_node");
}

void vfree(const void* address) noexcept { free_area(address, "vfree"); }

void vfree_atomic(const void* address) noexcept {
  kmem::add_preempt_count(kmem::preempt::kPreempt);  // what an interrupt leaves to others, we leave too
  free_area(address, "vfree_atomic");
  kmem::add_preempt_count(-kmem::preempt::kPreempt);
}

void* vrealloc(const void* address, size_t bytes, gfp_t flags) noexcept {
  VmallocWish wish{.bytes = bytes, .gfp = flags, .caller = KMEM_CALLER};
  if (!bytes) {
    vfree(address);
    return nullptr;
  }
  if (!address) return allocate(wish, "vrealloc");
  VmArea* area = window().find(address);
  if (!area || window().address(area) != address || area->kind != kmem::AreaKind::Vmalloc) {
    report_bad("vrealloc", address, !area ? window().at(address) ? AreaFault::Freed : AreaFault::Foreign
                                    : window().address(area) != address ? AreaFault::Inside : AreaFault::Kind);
    return nullptr;
  }
  wish.gfp = kmem::effective_gfp(flags, wish.caller, "vrealloc");
  char* old = const_cast<char*>(static_cast<const char*>(address));
  const size_t had = area->bytes, room = size_t{area->nr_pages} << PAGE_SHIFT;
  if (areas().resize(address, wish)) {
    if ((flags & __GFP_ZERO) && bytes > had) memset(old + had, 0, (bytes < room ? bytes : room) - had);
    return old;
  }
  void* grown = allocate(wish, "vrealloc");
  if (!grown) return nullptr;
  memcpy(grown, old, had < bytes ? had : bytes);
  vfree(old);
  return grown;
}

// Mapping -------------------------------------------------------------------------------------------------------------

void* vmap(struct page** pages, unsigned nr, unsigned long flags, pgprot_t protection) noexcept {
  void* p = map_pages(pages, nr, flags & VM_MAP_PUT_PAGES, protection, KMEM_CALLER);
  if (p && (flags & VM_MAP_PUT_PAGES)) window().find(p)->pages = pages;
  return p;
}

void vunmap(const void* address) noexcept {
  if (!address || !kmem::boot()) return;
  if (const AreaFault fault = areas().unmap(address); fault != AreaFault::None) report_bad("vunmap", address, fault);
}

void* kmem_vm_map_ram(struct page** pages, unsigned nr, int) noexcept {
  return map_pages(pages, nr, kmem::area::kRam, PAGE_KERNEL, KMEM_CALLER);
}

void vm_unmap_ram(const void* address, unsigned nr) noexcept {
  if (!kmem::boot()) return;
  if (const AreaFault fault = areas().unmap(address, nr); fault != AreaFault::None) report_bad("vm_unmap_ram", address, fault);
}

void vm_unmap_aliases() noexcept {
  if (kmem::boot()) areas().purge_all(true);
}

int remap_vmalloc_range(struct vm_area_struct* vma, void* address, unsigned long pgoff) noexcept {
  constexpr int kInvalid = -22, kNotHere = -95, kNoMemory = -12;  // -EINVAL, -EOPNOTSUPP, -ENOMEM
  VmArea* area = kmem::boot() ? window().find(address) : nullptr;
  if (!area) return refuse_remap(address, "no area is there", kInvalid);
  if (!area->has(VM_USERMAP)) return refuse_remap(address, "the area is not of vmalloc_user()", kInvalid);
  if (offset_in_page(vma->vm_start) || vma->vm_end <= vma->vm_start)
    return refuse_remap(address, "the range to show it at is empty, or begins within a page", kInvalid);
  const unsigned long pages = (vma->vm_end - vma->vm_start - 1) / PAGE_SIZE + 1;
  const auto first = static_cast<unsigned long>(static_cast<char*>(address) - window().address(area)) >> PAGE_SHIFT;
  const unsigned long room = first < area->nr_pages ? area->nr_pages - first : 0;
  if (pgoff > room || pages > room - pgoff) return refuse_remap(address, "the range to show it at is longer than what is left of the area", kInvalid);
  if (!areas().can_alias())
    return refuse_remap(address, "memory is private, and can be seen at one address only: boot with KMEM=alias=1, or use the area's own address",
                        kNotHere);
  return areas().show_at(area, static_cast<uint32_t>(first + pgoff), static_cast<uint32_t>(pages), reinterpret_cast<char*>(vma->vm_start))
             ? 0
             : refuse_remap(address, "the host maps no more; see vm.max_map_count", kNoMemory);
}

// Asking --------------------------------------------------------------------------------------------------------------

struct page* vmalloc_to_page(const void* address) noexcept { return reinterpret_cast<struct page*>(areas().page_at(address)); }

unsigned long vmalloc_to_pfn(const void* address) noexcept {
  const auto pfn = areas().frame_at(address);
  return pfn ? (*pfn).value : 0;
}

bool is_vmalloc_addr(const void* address) noexcept { return window().start() && window().contains(address); }

unsigned long kmem_vmalloc_start() noexcept {
  return kmem::boot() && window().ensure() ? reinterpret_cast<unsigned long>(window().start()) : 0;
}
unsigned long kmem_vmalloc_end() noexcept {
  return kmem::boot() && window().ensure() ? reinterpret_cast<unsigned long>(window().end()) : 0;
}
unsigned long vmalloc_nr_pages() noexcept { return areas().nr_frames() - areas().lazy_pages(); }

struct vm_struct* get_vm_area(unsigned long bytes, unsigned long flags) noexcept {
  if (!kmem::boot()) return nullptr;
  VmArea* area = window().reserve({.kind = flags & VM_IOREMAP ? kmem::AreaKind::Ioremap : kmem::AreaKind::Map, .bytes = bytes, .caller = KMEM_CALLER});
  if (!area) return nullptr;
  window().publish(area);
  return face_of(area);
}

struct vm_struct* find_vm_area(const void* address) noexcept {
  VmArea* area = window().find(address);
  return area ? face_of(area) : nullptr;
}

struct vm_struct* remove_vm_area(const void* address) noexcept {
  VmArea* area = window().at(address);
  const bool ours = area && area->kind != kmem::AreaKind::Vmalloc && area->kind != kmem::AreaKind::Vmap;
  if (!ours || window().address(area) != address || !window().withdraw(area)) {
    report_bad("remove_vm_area", address, !area ? AreaFault::Foreign : ours ? AreaFault::Freed : AreaFault::Kind);
    return nullptr;
  }
  struct vm_struct* face = face_of(area);
  if (kmem_port_window_close(face->addr, face->size)) areas().put_addresses_back(area);
  else kmem::note("remove_vm_area: the host does not unmap %p; its addresses are not used again", face->addr);
  return face;  // until the descriptor is used again
}

void free_vm_area(struct vm_struct* area) noexcept {
  if (area) remove_vm_area(area->addr);
}

// Both ----------------------------------------------------------------------------------------------------------------

void* kvmalloc_node(size_t bytes, gfp_t flags, int nid) noexcept {
  if (bytes <= PAGE_SIZE) return kmalloc_node(bytes, flags, nid);
  void* p = bytes <= KMALLOC_MAX_SIZE ? kmalloc_node(bytes, lightly(bytes, flags), nid) : nullptr;
  if (p || !(flags & __GFP_DIRECT_RECLAIM) || is_larger_than_int(bytes, flags)) return p;
  return allocate({.bytes = bytes, .gfp = flags, .nid = nid, .caller = KMEM_CALLER}, "kvmalloc");
}

void* kvmalloc(size_t bytes, gfp_t flags) noexcept { return kvmalloc_node(bytes, flags, NUMA_NO_NODE); }

void kvfree(const void* pointer) noexcept { is_vmalloc_addr(pointer) ? vfree(pointer) : kfree(pointer); }

void kvfree_sensitive(const void* pointer, size_t bytes) noexcept {
  if (ZERO_OR_NULL_PTR(pointer)) return;
  memset(const_cast<void*>(pointer), 0, bytes);
  asm volatile("" : : "r"(pointer) : "memory");
  kvfree(pointer);
}

void* kvrealloc(const void* pointer, size_t bytes, gfp_t flags) noexcept {
  if (is_vmalloc_addr(pointer)) return vrealloc(pointer, bytes, flags);
  void* p = krealloc(pointer, bytes, lightly(bytes, flags));
  if (p || bytes <= PAGE_SIZE) return p;
  p = kvmalloc(bytes, flags);
  if (!p || ZERO_OR_NULL_PTR(pointer)) return p;
  const size_t had = ksize(pointer);
  memcpy(p, pointer, had < bytes ? had : bytes);
  kfree(pointer);
  return p;
}

}  // extern "C"
