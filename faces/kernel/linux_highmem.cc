// kmap() and related functions.

#include <linux/highmem.h>

#include "sleeping.h"
#include "system/system.h"
#include "watch/context.h"
#include "watch/report.h"

namespace {

kmem::Kmap& kmaps() { return kmem::system().kmap; }
kmem::Page* descriptor(const struct page* page) { return reinterpret_cast<kmem::Page*>(const_cast<struct page*>(page)); }

template <typename Of>
unsigned long sum_over_high_zones(Of of) {
  kmem::PageAllocator& pages = kmem::system().pages;
  unsigned long sum = 0;
  for (unsigned i = 0; kmem::boot() && i < pages.nr_zones(); ++i)
    if (pages.zone(i).kind() == kmem::ZoneKind::HighMem) sum += of(pages.zone(i));
  return sum;
}

}  // namespace

extern "C" {

void* kmap(struct page* page) noexcept {
  KMEM_MIGHT_SLEEP();
  return kmaps().map(descriptor(page));
}

void kunmap(const struct page* page) noexcept {
  KMEM_MIGHT_SLEEP();
  kmaps().unmap(descriptor(page));
}

void* kmap_local_page(struct page* page) noexcept { return kmaps().map_local(descriptor(page)); }
void kunmap_local(const void* address) noexcept { kmaps().unmap_local(address); }

void* kmem_kmap_atomic(struct page* page) noexcept {
  kmem::add_preempt_count(kmem::preempt::kPreempt);
  return kmaps().map_local(descriptor(page));
}

void kmem_kunmap_atomic(const void* address) noexcept {
  kmaps().unmap_local(address);
  if (!(kmem::preempt_count() & kmem::preempt::kPreemptMask))
    return kmem::bug_report(kmem::Trouble::Bug, "kunmap_atomic(%p): no kmap_atomic() is in effect", address);
  kmem::add_preempt_count(-kmem::preempt::kPreempt);
}

struct page* kmap_to_page(void* address) noexcept {
  return reinterpret_cast<struct page*>(kmaps().page_of(address));
}

unsigned long nr_free_highpages() noexcept {
  return sum_over_high_zones([](const kmem::Zone& zone) { return zone.nr_available(); });
}
unsigned long totalhigh_pages() noexcept {
  return sum_over_high_zones([](const kmem::Zone& zone) { return zone.nr_frames(); });
}

}  // extern "C"
