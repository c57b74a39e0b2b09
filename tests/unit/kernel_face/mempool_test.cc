// mempool_*: pools over caches, kmalloc, pages and functions of one's own.

#include <linux/mempool.h>
#include <linux/mm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
#include "unit/kernel_face/log.h"
#include "unit/kernel_face/run_again.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;
using kmem::test::run_with;

std::atomic<bool> dry{false};
std::atomic<int> nr_live{0};

void* limited(gfp_t flags, void* size) {
  if (dry) return nullptr;
  ++nr_live;
  return kmalloc(reinterpret_cast<size_t>(size), flags);
}
void* limited_2_6(int flags, void* size) { return limited(static_cast<gfp_t>(flags), size); }
void unlimited(void* element, void*) {
  --nr_live;
  kfree(element);
}
void* const k100 = reinterpret_cast<void*>(100);

class Mempools : public testing::Test {
 protected:
  void SetUp() override { dry = false, nr_live = 0; }
  void TearDown() override { EXPECT_EQ(nr_live, 0) << "elements are lost"; }
};

TEST_F(Mempools, min_nr_elements_are_allocated_at_once_and_held_back) {
  mempool_t* pool = mempool_create(7, limited, unlimited, k100);
  ASSERT_TRUE(pool);
  EXPECT_EQ(nr_live, 7);
  EXPECT_EQ(pool->min_nr, 7);
  EXPECT_EQ(pool->curr_nr, 7);
  EXPECT_EQ(pool->pool_data, k100);
  EXPECT_TRUE(mempool_initialized(pool) && mempool_is_saturated(pool));
  mempool_destroy(pool);
}

TEST_F(Mempools, both_generations_of_functions_are_taken) {
  mempool_t* pool = mempool_create(2, limited_2_6, unlimited, k100);
  void* p = mempool_alloc(pool, GFP_KERNEL);
  memset(p, 1, 100);
  mempool_free(p, pool);
  EXPECT_EQ(mempool_resize(pool, 5), 0);
  EXPECT_EQ(nr_live, 5);
  EXPECT_EQ(mempool_resize(pool, 3, GFP_KERNEL), 0);
  EXPECT_EQ(nr_live, 3);
  mempool_destroy(pool);
}

TEST_F(Mempools, the_allocator_first_then_the_reserve_then_NULL_or_a_wait) {
  mempool_t* pool = mempool_create(2, limited, unlimited, k100);
  void* fresh = mempool_alloc(pool, GFP_ATOMIC);
  EXPECT_EQ(nr_live, 3);
  dry = true;
  void* a = mempool_alloc(pool, GFP_ATOMIC);
  void* b = mempool_alloc_preallocated(pool);
  EXPECT_TRUE(a && b);
  EXPECT_EQ(mempool_alloc(pool, GFP_ATOMIC), nullptr);
  EXPECT_EQ(mempool_alloc(pool, GFP_NOWAIT), nullptr);
  EXPECT_EQ(mempool_alloc_preallocated(pool), nullptr);
  EXPECT_EQ(mempool_alloc_timeout(pool, GFP_KERNEL, 1000000), nullptr);
  std::thread other([&] {
    void* waited = mempool_alloc(pool, GFP_NOIO);
    EXPECT_TRUE(waited);
    mempool_free(waited, pool);
  });
  mempool_free(a, pool);
  other.join();
  mempool_free(b, pool);
  EXPECT_EQ(nr_live, 3) << "the reserve was filled first";
  mempool_free(fresh, pool);
  mempool_free(NULL, pool);
  EXPECT_EQ(nr_live, 2);
  mempool_destroy(pool);
}

TEST_F(Mempools, elements_out_at_destroy_are_reported_and_find_their_way_home) {
  mempool_t* pool = mempool_create(1, limited, unlimited, k100);
  void* a = mempool_alloc(pool, GFP_KERNEL);
  void* b = mempool_alloc(pool, GFP_KERNEL);
  const std::string log = log_of([&] { mempool_destroy(pool); });
  EXPECT_TRUE(mentions(log, "2 elements of the mempool are still allocated")) << log;
  EXPECT_EQ(log_of([&] {
              mempool_free(a, pool);
              mempool_free(b, pool);
            }),
            "");
}

TEST_F(Mempools, a_pool_of_one_s_own_memory_is_begun_and_ended) {
  mempool_t pool;
  memset(&pool, 0, sizeof pool);
  EXPECT_FALSE(mempool_initialized(&pool));
  mempool_exit(&pool);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(mempool_init(&pool, 4, limited, unlimited, k100), 0);
    EXPECT_TRUE(mempool_initialized(&pool));
    mempool_free(mempool_alloc(&pool, GFP_KERNEL), &pool);
    mempool_exit(&pool);
    mempool_exit(&pool);
  }
  dry = true;
  EXPECT_NE(mempool_init(&pool, 4, limited, unlimited, k100), 0);
  EXPECT_EQ(mempool_create(4, limited, unlimited, k100), nullptr);
}

TEST_F(Mempools, overfilling_is_reported_and_nothing_is_kept) {
  mempool_t* pool = mempool_create(2, limited, unlimited, k100);
  dry = true;
  void* a = mempool_alloc(pool, GFP_KERNEL);
  void* b = mempool_alloc(pool, GFP_KERNEL);
  mempool_free(a, pool);
  EXPECT_TRUE(mentions(log_of([&] { mempool_free(a, pool); }), "mempool overfilled"));
  EXPECT_EQ(pool->curr_nr, 1);
  mempool_free(b, pool);
  EXPECT_TRUE(mentions(log_of([&] { mempool_free(b, pool); }), "mempool overfilled"));
  mempool_destroy(pool);
}

TEST_F(Mempools, what_has_no_meaning_is_refused_with_a_report) {
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(mempool_create(-1, limited, unlimited, k100), nullptr); }), "mempool_init"));
  mempool_t* pool = mempool_create(1, limited, unlimited, k100);
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_NE(mempool_resize(pool, 0), 0); }), "mempool_resize"));
  EXPECT_TRUE(mentions(log_of([&] { mempool_free(mempool_alloc(pool, GFP_KERNEL | __GFP_ZERO), pool); }), "__GFP_ZERO"));
  mempool_destroy(pool);
  mempool_t zero = {};
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(mempool_alloc(&zero, GFP_KERNEL), nullptr); }), "not a mempool"));
  EXPECT_EQ(log_of([] { mempool_destroy(NULL); }), "");
}

TEST_F(Mempools, over_a_cache_over_kmalloc_and_over_pages) {
  kmem_cache_t* cache = kmem_cache_create("pooled", 200, 0, SLAB_NO_MERGE, NULL);
  mempool_t* slabs = mempool_create_slab_pool(4, cache);
  mempool_t* blocks = mempool_create_kmalloc_pool(4, 300);
  mempool_t* pages = mempool_create_page_pool(4, 2);
  ASSERT_TRUE(slabs && blocks && pages);
  void* object = mempool_alloc(slabs, GFP_KERNEL);
  memset(object, 1, 200);
  void* block = mempool_alloc(blocks, GFP_KERNEL);
  EXPECT_GE(ksize(block), 300u);
  auto* page = static_cast<struct page*>(mempool_alloc(pages, GFP_KERNEL));
  memset(page_address(page), 1, PAGE_SIZE << 2);
  EXPECT_TRUE(mentions(log_of([&] { kmem_cache_destroy(cache); }), "pooled")) << "the pool holds its objects";
  mempool_free(object, slabs);
  mempool_free(block, blocks);
  mempool_free(page, pages);
  mempool_t embedded[3];
  EXPECT_EQ(mempool_init_slab_pool(&embedded[0], 2, cache), 0);
  EXPECT_EQ(mempool_init_kmalloc_pool(&embedded[1], 2, 64), 0);
  EXPECT_EQ(mempool_init_page_pool(&embedded[2], 2, 0), 0);
  for (mempool_t& pool : embedded) mempool_exit(&pool);
  for (mempool_t* pool : {slabs, blocks, pages}) mempool_destroy(pool);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Mempools, over_kvmalloc_with_elements_too_large_for_frames_in_a_row) {
  for (const size_t size : {size_t{100}, size_t{100000}, size_t{5} << 20}) {
    mempool_t* pool = mempool_create_kvmalloc_pool(2, size);
    ASSERT_TRUE(pool) << size;
    void* elements[3];
    for (void*& element : elements) {
      element = mempool_alloc(pool, GFP_KERNEL);
      ASSERT_TRUE(element);
      memset(element, 1, size);
    }
    EXPECT_EQ(std::set<void*>(elements, elements + 3).size(), 3u);
    for (void* element : elements) mempool_free(element, pool);
    EXPECT_EQ(pool->curr_nr, 2);
    mempool_destroy(pool);
  }
  mempool_t embedded;
  EXPECT_EQ(mempool_init_kvmalloc_pool(&embedded, 1, 20000), 0);
  mempool_exit(&embedded);
}

// What lies in line for a pool over a cache, and where it gives way.
TEST_F(Mempools, over_a_cache_one_element_too_many_is_reported_at_once_from_wherever_it_comes) {
  kmem_cache_t* cache = kmem_cache_create("pooled", 64, 0, SLAB_NO_MERGE, NULL);
  mempool_t* pool = mempool_create_slab_pool(2, cache);
  void* mine = mempool_alloc(pool, GFP_KERNEL);
  void* other = kmem_cache_alloc(cache, GFP_KERNEL);
  mempool_free(mine, pool);
  EXPECT_TRUE(mentions(log_of([&] { mempool_free(mine, pool); }), "mempool overfilled"));
  EXPECT_TRUE(mentions(log_of([&] { mempool_free(other, pool); }), "which has none allocated"));
  kmem_cache_free(cache, other);
  void* wrong = kmalloc(64, GFP_KERNEL);
  mine = mempool_alloc(pool, GFP_KERNEL);
  EXPECT_TRUE(mentions(log_of([&] { mempool_free(wrong, pool); }), "belongs to cache kmalloc-64"));
  kfree(wrong);
  // The wrong one was counted for mine, as it is of any pool.
  EXPECT_EQ(log_of([&] { mempool_destroy(pool); }), "");
  kmem_cache_free(cache, mine);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Mempools, over_a_cache_a_free_fills_the_reserve_first) {
  kmem_cache_t* cache = kmem_cache_create("pooled", 64, 0, SLAB_NO_MERGE, NULL);
  mempool_t* pool = mempool_create_slab_pool(2, cache);
  void* held[2] = {mempool_alloc_preallocated(pool), mempool_alloc_preallocated(pool)};
  ASSERT_TRUE(held[0] && held[1]);
  EXPECT_EQ(pool->curr_nr, 0);
  void* third = mempool_alloc(pool, GFP_KERNEL);
  mempool_free(third, pool);
  EXPECT_EQ(pool->curr_nr, 1);
  mempool_free(held[0], pool);
  EXPECT_EQ(pool->curr_nr, 2);
  mempool_free(held[1], pool);
  EXPECT_EQ(pool->curr_nr, 2);
  EXPECT_EQ(log_of([&] { mempool_destroy(pool); }), "");
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Mempools, over_a_cache_threads_lose_and_double_nothing) {
  kmem_cache_t* cache = kmem_cache_create("pooled", 64, 0, SLAB_NO_MERGE, NULL);
  mempool_t* pool = mempool_create_slab_pool(3, cache);
  std::atomic<bool> wrong{false};
  std::vector<std::thread> threads;
  for (size_t t = 1; t <= 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        size_t* taken[9];
        for (size_t*& element : taken) *(element = static_cast<size_t*>(mempool_alloc(pool, GFP_KERNEL))) = t;
        for (size_t* element : taken) {
          if (*element != t) wrong = true;
          mempool_free(element, pool);
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(wrong);
  EXPECT_EQ(pool->curr_nr, 3);
  EXPECT_EQ(log_of([&] { mempool_destroy(pool); }), "") << "elements are lost";
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Mempools, a_large_pool_grows_and_shrinks) {
  mempool_t* pool = mempool_create_kmalloc_pool(1, 16);
  EXPECT_EQ(mempool_resize(pool, 5000), 0);
  EXPECT_EQ(pool->curr_nr, 5000);
  std::set<void*> taken;
  while (void* p = mempool_alloc_preallocated(pool)) EXPECT_TRUE(taken.insert(p).second);
  EXPECT_EQ(taken.size(), 5000u);
  for (void* p : taken) mempool_free(p, pool);
  EXPECT_EQ(mempool_resize(pool, 2), 0);
  EXPECT_EQ(pool->curr_nr, 2);
  mempool_destroy(pool);
}

TEST_F(Mempools, DISABLED_write_to_an_element_that_is_held_back) {
  dry = false;
  kmem_cache_t* cache = kmem_cache_create("pooled", 64, 0, SLAB_NO_MERGE, NULL);
  mempool_t* pools[] = {mempool_create_slab_pool(1, cache), mempool_create_kmalloc_pool(1, 64), mempool_create_page_pool(1, 0)};
  for (mempool_t* pool : pools) {
    auto* p = static_cast<unsigned char*>(mempool_alloc_preallocated(pool));
    auto* memory = pool == pools[2] ? static_cast<unsigned char*>(page_address(reinterpret_cast<struct page*>(p))) : p;
    const size_t bytes = pool == pools[2] ? PAGE_SIZE : 64;
    EXPECT_EQ(memory[0], 0x6b);
    EXPECT_EQ(memory[bytes - 1], 0xa5);
    memset(memory, 0, bytes);
    mempool_free(p, pool);
    memory[20] = 0x42;
    EXPECT_EQ(mempool_alloc_preallocated(pool), p);
    mempool_free(p, pool);
  }
  for (mempool_t* pool : pools) mempool_destroy(pool);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

TEST_F(Mempools, with_poison_a_write_to_an_element_that_is_held_back_is_reported) {
  const std::string text = run_with("slub_debug=P,mempool", "Mempools.DISABLED_write_to_an_element_that_is_held_back");
  EXPECT_TRUE(mentions(text, "[  PASSED  ] 1 test")) << text;
  size_t n = 0;
  for (size_t at = 0; (at = text.find("mempool element poison mismatch", at)) != text.npos; ++at) ++n;
  EXPECT_EQ(n, 3u) << text;
  EXPECT_TRUE(mentions(text, "size 64")) << text;
  EXPECT_TRUE(mentions(text, "... 0x6b 6b 6b 6b 6b 6b 6b 6b 42 6b")) << text;
}

// Others wait while the program forks: in the child there are none, and the pool is sound.
TEST_F(Mempools, in_a_forked_child_nobody_waits_and_the_reserve_is_whole) {
#ifdef KMEM_TSAN
  GTEST_SKIP() << "ThreadSanitizer knows no threads in the child of a program with threads";
#endif
  mempool_t* pool = mempool_create(1, limited, unlimited, k100);
  dry = true;
  void* only = mempool_alloc(pool, GFP_KERNEL);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { mempool_free(mempool_alloc(pool, GFP_KERNEL), pool); });
  usleep(20000);
  const pid_t child = fork();
  if (!child) {
    mempool_free(only, pool);
    void* p = mempool_alloc(pool, GFP_ATOMIC);  // nobody is before us
    if (!p) _exit(1);
    if (mempool_alloc(pool, GFP_ATOMIC)) _exit(2);
    std::thread waiter([&] { mempool_free(mempool_alloc(pool, GFP_KERNEL), pool); });
    usleep(10000);
    mempool_free(p, pool);
    waiter.join();
    _exit(pool->curr_nr == 1 ? 0 : 3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  mempool_free(only, pool);
  for (auto& thread : threads) thread.join();
  mempool_destroy(pool);
}

}  // namespace
