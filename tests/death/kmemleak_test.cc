// Lost memory: what is found, what is not taken for lost, and the words of the reports.

#include <gtest/gtest.h>
#include <kmem/leaks.h>
#include <linux/gfp.h>
#include <linux/kmemleak.h>
#include <linux/slab.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "death/in_child.h"
#include "system/system.h"

namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KMEM_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KMEM_SANITIZED 1
#endif

class Kmemleak : public testing::Test {
 protected:
  void SetUp() override {
#ifdef KMEM_SANITIZED
    GTEST_SKIP() << "a sanitizer's copies of stack frames keep every block known";
#endif
  }
};

using kmem::test::Outcome;

template <typename F>
Outcome run(F f) {
  return kmem::test::run_in_child([&] {
    f();
    return 0;
  });
}

/// Where a test keeps what it has not lost.
void* volatile kept[4];
/// An address that no search takes for one.
struct Disguised {
  explicit Disguised(const void* p) : value(~reinterpret_cast<uintptr_t>(p)) {}
  void* get() const { return reinterpret_cast<void*>(~value); }
  uintptr_t value;
};

/// What calls leave behind on the stack is wiped, so that it keeps nothing known.
[[gnu::noinline]] void wipe_stack() {
  volatile char bytes[16384];
  for (volatile char& byte : bytes) byte = 0;
}

/// Calls f with a block's address, which is not left behind in a register.
template <typename F>
[[gnu::noinline]] void with(const Disguised& block, F f) {
  f(block.get());
  wipe_stack();
}

/// kmalloc()s in a frame of their own.
template <typename F>
[[gnu::noinline]] auto apart(F f) {
  auto result = f();
  wipe_stack();
  return result;
}

[[gnu::noinline]] Disguised lost(size_t size) {
  return apart([size] { return Disguised(memset(kmalloc(size, GFP_KERNEL), 'l', size)); });
}

size_t leaked_blocks() {
  kmem_leak_totals totals;
  if (kmem_leak_scan(-1, &totals)) _exit(9);
  return totals.leaked_blocks;
}

#define EXPECT_GOOD(outcome) EXPECT_EQ((outcome).status, 0) << (outcome).text
/// In the child; the line tells where.
#define REQUIRE(condition)                                           \
  do                                                                 \
    if (!(condition)) {                                              \
      dprintf(STDERR_FILENO, "line %d: %s\n", __LINE__, #condition); \
      _exit(1);                                                      \
    }                                                                \
  while (false)

TEST_F(Kmemleak, a_block_without_a_pointer_is_found) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    const Disguised block = lost(100);
    REQUIRE(leaked_blocks() == before + 1);
    kfree(block.get());
    REQUIRE(leaked_blocks() == before);
  }));
}

TEST_F(Kmemleak, the_report_has_the_kernels_form) {
  const Outcome outcome = run([] {
    const Disguised block = lost(40);
    dprintf(STDERR_FILENO, "<%016lx>\n", ~block.value);
    kmem_leak_scan(STDERR_FILENO, nullptr);
  });
  const std::string address = outcome.text.substr(1, 16);
  EXPECT_NE(outcome.text.find("unreferenced object 0x" + address +
                              " (size 64):\n"
                              "  comm \"death.kmemleak\"\n"
                              "  hex dump (first 32 bytes):\n"
                              "    6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c  llllllllllllllll\n"
                              "    6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c 6c  llllllllllllllll\n"),
            std::string::npos)
      << outcome.text;
}

[[gnu::noinline]] Disguised careless(kmem_cache* cache) {
  return apart([cache] { return Disguised(kmem_cache_alloc(cache, GFP_KERNEL)); });
}

TEST_F(Kmemleak, where_owners_are_noted_it_tells_who_allocated) {
  const Outcome outcome = run([] {
    kmem_cache* cache = kmem_cache_create("owned", 48, 0, SLAB_STORE_USER, nullptr);
    const Disguised block = careless(cache);
    kmem_leak_scan(STDERR_FILENO, nullptr);
    kmem_cache_free(cache, block.get());
  });
  EXPECT_NE(outcome.text.find("pid "), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find(", jiffies "), std::string::npos);
  EXPECT_NE(outcome.text.find("(age 0."), std::string::npos);
  const size_t trace = outcome.text.find("  backtrace:\n    [<");
  ASSERT_NE(trace, std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("careless", trace), std::string::npos) << outcome.text;
}

TEST_F(Kmemleak, blocks_of_one_place_are_told_together) {
  const Outcome outcome = run([] {
    kmem_cache* cache = kmem_cache_create("owned", 48, 0, SLAB_STORE_USER, nullptr);
    for (int i = 0; i < 5; ++i) careless(cache);
    kmem_leak_summary(STDERR_FILENO, nullptr);
  });
  EXPECT_NE(outcome.text.find("5 unreferenced objects, 240 bytes, of cache owned\n"), std::string::npos) << outcome.text;
}

TEST_F(Kmemleak, a_pointer_in_data_on_the_stack_or_in_the_heap_keeps_a_block_known) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    kept[0] = kmalloc(64, GFP_KERNEL);
    void* volatile on_stack = kmalloc(64, GFP_KERNEL);
    const auto in_heap = std::make_unique<void* volatile>(kmalloc(64, GFP_KERNEL));
    auto* mapped =
        static_cast<void* volatile*>(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mapped[1000] = kmalloc(64, GFP_KERNEL);
    auto* shared =
        static_cast<void* volatile*>(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    shared[1000] = kmalloc(64, GFP_KERNEL);
    wipe_stack();
    REQUIRE(leaked_blocks() == before);
    kept[0] = nullptr;
    REQUIRE(leaked_blocks() == before + 1);
    mapped[1000] = nullptr;
    shared[1000] = nullptr;
    REQUIRE(leaked_blocks() == before + 3);
    REQUIRE(on_stack && *in_heap);
  }));
}

TEST_F(Kmemleak, a_pointer_into_the_middle_will_do) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    kept[0] = apart([] { return static_cast<char*>(kmalloc(192, GFP_KERNEL)) + 191; });
    kept[1] = apart([] { return static_cast<char*>(kmalloc(100000, GFP_KERNEL)) + 99999; });
    REQUIRE(leaked_blocks() == before);
    kept[0] = nullptr;
    kept[1] = nullptr;
    REQUIRE(leaked_blocks() == before + 2);
  }));
}

struct Link {
  Link* next;
  char more[80];
};

TEST_F(Kmemleak, what_a_known_block_points_to_is_known) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    kept[0] = apart([] {
      Link* list = nullptr;
      for (int i = 0; i < 500; ++i) {
        auto* link = static_cast<Link*>(kzalloc(sizeof(Link), GFP_KERNEL));
        link->next = list;
        list = link;
      }
      return list;
    });
    REQUIRE(leaked_blocks() == before);
    kept[0] = nullptr;
    REQUIRE(leaked_blocks() == before + 500);
  }));
}

TEST_F(Kmemleak, pages_keep_known_what_lies_in_them) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    const unsigned long pages = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
    *reinterpret_cast<void* volatile*>(pages + 12000) = kmalloc(64, GFP_KERNEL);
    wipe_stack();
    REQUIRE(leaked_blocks() == before);
    free_pages(pages, 2);
    REQUIRE(leaked_blocks() == before + 1);
  }));
}

TEST_F(Kmemleak, freed_objects_in_sheaves_and_barns_are_not_lost) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    static void* objects[3000];
    for (void*& p : objects) p = kmalloc(64, GFP_KERNEL);
    for (void*& p : objects) kfree(p), p = nullptr;
    wipe_stack();
    kmem_leak_totals totals;
    kmem_leak_scan(-1, &totals);
    REQUIRE(totals.leaked_blocks == before);
  }));
}

TEST_F(Kmemleak, another_threads_stack_keeps_a_block_known) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    std::atomic<int> step = 0;
    std::thread other([&] {
      void* volatile mine = kmalloc(64, GFP_KERNEL);
      step = 1;
      while (step != 2) usleep(100);
      kfree(mine);
    });
    while (step != 1) usleep(100);
    REQUIRE(leaked_blocks() == before);
    step = 2;
    other.join();
  }));
}

[[gnu::noinline]] void let_know(const Disguised& one, const Disguised& of) {
  *static_cast<void**>(one.get()) = of.get();
  wipe_stack();
}

TEST_F(Kmemleak, what_the_program_says_counts) {
  EXPECT_GOOD(run([] {
    kmem::system().options.kmemleak = true;
    const size_t before = leaked_blocks();
    const Disguised first = lost(64), second = lost(64), third = lost(64);
    let_know(first, second);
    REQUIRE(leaked_blocks() == before + 3);
    with(first, kmemleak_not_leak);  // nor what it points to
    wipe_stack();
    REQUIRE(leaked_blocks() == before + 1);
    with(third, kmemleak_ignore);
    wipe_stack();
    REQUIRE(leaked_blocks() == before);
    with(first, kmemleak_no_scan);
    wipe_stack();
    REQUIRE(leaked_blocks() == before + 1);
    with(first, [](void* p) { kmemleak_scan_area(p, 8, GFP_KERNEL); });
    wipe_stack();
    REQUIRE(leaked_blocks() == before);
    with(first, kmemleak_free);
    with(third, kmemleak_free);
    wipe_stack();
    REQUIRE(leaked_blocks() == before + 3);
  }));
}

TEST_F(Kmemleak, what_is_said_of_a_block_ends_with_it) {
  EXPECT_GOOD(run([] {
    kmem::system().options.kmemleak = true;
    kmem_cache* cache = kmem_cache_create("owned", 48, 0, SLAB_STORE_USER, nullptr);
    const Disguised block = careless(cache);
    with(block, kmemleak_not_leak);
    wipe_stack();
    const size_t before = leaked_blocks();
    kmem_cache_free(cache, block.get());
    for (int tries = 0; tries < 1000; ++tries) {
      const Disguised again = careless(cache);
      if (again.value != block.value) continue;
      wipe_stack();
      REQUIRE(leaked_blocks() == before + static_cast<size_t>(tries) + 1);
      return;
    }
  }));
}

TEST_F(Kmemleak, a_block_of_the_programs_own_is_looked_for_too) {
  EXPECT_GOOD(run([] {
    kmem::system().options.kmemleak = true;
    const size_t before = leaked_blocks();
    const Disguised area(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    let_know(area, lost(64));
    REQUIRE(leaked_blocks() == before);
    with(area, [](void* p) { kmemleak_alloc(p, 4096, 1, GFP_KERNEL); });
    wipe_stack();
    REQUIRE(leaked_blocks() == before + 2);  // it, and what only it knows
    with(area, [](void* p) { kept[0] = p; });
    wipe_stack();
    REQUIRE(leaked_blocks() == before);
    with(area, kmemleak_free);
  }));
}

TEST_F(Kmemleak, unless_it_is_on_nothing_is_noted) {
  EXPECT_GOOD(run([] {
    const size_t before = leaked_blocks();
    const Disguised block = lost(64);
    with(block, kmemleak_not_leak);
    wipe_stack();
    REQUIRE(leaked_blocks() == before + 1);
  }));
}

int nr_children;
void count_child(int) { ++nr_children; }
TEST_F(Kmemleak, the_program_does_not_notice) {
  EXPECT_GOOD(run([] {
    signal(SIGCHLD, count_child);
    leaked_blocks();
    REQUIRE(nr_children == 0);
    REQUIRE(waitpid(-1, nullptr, 0) == -1 && errno == ECHILD);
  }));
}

}  // namespace
