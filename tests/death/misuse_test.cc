// Misuse, one process for each: what the report says, word for word, and that the program goes on unharmed.

#include <gtest/gtest.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <cstdlib>
#include <string>

#include "death/in_child.h"
#include "system/system.h"
#include "watch/report.h"

namespace {

using kmem::test::Outcome;

/// Runs `f` in a process of its own.
template <typename F>
Outcome run(F f) {
  return kmem::test::run_in_child([&] {
    f();
    const kmem::Fault fault = kmem::check_system();
    if (fault) dprintf(STDERR_FILENO, "broken: %s\n", fault.rule);
    return fault ? 1 : 0;
  });
}

/// The reports without addresses, call traces and facts: "BUG: double free of P, an object of ..." one a line.
std::string reports(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    at = end == std::string::npos ? text.size() : end + 1;
    if (line.rfind("kmem: BUG: ", 0) && line.rfind("kmem: WARNING: ", 0) && line.rfind("broken", 0)) continue;
    // Sixteen digits in a row are an address.
    for (size_t i = 0, digits = 0; i <= line.size(); ++i) {
      if (i < line.size() && isxdigit(static_cast<unsigned char>(line[i]))) {
        ++digits;
        continue;
      }
      if (digits == 16) line.replace(i - 16, 16, "P");
      if (digits == 16) i -= 15;
      digits = 0;
    }
    out += line + "\n";
  }
  return out;
}

#define EXPECT_REPORT(outcome, want)                               \
  do {                                                             \
    EXPECT_EQ(reports((outcome).text), want) << (outcome).text;    \
    EXPECT_EQ((outcome).status, 0) << "the program did not go on"; \
  } while (false)

kmem_cache* cache_of(const char* name, unsigned size) { return kmem_cache_create(name, size, 8, SLAB_NO_MERGE, nullptr); }

// Freed twice -----------------------------------------------------------------------------------------------------------

TEST(DoubleFree, at_once) {
  const Outcome outcome = run([] {
    void* p = kmalloc(100, GFP_KERNEL);
    kfree(p);
    kfree(p);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: double free of P, an object of cache kmalloc-128 (128 bytes)\n");
}

TEST(DoubleFree, names_the_address) {
  const Outcome outcome = run([] {
    void* p = kmalloc(100, GFP_KERNEL);
    dprintf(STDERR_FILENO, "<%016lx>", reinterpret_cast<unsigned long>(p));
    kfree(p);
    kfree(p);
  });
  ASSERT_EQ(outcome.text[0], '<');
  EXPECT_NE(outcome.text.find("double free of " + outcome.text.substr(1, 16)), std::string::npos) << outcome.text;
}

TEST(DoubleFree, after_others_is_seen_when_the_objects_go_back_to_their_slab) {
  const Outcome outcome = run([] {
    void* p = kmalloc(100, GFP_KERNEL);
    void* q = kmalloc(100, GFP_KERNEL);
    kfree(p);
    kfree(q);
    kfree(p);
    kmem::system().heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: double free of P, an object of cache kmalloc-128 (128 bytes)\n");
}

TEST(DoubleFree, of_an_object_that_is_long_back) {
  const Outcome outcome = run([] {
    void* hold = kmalloc(100, GFP_KERNEL);  // its slab stays
    void* p = kmalloc(100, GFP_KERNEL);
    kfree(p);
    kmem::system().heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
    kfree(p);
    kmem::system().heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
    kfree(hold);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: double free of P, an object of cache kmalloc-128 (128 bytes)\n");
}

TEST(DoubleFree, of_an_object_whose_slab_is_gone) {
  const Outcome outcome = run([] {
    void* p = kmalloc(5000, GFP_KERNEL);
    kfree(p);
    kmem::system().heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
    kmem::system().pages.drain();
    kfree(p);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: free of P, in a page that is free: a double free?\n");
}

TEST(DoubleFree, of_a_large_block) {
  const Outcome outcome = run([] {
    void* p = kmalloc(100'000, GFP_KERNEL);
    kfree(p);
    kfree(p);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: free of P, in a page that is free: a double free?\n");
}

TEST(DoubleFree, of_a_page) {
  const Outcome outcome = run([] {
    struct page* page = alloc_pages(GFP_KERNEL, 3);
    dprintf(STDERR_FILENO, "<%#lx>\n", page_to_pfn(page));
    __free_pages(page, 3);
    __free_pages(page, 3);
  });
  const std::string pfn = outcome.text.substr(1, outcome.text.find('>') - 1);
  EXPECT_REPORT(outcome, "kmem: BUG: __free_pages: pfn " + pfn + ", order 3: it is not allocated; a double free?\n");
}

TEST(DoubleFree, of_an_object_of_a_cache) {
  const Outcome outcome = run([] {
    kmem_cache* cache = cache_of("inodes", 600);
    void* p = kmem_cache_alloc(cache, GFP_KERNEL);
    kmem_cache_free(cache, p);
    kmem_cache_free(cache, p);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: double free of P, an object of cache inodes (600 bytes)\n");
}

// Not the start of anything ---------------------------------------------------------------------------------------------

TEST(MiddlePointer, of_an_object) {
  const Outcome outcome = run([] {
    char* p = static_cast<char*>(kmalloc(100, GFP_KERNEL));
    kfree(p + 16);
    kfree(p + 1);
    kfree(p);
  });
  EXPECT_REPORT(outcome,
                "kmem: BUG: free of P, which is not the start of an object of cache kmalloc-128\n"
                "kmem: BUG: free of P, which is not the start of an object of cache kmalloc-128\n");
}

TEST(MiddlePointer, of_a_large_block) {
  const Outcome outcome = run([] {
    char* p = static_cast<char*>(kmalloc(100'000, GFP_KERNEL));
    kfree(p + 4096);
    kfree(p + 8);
    kfree(p);
  });
  EXPECT_REPORT(outcome,
                "kmem: BUG: free of P, which is not the start of a block\n"
                "kmem: BUG: free of P, which is not the start of a block\n");
}

TEST(ForeignPointer, of_the_stack) {
  const Outcome outcome = run([] {
    int local = 0;
    kfree(kmalloc(8, GFP_KERNEL));
    kfree(&local);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: free of P, which kmem did not allocate\n");
}

TEST(ForeignPointer, of_numbers_that_are_no_addresses) {
  const Outcome outcome = run([] {
    kfree(kmalloc(8, GFP_KERNEL));
    kfree(nullptr);
    kfree(ZERO_SIZE_PTR);
    kfree(reinterpret_cast<void*>(~uintptr_t{0}));
    kfree(reinterpret_cast<void*>(uintptr_t{1} << 60));
  });
  EXPECT_REPORT(outcome,
                "kmem: BUG: free of P, which kmem did not allocate\n"
                "kmem: BUG: free of P, which kmem did not allocate\n");
}

TEST(ForeignPointer, before_anything_was_allocated) {
  const Outcome outcome = run([] {
    int local = 0;
    kfree(&local);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: free of P, which kmem did not allocate\n");
}

// Pages -----------------------------------------------------------------------------------------------------------------

TEST(Pages, freed_as_an_object) {
  const Outcome outcome = run([] {
    const unsigned long address = __get_free_pages(GFP_KERNEL, 2);
    kfree(reinterpret_cast<void*>(address));
    free_pages(address, 2);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: kfree of P, a block of pages: use free_pages\n");
}

TEST(Pages, freed_with_the_wrong_order) {
  const Outcome outcome = run([] {
    struct page* page = alloc_pages(GFP_KERNEL, 3);
    dprintf(STDERR_FILENO, "<%#lx>\n", page_to_pfn(page));
    __free_pages(page, 2);
    __free_pages(page, 3);
  });
  const std::string pfn = outcome.text.substr(1, outcome.text.find('>') - 1);
  EXPECT_REPORT(outcome,
                "kmem: BUG: __free_pages: pfn " + pfn + " was allocated with order 3 and freed with order 2; it stays\n");
}

TEST(Pages, of_a_single_page_freed_with_the_wrong_order) {
  const Outcome outcome = run([] {
    struct page* page = alloc_pages(GFP_KERNEL, 0);
    dprintf(STDERR_FILENO, "<%#lx>\n", page_to_pfn(page));
    __free_pages(page, 1);
    __free_pages(page, 0);
  });
  const std::string pfn = outcome.text.substr(1, outcome.text.find('>') - 1);
  EXPECT_REPORT(outcome,
                "kmem: BUG: __free_pages: pfn " + pfn + " was allocated with order 0 and freed with order 1; it stays\n");
}

TEST(Pages, freed_from_the_middle_of_a_block) {
  const Outcome outcome = run([] {
    struct page* page = alloc_pages(GFP_KERNEL, 3);
    dprintf(STDERR_FILENO, "<%#lx>\n", page_to_pfn(page) + 1);
    __free_pages(page + 1, 0);
    __free_pages(page, 3);
  });
  const std::string pfn = outcome.text.substr(1, outcome.text.find('>') - 1);
  EXPECT_REPORT(outcome, "kmem: BUG: __free_pages: pfn " + pfn + ", order 0: it is not allocated; a double free?\n");
}

TEST(Pages, of_a_slab_freed_as_pages) {
  const Outcome outcome = run([] {
    void* p = kmalloc(8192, GFP_KERNEL);
    dprintf(STDERR_FILENO, "<%#lx>\n", page_to_pfn(virt_to_page(p)));
    free_pages(reinterpret_cast<unsigned long>(p), 1);
    kfree(p);
  });
  const std::string pfn = outcome.text.substr(1, outcome.text.find('>') - 1);
  EXPECT_REPORT(outcome, "kmem: BUG: __free_pages: pfn " + pfn + ", order 1: it is not allocated; a double free?\n");
}

// Caches ----------------------------------------------------------------------------------------------------------------

TEST(Caches, an_object_freed_into_the_wrong_one) {
  const Outcome outcome = run([] {
    kmem_cache *inodes = cache_of("inodes", 600), *dentries = cache_of("dentries", 192);
    void* p = kmem_cache_alloc(inodes, GFP_KERNEL);
    kmem_cache_free(dentries, p);
    kmem_cache_free(inodes, p);
    if (kmem_cache_destroy(inodes) || kmem_cache_destroy(dentries)) _exit(2);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: kmem_cache_free(dentries, P): the object belongs to cache inodes; nothing was freed\n");
}

TEST(Caches, what_is_no_object_freed_into_one) {
  const Outcome outcome = run([] {
    kmem_cache* inodes = cache_of("inodes", 600);
    char* p = static_cast<char*>(kmem_cache_alloc(inodes, GFP_KERNEL));
    int local = 0;
    kmem_cache_free(inodes, p + 8);
    kmem_cache_free(inodes, &local);
    kmem_cache_free(inodes, p);
  });
  EXPECT_REPORT(outcome,
                "kmem: BUG: kmem_cache_free(inodes, P): not an object of this cache; nothing was freed\n"
                "kmem: BUG: kmem_cache_free(inodes, P): not an object of this cache; nothing was freed\n");
}

TEST(Caches, one_that_is_destroyed_with_objects_out_stays) {
  const Outcome outcome = run([] {
    kmem_cache* inodes = cache_of("inodes", 600);
    void* a = kmem_cache_alloc(inodes, GFP_KERNEL);
    void* b = kmem_cache_alloc(inodes, GFP_KERNEL);
    if (!kmem_cache_destroy(inodes)) _exit(2);
    void* c = kmem_cache_alloc(inodes, GFP_KERNEL);
    if (!c) _exit(3);
    for (void* p : {a, b, c}) kmem_cache_free(inodes, p);
    if (kmem_cache_destroy(inodes)) _exit(4);
  });
  EXPECT_REPORT(outcome, "kmem: BUG: kmem_cache_destroy(inodes): 2 objects are still allocated; the cache stays\n");
}

// And then --------------------------------------------------------------------------------------------------------------

// As the boot word panic_on_warn sets it.
TEST(PanicOnWarn, ends_the_program_at_the_first_report) {
  const Outcome outcome = run([] {
    kmem::set_panic_on_warn(true);
    void* p = kmalloc(100, GFP_KERNEL);
    kfree(p);
    kfree(p);
    _exit(0);
  });
  EXPECT_TRUE(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGABRT) << outcome.status;
  EXPECT_NE(outcome.text.find("kmem: Kernel panic - not syncing: panic_on_warn set"), std::string::npos) << outcome.text;
}

TEST(Reports, are_limited_where_the_mistake_is_in_a_loop) {
  const Outcome outcome = run([] {
    for (int i = 0; i < 1000; ++i) {
      void* p = kmalloc(100, GFP_KERNEL);
      kfree(p);
      kfree(p);
    }
  });
  size_t n = 0;
  for (size_t at = 0; (at = outcome.text.find("BUG: double free", at)) != std::string::npos; ++at) ++n;
  EXPECT_EQ(n, 10u);
  EXPECT_EQ(outcome.status, 0);
}

/// As with the boot word `hardened`, which has every free come by the slow path.
template <typename F>
Outcome run_hardened(F f) {
  return run([&] {
    kmem::system().options.hardened = true;
    kmem::set_fast_paths(kmem::kForChecks, kmem::FastPath::Closed);
    f();
  });
}

TEST(WrongFamily, kfree_of_what_malloc_gave_is_told_and_frees_it) {
  for (const size_t size : {size_t{100}, size_t{30000}, size_t{100000}, size_t{5} << 20}) {
    const Outcome outcome = run_hardened([size] {
      void* block = kmem::slow_malloc(size, kmem::Contents::Any);
      kfree(block);
      kfree(block);
    });
    EXPECT_NE(reports(outcome.text).find("kmem: BUG: kfree of P, which malloc gave: use free\n"), std::string::npos)
        << outcome.text;
    EXPECT_NE(reports(outcome.text).rfind("kmem: BUG: "), 0u) << "it was freed, so that the second time is reported too";
    EXPECT_EQ(outcome.status, 0);
  }
}

TEST(WrongFamily, free_of_what_kmalloc_or_a_cache_gave_is_told) {
  const Outcome outcome = run_hardened([] {
    kmem::slow_free(kmalloc(100, GFP_KERNEL));
    kmem::slow_free(kmalloc(100, GFP_KERNEL | GFP_DMA));
    kmem_cache* cache = (kmem_cache_create)("own", 100, 0, SLAB_NO_MERGE, nullptr);
    kmem::slow_free(kmem_cache_alloc(cache, GFP_KERNEL));
    if (kmem_cache_destroy(cache)) _exit(2);
  });
  EXPECT_EQ(reports(outcome.text),
            "kmem: BUG: free of P, which kmalloc gave: use kfree\n"
            "kmem: BUG: free of P, which kmalloc gave: use kfree\n"
            "kmem: BUG: free of P, which kmem_cache_alloc gave: use kmem_cache_free\n")
      << outcome.text;
  EXPECT_EQ(outcome.status, 0);
}

TEST(WrongFamily, what_fits_and_what_cannot_be_told_is_not_complained_of) {
  const Outcome outcome = run_hardened([] {
    for (const size_t size : {size_t{1}, size_t{100}, size_t{30000}, size_t{100000}, size_t{5} << 20})
      kmem::slow_free(kmem::slow_malloc(size, kmem::Contents::Any));
    for (const size_t size : {size_t{1}, size_t{100}, size_t{8000}, size_t{100000}}) kfree(kmalloc(size, GFP_KERNEL));
    kmem_cache* cache = (kmem_cache_create)("own", 100, 0, SLAB_NO_MERGE, nullptr);
    kfree(kmem_cache_alloc(cache, GFP_KERNEL));  // as in today's kernel
    kmem::slow_free(kmem::system().heap.malloc_aligned(20000, 8192));
  });
  EXPECT_EQ(reports(outcome.text), "");
  EXPECT_EQ(outcome.status, 0);
}

}  // namespace
