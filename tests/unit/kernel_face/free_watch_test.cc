// A function that is told of memory that is freed, and the count of reports.

#include <kmem/free_watch.h>
#include <kmem/stats.h>
#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <functional>

#include "unit/kernel_face/log.h"

namespace {

const char* wanted;  // in the memory whose free is waited for
int nr_told;
size_t told_bytes;

void note(const void* memory, size_t bytes) {
  const auto* begin = static_cast<const char*>(memory);
  if (wanted < begin || wanted >= begin + bytes) return;
  ++nr_told;
  told_bytes = bytes;
}

int told_of(void* memory, const std::function<void(void*)>& free) {
  nr_told = 0;
  wanted = static_cast<const char*>(memory);
  free(memory);
  wanted = nullptr;
  return nr_told;
}

TEST(FreeWatch, it_is_told_of_every_kind_of_memory_before_that_is_free) {
  kmem_cache* cache = kmem_cache_create("watched", 100, 0, 0, nullptr);
  const auto address = [](void* p) { return reinterpret_cast<unsigned long>(p); };
  const struct {
    std::function<void*()> alloc;
    std::function<void(void*)> free;
    size_t least;
  } kinds[] = {
      {[] { return kmalloc(100, GFP_KERNEL); }, [](void* p) { kfree(p); }, 100},
      {[] { return kmalloc(100, GFP_KERNEL); }, [](void* p) { kfree_sensitive(p); }, 100},
      {[] { return kmalloc(300'000, GFP_KERNEL); }, [](void* p) { kfree(p); }, 300'000},
      {[&] { return kmem_cache_alloc(cache, GFP_KERNEL); }, [&](void* p) { kmem_cache_free(cache, p); }, 100},
      {[&] { return kmem_cache_alloc(cache, GFP_KERNEL); }, [&](void* p) { kmem_cache_free_bulk(cache, 1, &p); }, 100},
      {[] { return reinterpret_cast<void*>(__get_free_page(GFP_KERNEL)); }, [&](void* p) { free_page(address(p)); }, PAGE_SIZE},
      {[] { return reinterpret_cast<void*>(__get_free_pages(GFP_KERNEL, 3)); }, [&](void* p) { free_pages(address(p), 3); },
       8 * PAGE_SIZE},
      {[] { return alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL); }, [](void* p) { free_pages_exact(p, 3 * PAGE_SIZE); },
       PAGE_SIZE},
      {[] { return krealloc(nullptr, 50, GFP_KERNEL); }, [](void* p) { kfree(krealloc(p, 5000, GFP_KERNEL)); }, 50}};
  for (const auto& kind : kinds) {
    EXPECT_EQ(told_of(kind.alloc(), kind.free), 0) << &kind - kinds << ": nobody listens";
    kmem_watch_frees(note);
    EXPECT_GE(told_of(kind.alloc(), kind.free), 1) << &kind - kinds;
    EXPECT_GE(told_bytes, kind.least) << &kind - kinds;
    kmem_watch_frees(nullptr);
  }
  kmem_cache_destroy(cache);
}

TEST(FreeWatch, a_page_that_somebody_else_holds_is_not_freed) {
  struct page* page = alloc_page(GFP_KERNEL);
  get_page(page);
  kmem_watch_frees(note);
  EXPECT_EQ(told_of(page_address(page), [&](void*) { put_page(page); }), 0);
  EXPECT_EQ(told_of(page_address(page), [&](void*) { put_page(page); }), 1);
  kmem_watch_frees(nullptr);
}

TEST(Reports, they_are_counted) {
  const unsigned long before = kmem_reports();
  kmem::test::log_of([] {
    WARN(1, "one");
    WARN_ON(0);
  });
  EXPECT_EQ(kmem_reports(), before + 1);
  void* p = kmalloc(100, GFP_KERNEL);
  kfree(p);
  kmem::test::log_of([&] { kfree(p); });
  EXPECT_EQ(kmem_reports(), before + 2) << "a free of what is free";
}

}  // namespace
