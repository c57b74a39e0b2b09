#pragma once
// Every kind of allocation that kmem has, used by code that copes with failure and looks at each byte.

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cstring>

#include "system/system.h"

// Whose macros bear names of the core's.
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

namespace kmem::fail_nth {

/// Failures are meant, so nothing is said of them.
constexpr gfp_t kQuiet = GFP_KERNEL | __GFP_NOWARN;

// What a child tells -------------------------------------------------------------------------------------------------

struct Told {
  uint64_t nr_points;
  uint64_t nr_failed;
  uint32_t first_point;
  char what[512];  // is wrong; empty: nothing
};
inline Told* told;

inline void complain(const char* format, ...) __attribute__((format(printf, 1, 2)));
inline void complain(const char* format, ...) {
  if (told->what[0]) return;
  va_list list;
  va_start(list, format);
  vsnprintf(told->what, sizeof told->what, format, list);
  va_end(list);
}

/// While true, nothing may fail.
inline bool must_succeed;

/// Looks at an answer: null is one, while points may fail.
template <typename T>
T* got(T* p, const char* call) {
  if (!p && must_succeed) complain("%s fails though nothing is injected any more", call);
  return p;
}

// Contents -----------------------------------------------------------------------------------------------------------

inline void fill(void* p, size_t bytes, unsigned seed) {
  auto* at = static_cast<unsigned char*>(p);
  for (size_t i = 0; i<bytes; i += bytes> 4096 ? 509 : 1) at[i] = static_cast<unsigned char>(seed + i * 7);
}

inline void expect_filled(const void* p, size_t bytes, unsigned seed, const char* who) {
  auto* at = static_cast<const unsigned char*>(p);
  for (size_t i = 0; i<bytes; i += bytes> 4096 ? 509 : 1)
    if (at[i] != static_cast<unsigned char>(seed + i * 7)) return complain("%s: byte %zu of %zu was changed", who, i, bytes);
}

inline void expect_zero(const void* p, size_t bytes, const char* who) {
  auto* at = static_cast<const unsigned char*>(p);
  for (size_t i = 0; i < bytes; ++i)
    if (at[i]) return complain("%s: byte %zu of %zu is not zero", who, i, bytes);
}

/// Blocks that are held at the same time, each with a pattern of its own.
template <size_t N>
struct Held {
  void* block[N] = {};
  size_t bytes[N] = {};
  void put(size_t i, void* p, size_t n) {
    block[i] = p;
    bytes[i] = n;
    if (p) fill(p, n, static_cast<unsigned>(i));
  }
  void check(const char* who) const {
    for (size_t i = 0; i < N; ++i)
      if (block[i]) expect_filled(block[i], bytes[i], static_cast<unsigned>(i), who);
  }
};

// The scenario -------------------------------------------------------------------------------------------------------

constexpr size_t kSizes[] = {8, 100, 500, 1000, 3000, 5000, 8192, 9000, 40000, 131072, 300000, 1 << 20, 4 << 20};
constexpr size_t kNrSizes = sizeof kSizes / sizeof *kSizes;

inline void blocks_of_every_size() {
  constexpr gfp_t kFlags[] = {kQuiet, GFP_ATOMIC | __GFP_NOWARN, GFP_NOWAIT, GFP_NOIO | __GFP_NOWARN | __GFP_NORETRY};
  for (const gfp_t flags : kFlags) {
    Held<kNrSizes> held;
    for (size_t i = 0; i < kNrSizes; ++i) held.put(i, got(kmalloc(kSizes[i], flags), "kmalloc"), kSizes[i]);
    held.check("kmalloc");
    for (void* p : held.block) kfree(p);
  }
  for (const size_t size : kSizes) {
    void* p = got(kzalloc(size, kQuiet), "kzalloc");
    if (p) expect_zero(p, size, "kzalloc");
    if (p) fill(p, size, 1);
    kfree(p);
  }
}

inline void many_small_blocks() {
  static Held<200> held;
  held = {};
  for (size_t i = 0; i < 200; ++i) held.put(i, got(kmalloc(96, kQuiet), "kmalloc"), 96);
  held.check("kmalloc(96)");
  for (void* p : held.block) kfree(p);
}

inline void blocks_that_must_not_fail() {
  for (const size_t size : {64u, 3000u, 20000u}) {
    void* p = kmalloc(size, GFP_KERNEL | __GFP_NOFAIL);
    if (!p) complain("kmalloc(%zu, __GFP_NOFAIL) fails", size);
    if (p) fill(p, size, 3);
    kfree(p);
  }
}

inline void blocks_that_grow() {
  for (size_t size = 16; size < 400000; size *= 3) {
    void* p = got(kmalloc(size, kQuiet), "kmalloc");
    if (!p) continue;
    fill(p, size, 5);
    void* grown = got(krealloc(p, size * 3, kQuiet), "krealloc");
    expect_filled(grown ? grown : p, size, 5, "krealloc");
    kfree(grown ? grown : p);
  }
}

inline void blocks_for_devices() {
  for (const size_t size : {32u, 700u, 20000u}) {
    void* p = got(kmalloc(size, kQuiet | GFP_DMA), "kmalloc(GFP_DMA)");
    if (p && virt_to_phys(p) + size > 16u << 20) complain("kmalloc(GFP_DMA) lies too high");
    kfree(p);
  }
}

inline void strings() {
  char* text = got(kstrdup("a text", kQuiet), "kstrdup");
  if (text && strcmp(text, "a text") != 0) complain("kstrdup changed the text");
  char* printed = got(kasprintf(kQuiet, "%d %s", 42, "things"), "kasprintf");
  if (printed && strcmp(printed, "42 things") != 0) complain("kasprintf printed %s", printed);
  void* copy = got(kmemdup("0123456789", 10, kQuiet), "kmemdup");
  if (copy && memcmp(copy, "0123456789", 10) != 0) complain("kmemdup changed the bytes");
  kfree(text);
  kfree(printed);
  kfree(copy);
}

struct Thing {
  long magic;
  char bytes[120];
};
inline long nr_constructed, nr_destroyed;
inline void construct(void* p, kmem_cache_t*, unsigned long flags) {
  if (flags & SLAB_CTOR_CONSTRUCTOR) static_cast<Thing*>(p)->magic = 4711, ++nr_constructed;
  else ++nr_destroyed;
}

inline void use_cache(struct kmem_cache* cache, bool constructed) {
  constexpr int kMany = 90;
  static void* things[kMany];
  for (void*& p : things) {
    p = got(kmem_cache_alloc(cache, kQuiet), "kmem_cache_alloc");
    if (p && constructed && static_cast<Thing*>(p)->magic != 4711) complain("an object lost its constructed state");
    if (p) memset(static_cast<Thing*>(p)->bytes, 1, sizeof Thing::bytes);
  }
  for (void* p : things) kmem_cache_free(cache, p);
  if (kmem_cache_alloc_bulk(cache, kQuiet, kMany, things)) kmem_cache_free_bulk(cache, kMany, things);
  else if (must_succeed) complain("kmem_cache_alloc_bulk fails");
}

inline void caches() {
  struct kmem_cache* plain = got((kmem_cache_create)("plain", sizeof(Thing), 0, SLAB_NO_MERGE, nullptr), "kmem_cache_create");
  if (plain) use_cache(plain, false);
  if (plain && kmem_cache_destroy(plain)) complain("a cache without objects cannot be destroyed");

  nr_constructed = nr_destroyed = 0;
  struct kmem_cache* made =
      got(kmem_cache_create_2_6("made", sizeof(Thing), 0, SLAB_HWCACHE_ALIGN, construct, construct), "kmem_cache_create_2_6");
  if (made) use_cache(made, true);
  struct kmem_cache_args args = {};
  args.align = 32;
  args.sheaf_capacity = 5;
  struct kmem_cache* today = got(__kmem_cache_create_args("today", sizeof(Thing), &args, 0), "__kmem_cache_create_args");
  if (today) use_cache(today, false);
  if (today && kmem_cache_destroy(today)) complain("a cache without objects cannot be destroyed");
  if (made) kmem_cache_shrink(made);
  if (made && kmem_cache_destroy(made)) complain("a cache without objects cannot be destroyed");
  if (nr_constructed != nr_destroyed) complain("%ld objects constructed, %ld destroyed", nr_constructed, nr_destroyed);
}

inline void pages() {
  struct page* held[MAX_ORDER + 1];
  for (unsigned order = 0; order <= MAX_ORDER; ++order) {
    held[order] = got(alloc_pages(kQuiet, order), "alloc_pages");
    if (held[order]) fill(page_address(held[order]), PAGE_SIZE << order, order);
  }
  for (unsigned order = 0; order <= MAX_ORDER; ++order) {
    if (held[order]) expect_filled(page_address(held[order]), PAGE_SIZE << order, order, "alloc_pages");
    if (held[order]) __free_pages(held[order], order);
  }
  for (int i = 0; i < 4; ++i) {
    const unsigned long page = get_zeroed_page(kQuiet);
    if (!got(reinterpret_cast<void*>(page), "get_zeroed_page")) continue;
    expect_zero(reinterpret_cast<void*>(page), PAGE_SIZE, "get_zeroed_page");
    fill(reinterpret_cast<void*>(page), PAGE_SIZE, 9);
    free_page(page);
  }
  void* exact = got(alloc_pages_exact(5 * PAGE_SIZE, kQuiet), "alloc_pages_exact");
  if (exact) free_pages_exact(exact, 5 * PAGE_SIZE);
}

inline void many_pages() {
  static struct page* some[150];
  memset(some, 0, sizeof some);
  const unsigned long n = alloc_pages_bulk(kQuiet, 150, some);
  if (must_succeed && n != 150) complain("alloc_pages_bulk gives %lu pages of 150", n);
  for (struct page* page : some)
    if (page) __free_page(page);
}

/// So much that what is free again goes back to the host, which may refuse it.
inline void a_flood_of_pages() {
  constexpr unsigned kOrder = 4, kMany = 192;
  static struct page* flood[kMany];
  for (unsigned i = 0; i < kMany; ++i) {
    flood[i] = got(alloc_pages(kQuiet | __GFP_ZERO, kOrder), "alloc_pages");
    if (flood[i]) memset(page_address(flood[i]), 0xee, PAGE_SIZE << kOrder);
  }
  for (struct page* page : flood)
    if (page) __free_pages(page, kOrder);
  kmem::system().pages.trim();
  for (int i = 0; i < 16; ++i) {
    struct page* page = got(alloc_pages(kQuiet | __GFP_ZERO, 6), "alloc_pages");
    if (page) expect_zero(page_address(page), PAGE_SIZE << 6, "alloc_pages(__GFP_ZERO)");
    if (page) __free_pages(page, 6);
  }
}

inline void give(void* p) {
  if (p && !slow_free(p)) complain("malloc's block %p cannot be freed", p);
}

inline void the_malloc_family() {
  Heap& heap = kmem::system().heap;
  constexpr size_t kMore[] = {1, 24, 200, 4000, 20000, 200000, 3 << 20, 5 << 20};
  for (const size_t size : kMore) {
    void* p = got(slow_malloc(size, Contents::Any), "malloc");
    if (!p) continue;
    fill(p, size, 11);
    for (const size_t other : {size * 2, size / 2 + 1, size * 5}) {
      void* moved = got(heap.realloc(p, other), "realloc");
      expect_filled(moved ? moved : p, other < size ? 1 : 1, 11, "realloc");
      if (moved) fill(p = moved, other < size ? other : size, 11);
    }
    give(p);
    p = got(slow_malloc(size, Contents::Zero), "calloc");
    if (p) expect_zero(p, size, "calloc");
    give(p);
  }
  for (size_t align = 32; align <= 8u << 20; align *= 4) {
    void* p = got(heap.malloc_aligned(1000, align), "aligned_alloc");
    if (reinterpret_cast<uint64_t>(p) % align) complain("aligned_alloc(%zu) gives %p", align, p);
    give(p);
  }
}

inline void use_pool(mempool_t* pool, size_t bytes) {
  void* held[4];
  for (void*& p : held) {
    p = mempool_alloc(pool, GFP_KERNEL);
    if (!p) complain("mempool_alloc(GFP_KERNEL) fails with elements held back");
    if (p && bytes) fill(p, bytes, 13);
  }
  void* more = mempool_alloc(pool, GFP_NOWAIT);
  for (void* p : held) {
    if (p && bytes) expect_filled(p, bytes, 13, "mempool_alloc");
    mempool_free(p, pool);
  }
  mempool_free(more, pool);
  if (mempool_resize(pool, 8) && must_succeed) complain("mempool_resize fails");
  mempool_resize(pool, 2);
  mempool_destroy(pool);
}

inline void pools() {
  mempool_t* blocks = got(mempool_create_kmalloc_pool(4, 200), "mempool_create");
  if (blocks) use_pool(blocks, 200);
  mempool_t* some_pages = got(mempool_create_page_pool(4, 1), "mempool_create");
  if (some_pages) use_pool(some_pages, 0);
  struct kmem_cache* cache = got((kmem_cache_create)("pooled", 300, 0, SLAB_NO_MERGE, nullptr), "kmem_cache_create");
  if (!cache) return;
  mempool_t* objects = got(mempool_create_slab_pool(4, cache), "mempool_create");
  if (objects) use_pool(objects, 300);
  if (kmem_cache_destroy(cache)) complain("a cache without objects cannot be destroyed");
}

inline void use_window(void* p, size_t bytes) {
  if (!p) return;
  fill(p, bytes, 17);
  expect_filled(p, bytes, 17, "vmalloc");
}

inline void the_window() {
  constexpr size_t kBytes[] = {100, 3 * PAGE_SIZE, 60 * PAGE_SIZE, 700 * PAGE_SIZE};
  void* held[4];
  for (int i = 0; i < 4; ++i) use_window(held[i] = got(vmalloc(kBytes[i]), "vmalloc"), kBytes[i]);
  for (void* p : held) vfree(p);
  void* zero = got(vzalloc(5 * PAGE_SIZE), "vzalloc");
  if (zero) expect_zero(zero, 5 * PAGE_SIZE, "vzalloc");
  void* longer = zero ? got(vrealloc(zero, 20 * PAGE_SIZE, GFP_KERNEL), "vrealloc") : nullptr;
  vfree(longer ? longer : zero);
  void* either = got(kvmalloc(200000, kQuiet), "kvmalloc");
  use_window(either, 200000);
  kvfree(either);
  vm_unmap_aliases();
}

struct Each {
  long count;
  char text[40];
};

inline void per_cpu_variables() {
  Each __percpu* held[40];
  for (auto& each : held) {
    each = got(alloc_percpu(Each), "alloc_percpu");
    if (!each) continue;
    for (unsigned cpu = 0; cpu < nr_cpu_ids; ++cpu) {
      expect_zero(per_cpu_ptr(each, cpu), sizeof(Each), "alloc_percpu");
      per_cpu_ptr(each, cpu)->count = cpu;
    }
  }
  for (auto& each : held) free_percpu(each);
}

inline void boot_memory() {
  void* p = got(memblock_alloc(3 * PAGE_SIZE, PAGE_SIZE), "memblock_alloc");
  if (p) expect_zero(p, 3 * PAGE_SIZE, "memblock_alloc");
  if (p) memblock_free(p, 3 * PAGE_SIZE);
}

inline void scenario() {
  blocks_of_every_size();
  many_small_blocks();
  blocks_that_must_not_fail();
  blocks_that_grow();
  blocks_for_devices();
  strings();
  caches();
  pages();
  many_pages();
  a_flood_of_pages();
  the_malloc_family();
  pools();
  the_window();
  per_cpu_variables();
  boot_memory();
}

}  // namespace kmem::fail_nth
