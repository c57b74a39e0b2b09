// vmalloc(), vmap() and related functions.

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "base/memory.h"
#include "on_behalf.h"
#include "page/gfp_context.h"
#include "port/port.h"
#include "sleeping.h"
#include "system/system.h"
#include "system/trouble.h"
#include "watch/profile.h"
#include "watch/report.h"

namespace {

using kmem::AreaFault;
using kmem::Trouble;
using kmem::VmallocWish;
using kmem::VmArea;

kmem::Vmap& areas() { return kmem::system().vmap; }
kmem::Window& window() { return areas().window(); }

void* allocate(VmallocWish wish, const char* who) {
  if (!kmem::boot()) return nullptr;
  wish.gfp = kmem::effective_gfp(wish.gfp, wish.caller, who);
  kmem::follow_profile();
  void* p = areas().alloc(wish);
  kmem_profile.allocated(p, wish.bytes);
  if (KMEM_UNLIKELY(!p)) kmem::report_failure(who, wish.bytes, wish.gfp);
  else kmem::watch_accesses();
  return p;
}

/// Reports an address that is not an area's.
void report_bad(const char* who, const void* p, AreaFault fault) {
  static kmem::RateLimit limit;
  kmem::TextOf<192> name;
  const bool known = areas().describe(p, name);
  if (fault == AreaFault::Foreign && !window().contains(p)) {
    const kmem::Block block = kmem::system().heap.classify(p);
    const char* what = block.cache                              ? block.cache->name()
                       : block.kind == kmem::BlockKind::Foreign ? "nothing of kmem's"
                                                                : "kmalloc or pages";
    return kmem::bug_report_limited(limit, Trouble::Bug,
                                    "%s of %p, which is not in the window: it belongs to %s; nothing was freed", who, p, what);
  }
  if (!known)
    return kmem::bug_report_limited(limit, Trouble::Bug, "%s of %p, in the window, where no area is: freed before?", who, p);
  const char* why = fault == AreaFault::Freed    ? ": a second free"
                    : fault == AreaFault::Inside ? ", which does not begin there; nothing was freed"
                                                 : ", which is of another kind, or of another size; nothing was freed";
  kmem::bug_report_limited(limit, Trouble::Bug, "%s of %p, in %s%s", who, p, name.data(), why);
}

/// Frees an area of vmap() together with its pages (VM_MAP_PUT_PAGES).
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
  if (window().contains(p)) kmem_profile.frees(p);
  if (const AreaFault fault = areas().free(p); fault != AreaFault::None) report_bad(who, p, fault);
}

/// As in the kernel, vfree() may be called in interrupts, which leave the work to a task, and by callers that may sleep. In an
/// atomic section, under a spin lock or rcu_read_lock(), it is a mistake.
KMEM_COLD void check_unsleeping_free(const char* who, const void* site) {
  if (!kmem::in_interrupt()) kmem::check_sleep(who, site);
}

void free_from(const void* p, const char* who, const void* site) {
  if (!p) return;
  if (KMEM_UNLIKELY(kmem::declared_atomic())) check_unsleeping_free(who, site);
  free_area(p, who);
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
  return areas().map_pages(reinterpret_cast<kmem::Page**>(pages), nr, flags,
                           read_only ? kmem::Access::Read : kmem::Access::ReadWrite, caller);
}

/// Must the pages that an area loses or gains be cleared?
bool clears(gfp_t flags) {
  return (flags & __GFP_ZERO) || kmem::system().options.init_on_alloc || kmem::system().options.init_on_free;
}

/// The bytes behind the new end of an area that shrank are unused until it grows again; whole pages are gone.
void clear_to_page_end(char* p, size_t bytes) { memset(p + bytes, 0, PAGE_ALIGN(bytes) - bytes); }

int refuse_remap(const void* address, const char* why, int error) {
  static kmem::RateLimit limit;
  kmem::bug_report_limited(limit, Trouble::Warning, "remap_vmalloc_range of %p: %s", address, why);
  return error;
}

}  // namespace

static_assert(sizeof(struct vm_struct) <= sizeof(VmArea::face) && VM_USERMAP == kmem::area::kUserMap &&
              VM_MAP_PUT_PAGES == kmem::area::kMapPutPages);

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
  return allocate({.bytes = bytes, .gfp = GFP_KERNEL | GFP_DMA32 | __GFP_ZERO, .flags = VM_USERMAP, .caller = KMEM_CALLER},
                  "vmalloc_32_user");
}
void*(__vmalloc)(unsigned long bytes, gfp_t flags) noexcept {
  return allocate({.bytes = bytes, .gfp = flags, .caller = KMEM_CALLER}, "__vmalloc");
}
void* vmalloc_huge(unsigned long bytes, gfp_t flags) noexcept {
  return allocate({.bytes = bytes, .gfp = flags, .caller = KMEM_CALLER}, "vmalloc_huge");
}
void* vmalloc_huge_node(unsigned long bytes, gfp_t flags, int nid) noexcept {
  return allocate({.bytes = bytes, .gfp = flags, .nid = nid, .caller = KMEM_CALLER}, "vmalloc_huge");
}
void* vmalloc_no_huge(unsigned long bytes) noexcept {
  return allocate({.bytes = bytes, .huge = false, .caller = KMEM_CALLER}, "vmalloc_no_huge");
}
void* __vmalloc_node(unsigned long bytes, unsigned long align, gfp_t flags, int nid, const void* caller) noexcept {
  if (align & (align - 1)) return nullptr;
  return allocate({.bytes = bytes,
                   .align = align < PAGE_SIZE ? PAGE_SIZE : align,
                   .gfp = flags,
                   .nid = nid,
                   .caller = caller ? caller : KMEM_CALLER},
                  "__vmalloc_node");
}

KMEM_HIDDEN void* kmem_vmalloc_from(size_t bytes, gfp_t flags, int nid, const void* site) {
  return allocate({.bytes = bytes, .gfp = flags, .nid = nid, .caller = site}, "kvmalloc");
}

KMEM_HIDDEN void kmem_vfree_from(const void* p, const char* who, const void* site) { free_from(p, who, site); }

void vfree(const void* address) noexcept { free_from(address, "vfree", KMEM_CALLER); }

void vfree_atomic(const void* address) noexcept {
  kmem::add_preempt_count(kmem::preempt::kPreempt);  // defers the work to a task, as in an interrupt
  free_area(address, "vfree_atomic");
  kmem::add_preempt_count(-kmem::preempt::kPreempt);
}

void* vrealloc(const void* address, size_t bytes, gfp_t flags) noexcept {
  VmallocWish wish{.bytes = bytes, .gfp = flags, .caller = KMEM_CALLER};
  if (!bytes) {
    free_from(address, "vrealloc", wish.caller);
    return nullptr;
  }
  if (!address) return allocate(wish, "vrealloc");
  VmArea* area = window().find(address);
  if (!area || window().address(area) != address || area->kind != kmem::AreaKind::Vmalloc) {
    report_bad("vrealloc", address,
               !area                               ? window().at(address) ? AreaFault::Freed : AreaFault::Foreign
               : window().address(area) != address ? AreaFault::Inside
                                                   : AreaFault::Kind);
    return nullptr;
  }
  wish.gfp = kmem::effective_gfp(flags, wish.caller, "vrealloc");
  char* old = const_cast<char*>(static_cast<const char*>(address));
  const size_t had = area->bytes, room = size_t{area->nr_pages} << PAGE_SHIFT;
  kmem::SampledResize sample(address);
  const bool resized = areas().resize(address, wish);
  sample.end(address, had, resized ? bytes : had);
  if (resized) {
    if ((flags & __GFP_ZERO) && bytes > had) memset(old + had, 0, (bytes < room ? bytes : room) - had);
    if (bytes < had && clears(flags)) clear_to_page_end(old, bytes);
    return old;
  }
  void* grown = allocate(wish, "vrealloc");
  if (!grown) return nullptr;
  memcpy(grown, old, had < bytes ? had : bytes);
  free_area(old, "vrealloc");
  return grown;
}

// Mapping -------------------------------------------------------------------------------------------------------------

void* vmap(struct page** pages, unsigned nr, unsigned long flags, pgprot_t protection) noexcept {
  KMEM_MIGHT_SLEEP();
  void* p = map_pages(pages, nr, flags & VM_MAP_PUT_PAGES, protection, KMEM_CALLER);
  if (p && (flags & VM_MAP_PUT_PAGES)) window().find(p)->pages = pages;
  return p;
}

void vunmap(const void* address) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!address || !kmem::boot()) return;
  if (const AreaFault fault = areas().unmap(address); fault != AreaFault::None) report_bad("vunmap", address, fault);
}

void* kmem_vm_map_ram(struct page** pages, unsigned nr, int) noexcept {
  kmem::check_sleep("vm_map_ram", KMEM_CALLER);
  return map_pages(pages, nr, kmem::area::kRam, PAGE_KERNEL, KMEM_CALLER);
}

void vm_unmap_ram(const void* address, unsigned nr) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!kmem::boot()) return;
  if (const AreaFault fault = areas().unmap(address, nr); fault != AreaFault::None) report_bad("vm_unmap_ram", address, fault);
}

void vm_unmap_aliases() noexcept {
  KMEM_MIGHT_SLEEP();
  if (kmem::boot()) areas().purge_all(kmem::wait_by_context());
}

int remap_vmalloc_range(struct vm_area_struct* vma, void* address, unsigned long pgoff) noexcept {
  KMEM_MIGHT_SLEEP();
  constexpr int kInvalid = -22, kNotHere = -95, kNoMemory = -12;  // -EINVAL, -EOPNOTSUPP, -ENOMEM
  VmArea* area = kmem::boot() ? window().find(address) : nullptr;
  if (!area) return refuse_remap(address, "no area is there", kInvalid);
  if (!area->has(VM_USERMAP)) return refuse_remap(address, "the area is not of vmalloc_user()", kInvalid);
  if (offset_in_page(vma->vm_start) || vma->vm_end <= vma->vm_start)
    return refuse_remap(address, "the range to show it at is empty, or begins within a page", kInvalid);
  const unsigned long pages = (vma->vm_end - vma->vm_start - 1) / PAGE_SIZE + 1;
  const auto first = static_cast<unsigned long>(static_cast<char*>(address) - window().address(area)) >> PAGE_SHIFT;
  const unsigned long room = first < area->nr_pages ? area->nr_pages - first : 0;
  if (pgoff > room || pages > room - pgoff)
    return refuse_remap(address, "the range to show it at is longer than what is left of the area", kInvalid);
  if (!areas().can_alias())
    return refuse_remap(
        address,
        "memory is private, and can be seen at one address only: boot with KMEM=alias=1, or use the area's own address",
        kNotHere);
  return areas().show_at(area, static_cast<uint32_t>(first + pgoff), static_cast<uint32_t>(pages),
                         reinterpret_cast<char*>(vma->vm_start))
             ? 0
             : refuse_remap(address, "the host allows no more mappings; see vm.max_map_count", kNoMemory);
}

// Queries --------------------------------------------------------------------------------------------------------------

struct page* vmalloc_to_page(const void* address) noexcept {
  return reinterpret_cast<struct page*>(areas().page_at(address));
}

unsigned long vmalloc_to_pfn(const void* address) noexcept {
  const auto pfn = areas().frame_at(address);
  return pfn ? (*pfn).value : 0;
}

bool is_vmalloc_addr(const void* address) noexcept { return window().start() && window().contains(address); }

unsigned long vmalloc_nr_pages() noexcept { return areas().nr_frames() - areas().lazy_pages(); }

struct vm_struct* get_vm_area(unsigned long bytes, unsigned long flags) noexcept {
  KMEM_MIGHT_SLEEP();
  if (!kmem::boot()) return nullptr;
  VmArea* area = window().reserve(
      {.kind = flags & VM_IOREMAP ? kmem::AreaKind::Ioremap : kmem::AreaKind::Map, .bytes = bytes, .caller = KMEM_CALLER});
  if (!area) return nullptr;
  window().publish(area);
  return face_of(area);
}

struct vm_struct* find_vm_area(const void* address) noexcept {
  VmArea* area = window().find(address);
  return area ? face_of(area) : nullptr;
}

/// `site`: the address of the call.
static struct vm_struct* remove_area(const void* address, const void* site) {
  kmem::check_sleep("remove_vm_area", site);
  VmArea* area = window().at(address);
  const bool ours = area && area->kind != kmem::AreaKind::Vmalloc && area->kind != kmem::AreaKind::Vmap;
  if (!ours || window().address(area) != address || !window().withdraw(area)) {
    report_bad("remove_vm_area", address, !area ? AreaFault::Foreign : ours ? AreaFault::Freed : AreaFault::Kind);
    return nullptr;
  }
  struct vm_struct* face = face_of(area);
  if (kmem_port_window_close(face->addr, face->size)) areas().put_addresses_back(area);
  else kmem::note("remove_vm_area: the host does not unmap %p; its addresses are not used again", face->addr);
  return face;  // valid until the descriptor is reused
}

struct vm_struct* remove_vm_area(const void* address) noexcept {
  return remove_area(address, KMEM_CALLER);
}

void free_vm_area(struct vm_struct* area) noexcept {
  if (!area) return;
  if (reinterpret_cast<intptr_t>(area) < 0) return report_bad("free_vm_area", area, AreaFault::Foreign);
  remove_area(area->addr, KMEM_CALLER);
}

}  // extern "C"
