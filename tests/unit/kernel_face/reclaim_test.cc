// How hard an allocation is tried, observed from outside: in a DMA zone of which nothing is left but the reserve.

#include <fcntl.h>
#include <kmem/stats.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
#include "port/port.h"
#include "port/task.h"
#include "slab/cache_handle.h"
#include "system/system.h"
#include "unit/kernel_face/log.h"

namespace {

using kmem::task_flag::kNoFs;
using kmem::task_flag::kNoIo;
using kmem::test::log_of;
using kmem::test::mentions;

constexpr gfp_t kQuiet = GFP_DMA | __GFP_NOWARN;

/// For as long as it lives, the DMA zone has no more than an ordinary request must leave.
class LowDma : public testing::Test {
 protected:
  void SetUp() override {
    for (int order = MAX_ORDER; order >= 0; --order)
      while (struct page* page = alloc_pages(GFP_NOWAIT | kQuiet, static_cast<unsigned>(order)))
        taken_.push_back({page, static_cast<unsigned>(order)});
    // Waits in vain of other tests are no rule for this one.
    kmem::system().pages.reclaim().waiters().note_freed();
  }
  void TearDown() override {
    for (auto& [page, order] : taken_) __free_pages(page, order);
  }
  /// Gives single pages of it back to whoever asks.
  std::vector<struct page*> split_off(unsigned n) {
    std::vector<struct page*> pages;
    while (pages.size() < n && !taken_.empty() && taken_.back().second == 0) {
      pages.push_back(taken_.back().first);
      taken_.pop_back();
    }
    while (pages.size() < n) {
      const auto [page, order] = taken_.back();
      taken_.pop_back();
      split_page(page, order);
      for (unsigned i = 0; i < 1u << order; ++i) {
        if (pages.size() < n) pages.push_back(page + i);
        else taken_.push_back({page + i, 0});
      }
    }
    return pages;
  }
  static kmem::ReclaimCounts& counts() { return kmem::system().pages.reclaim().counts(); }

  std::vector<std::pair<struct page*, unsigned>> taken_;
};

/// Counts how often it is asked; frees what it was given.
struct Hoard {
  explicit Hoard(unsigned flags = 0, std::vector<struct page*> held = {}) : pages(std::move(held)) {
    shrinker = shrinker_alloc(flags, "hoard");
    shrinker->count_objects = [](struct shrinker* s, struct shrink_control* control) {
      auto& self = *static_cast<Hoard*>(s->private_data);
      ++self.nr_counts;
      self.gfp_seen = control->gfp_mask;
      return static_cast<unsigned long>(self.pages.size());
    };
    shrinker->scan_objects = [](struct shrinker* s, struct shrink_control* control) {
      auto& self = *static_cast<Hoard*>(s->private_data);
      ++self.nr_scans;
      unsigned long freed = 0;
      for (; freed < control->nr_to_scan && !self.pages.empty(); ++freed) {
        struct page* page = self.pages.back();
        self.pages.pop_back();  // first, since a fork may come in between: the child must not free it again
        __free_page(page);
      }
      return freed;
    };
    shrinker->private_data = this;
    shrinker_register(shrinker);
  }
  ~Hoard() {
    shrinker_free(shrinker);
    for (struct page* page : pages) __free_page(page);
  }
  struct shrinker* shrinker;
  std::vector<struct page*> pages;
  std::atomic<int> nr_counts{0}, nr_scans{0};  // a reclaim thread may be the one who asks
  std::atomic<gfp_t> gfp_seen{0};
};

class Scope {
 public:
  explicit Scope(uint32_t flag) : flag_(flag) { flags().poke(flags().peek() | flag_); }
  ~Scope() { flags().poke(flags().peek() & ~flag_); }

 private:
  static kmem::Atomic<uint32_t>& flags() { return kmem_port_task()->flags; }
  uint32_t flag_;
};

// Who reclaims ---------------------------------------------------------------------------------------------------------

TEST_F(LowDma, a_shrinker_is_asked_by_who_may_sleep_and_what_it_frees_is_given_out) {
  Hoard hoard(0, split_off(40));
  struct page* page = alloc_page(GFP_KERNEL | kQuiet);
  EXPECT_TRUE(page);
  EXPECT_GT(hoard.nr_scans, 0);
  EXPECT_EQ(hoard.gfp_seen & GFP_KERNEL, GFP_KERNEL);
  if (page) __free_page(page);
}

TEST_F(LowDma, who_may_not_sleep_asks_nobody) {
  Hoard hoard(0, split_off(40));
  EXPECT_FALSE(alloc_page(GFP_NOWAIT | kQuiet));
  while (struct page* page = alloc_page(GFP_ATOMIC | kQuiet)) taken_.push_back({page, 0});
  EXPECT_EQ(hoard.nr_counts, 0);
}

TEST_F(LowDma, nor_does_a_caller_in_an_atomic_section) {
  Hoard hoard(0, split_off(40));
  kmem_port_task()->preempt_count.poke(1);
  log_of([&] {
    while (struct page* page = alloc_page(GFP_KERNEL | kQuiet)) taken_.push_back({page, 0});
  });
  kmem_port_task()->preempt_count.poke(0);
  EXPECT_EQ(hoard.nr_counts, 0);
}

TEST_F(LowDma, a_shrinker_that_needs_a_file_system_is_left_out_by_GFP_NOFS_and_in_its_scope) {
  Hoard hoard(SHRINKER_NEEDS_FS, split_off(40));
  EXPECT_FALSE(alloc_page(GFP_NOFS | kQuiet));
  EXPECT_FALSE(alloc_page(GFP_NOIO | kQuiet));
  {
    const Scope scope(kNoFs);
    EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  }
  EXPECT_EQ(hoard.nr_counts, 0);
  struct page* page = alloc_page(GFP_KERNEL | kQuiet);
  EXPECT_TRUE(page) << "and asked by GFP_KERNEL";
  if (page) __free_page(page);
}

TEST_F(LowDma, one_that_needs_io_is_left_out_by_GFP_NOIO_and_in_its_scope_only) {
  Hoard hoard(SHRINKER_NEEDS_IO, split_off(40));
  EXPECT_FALSE(alloc_page(GFP_NOIO | kQuiet));
  {
    const Scope scope(kNoIo);
    EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  }
  EXPECT_EQ(hoard.nr_counts, 0);
  struct page* page = alloc_page(GFP_NOFS | kQuiet);
  EXPECT_TRUE(page) << "GFP_NOFS may start I/O";
  if (page) __free_page(page);
}

TEST_F(LowDma, a_shrinker_sees_what_its_caller_may_do) {
  Hoard hoard;
  EXPECT_FALSE(alloc_page(GFP_NOFS | kQuiet));
  EXPECT_EQ(hoard.gfp_seen & GFP_KERNEL, GFP_NOFS);
  const Scope scope(kNoIo);
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  EXPECT_EQ(hoard.gfp_seen & GFP_KERNEL, GFP_NOIO);
}

TEST_F(LowDma, a_shrinker_that_allocates_is_served_from_the_reserve_and_not_called_again) {
  static int depth, deepest, served;
  depth = deepest = served = 0;
  struct shrinker* greedy = shrinker_alloc(0, "greedy");
  greedy->count_objects = [](struct shrinker*, struct shrink_control*) {
    deepest = ++depth > deepest ? depth : deepest;
    struct page* page = alloc_page(GFP_KERNEL | kQuiet);
    served += page != nullptr;
    if (page) __free_page(page);
    --depth;
    return 1ul;
  };
  greedy->scan_objects = [](struct shrinker*, struct shrink_control*) { return SHRINK_STOP; };
  shrinker_register(greedy);
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  shrinker_free(greedy);
  EXPECT_EQ(deepest, 1);
  EXPECT_GT(served, 0);
}

TEST_F(LowDma, caches_give_back_their_empty_slabs_except_those_that_must_not_be_reaped) {
  kmem_cache_t* reaped = kmem_cache_create("reaped", 2000, 0, SLAB_CACHE_DMA | SLAB_NO_MERGE, nullptr);
  kmem_cache_t* kept = kmem_cache_create("kept", 2000, 0, SLAB_CACHE_DMA | SLAB_NO_MERGE | SLAB_NO_REAP, nullptr);
  for (struct page* page : split_off(64)) __free_page(page);
  for (kmem_cache_t* cache : {reaped, kept}) kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_ATOMIC));
  while (struct page* page = alloc_page(GFP_NOWAIT | kQuiet)) taken_.push_back({page, 0});
  EXPECT_TRUE(kmem::cache_of(reaped).nr_slabs());
  struct page* page = alloc_page(GFP_KERNEL | kQuiet | __GFP_NORETRY);
  EXPECT_TRUE(page) << "it came out of the other cache";
  EXPECT_FALSE(kmem::cache_of(reaped).nr_slabs());
  EXPECT_TRUE(kmem::cache_of(kept).nr_slabs());
  if (page) __free_page(page);
  kmem_cache_destroy(reaped);
  kmem_cache_destroy(kept);
}

// How many tries -------------------------------------------------------------------------------------------------------

TEST_F(LowDma, NORETRY_is_one_try) {
  Hoard hoard;
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet | __GFP_NORETRY));
  EXPECT_EQ(hoard.nr_counts, 1) << "one round at the lightest priority";
}

TEST_F(LowDma, an_ordinary_request_asks_at_every_priority_and_again_while_there_is_progress) {
  Hoard hoard;
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  EXPECT_GE(hoard.nr_counts, 13);
}

TEST_F(LowDma, a_large_one_does_so_once) {
  const uint64_t rounds = counts().rounds.value();
  EXPECT_FALSE(alloc_pages(GFP_KERNEL | kQuiet, PAGE_ALLOC_COSTLY_ORDER + 1));
  EXPECT_EQ(counts().rounds.value(), rounds + 1);
}

TEST_F(LowDma, RETRY_MAYFAIL_makes_sixteen_tries_more_whatever_the_order) {
  for (const unsigned order : {0u, PAGE_ALLOC_COSTLY_ORDER + 1u}) {
    const uint64_t rounds = counts().rounds.value(), waits = counts().waits.value();
    EXPECT_FALSE(alloc_pages(GFP_KERNEL | kQuiet | __GFP_RETRY_MAYFAIL, order));
    EXPECT_EQ(counts().rounds.value(), rounds + 17);
    EXPECT_EQ(counts().waits.value(), waits + 16);
  }
}

TEST_F(LowDma, who_waited_in_vain_does_not_wait_again_until_somebody_frees) {
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  const uint64_t waits = counts().waits.value();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  EXPECT_EQ(counts().waits.value(), waits);
}

/// Frees some pages when told, and says when they are gone.
TEST_F(LowDma, what_another_thread_frees_meanwhile_is_taken) {
  auto pages = split_off(200);
  std::atomic<bool> ended{false};
  const uint64_t waits = counts().waits.value();
  std::thread other([&] {
    while (counts().waits.value() == waits && !ended.load()) std::this_thread::yield();
    for (struct page* page : pages) __free_page(page);
  });
  struct page* page = alloc_page(GFP_KERNEL | kQuiet | __GFP_RETRY_MAYFAIL);
  ended.store(true);
  other.join();
  EXPECT_TRUE(page);
  if (page) __free_page(page);
}

TEST_F(LowDma, NOFAIL_waits_until_somebody_frees) {
  while (struct page* page = alloc_page(GFP_ATOMIC | kQuiet)) taken_.push_back({page, 0});
  auto pages = split_off(300);
  const uint64_t waits = counts().nofail_waits.value();
  std::thread other([&] {
    while (counts().nofail_waits.value() < waits + 2) std::this_thread::yield();
    for (struct page* page : pages) __free_page(page);
  });
  struct page* page = alloc_page(GFP_KERNEL | kQuiet | __GFP_NOFAIL);
  other.join();
  ASSERT_TRUE(page);
  __free_page(page);
}

TEST_F(LowDma, malloc_like_requests_give_up_soon) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

// Out of memory --------------------------------------------------------------------------------------------------------

struct Witness {
  struct notifier_block block;  // first: the callback gets its address
  std::vector<Witness*>* calls;
  std::vector<struct page*> pages;
  int answer = NOTIFY_OK;

  explicit Witness(std::vector<Witness*>& all, int priority = 0) : block{}, calls(&all) {
    block.notifier_call = [](struct notifier_block* b, unsigned long, void* data) {
      auto* self = reinterpret_cast<Witness*>(b);
      self->calls->push_back(self);
      *static_cast<unsigned long*>(data) += self->pages.size();
      for (struct page* page : self->pages) __free_page(page);
      self->pages.clear();
      return self->answer;
    };
    block.priority = priority;
    EXPECT_EQ(register_oom_notifier(&block), 0);
  }
  ~Witness() {
    EXPECT_EQ(unregister_oom_notifier(&block), 0);
    for (struct page* page : pages) __free_page(page);
  }
};

TEST_F(LowDma, notifiers_are_asked_before_an_allocation_fails_the_highest_first) {
  std::vector<Witness*> calls;
  Witness low(calls, -5), high(calls, 7), middle(calls);
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  EXPECT_EQ(calls, (std::vector<Witness*>{&high, &middle, &low}));
  calls.clear();
  high.answer = NOTIFY_STOP;
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  EXPECT_EQ(calls, (std::vector<Witness*>{&high}));
}

TEST_F(LowDma, what_a_notifier_frees_is_given_out) {
  std::vector<Witness*> calls;
  Witness witness(calls);
  witness.pages = split_off(100);
  struct page* page = alloc_page(GFP_KERNEL | kQuiet);
  EXPECT_TRUE(page);
  EXPECT_EQ(calls.size(), 1u);
  if (page) __free_page(page);
}

TEST_F(LowDma, a_notifier_that_only_says_so_ends_in_NULL_all_the_same) {
  static int asked;
  asked = 0;
  struct notifier_block liar = {};
  liar.notifier_call = [](struct notifier_block*, unsigned long, void* data) {
    ++asked;
    *static_cast<unsigned long*>(data) += 1000;
    return static_cast<int>(NOTIFY_OK);
  };
  ASSERT_EQ(register_oom_notifier(&liar), 0);
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet));
  EXPECT_EQ(unregister_oom_notifier(&liar), 0);
  EXPECT_EQ(asked, 16);
}

TEST_F(LowDma, requests_that_may_fail_do_not_trouble_the_notifiers) {
  std::vector<Witness*> calls;
  Witness witness(calls);
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet | __GFP_NORETRY));
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet | __GFP_RETRY_MAYFAIL));
  EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet | __GFP_THISNODE));
  EXPECT_FALSE(alloc_pages(GFP_KERNEL | kQuiet, PAGE_ALLOC_COSTLY_ORDER + 1));
  EXPECT_FALSE(alloc_page(GFP_NOWAIT | kQuiet));
  EXPECT_TRUE(calls.empty());
}

TEST_F(LowDma, the_report_names_the_caches_that_hold_most) {
  kmem_cache_t* cache = kmem_cache_create("hoarder", 4000, 0, SLAB_NO_MERGE, nullptr);
  std::vector<void*> objects;
  for (int i = 0; i < 2000; ++i) objects.push_back(kmem_cache_alloc(cache, GFP_KERNEL));
  const std::string log = log_of([] { EXPECT_FALSE(alloc_page(GFP_KERNEL | GFP_DMA)); });
  EXPECT_TRUE(mentions(log, "cache hoarder: ")) << log;
  EXPECT_TRUE(mentions(log, "GFP_KERNEL|GFP_DMA")) << log;
  for (void* object : objects) kmem_cache_free(cache, object);
  EXPECT_EQ(kmem_cache_destroy(cache), 0);
}

// Registering and leaving ----------------------------------------------------------------------------------------------

struct Gate {
  std::atomic<bool> entered{false}, open{false};
};

struct shrinker* gated_shrinker(Gate& gate) {
  struct shrinker* s = shrinker_alloc(0, "gated");
  s->count_objects = [](struct shrinker* self, struct shrink_control*) {
    auto& g = *static_cast<Gate*>(self->private_data);
    g.entered.store(true);
    while (!g.open.load()) usleep(100);
    return 0ul;
  };
  s->scan_objects = [](struct shrinker*, struct shrink_control*) { return SHRINK_STOP; };
  s->private_data = &gate;
  shrinker_register(s);
  return s;
}

TEST_F(LowDma, leaving_waits_until_running_calls_have_ended) {
  Gate gate;
  struct shrinker* s = gated_shrinker(gate);
  std::thread reclaims([] { EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet | __GFP_NORETRY)); });
  while (!gate.entered.load()) usleep(100);
  std::atomic<bool> left{false};
  std::thread leaves([&] {
    unregister_shrinker(s);
    left.store(true);
  });
  usleep(20000);
  EXPECT_FALSE(left.load());
  gate.open.store(true);
  leaves.join();
  reclaims.join();
  EXPECT_TRUE(left.load());
  shrinker_free(s);
}

TEST_F(LowDma, a_child_that_was_forked_meanwhile_does_not_wait_for_its_parents_threads) {
  Gate gate;
  struct shrinker* s = gated_shrinker(gate);
  std::thread reclaims([] { EXPECT_FALSE(alloc_page(GFP_KERNEL | kQuiet | __GFP_NORETRY)); });
  while (!gate.entered.load()) usleep(100);
  const pid_t child = fork();
  if (!child) {
    alarm(300);
    gate.open.store(true);
    unregister_shrinker(s);
    _exit(alloc_page(GFP_KERNEL | kQuiet | __GFP_NORETRY) ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  gate.open.store(true);
  reclaims.join();
  shrinker_free(s);
}

TEST(Shrinkers, one_that_is_not_whole_is_refused_with_a_report) {
  static struct shrinker empty;
  const std::string log = log_of([] { EXPECT_NE(register_shrinker(&empty), 0); });
  EXPECT_TRUE(mentions(log, "a shrinker without count_objects")) << log;
}

TEST(Shrinkers, the_table_has_an_end_and_says_so) {
  std::vector<struct shrinker> many(600);
  size_t n = 0;
  for (; n < many.size(); ++n) {
    many[n].count_objects = [](struct shrinker*, struct shrink_control*) { return 0ul; };
    many[n].scan_objects = [](struct shrinker*, struct shrink_control*) { return SHRINK_STOP; };
    if (register_shrinker(&many[n])) break;
  }
  EXPECT_EQ(n, 512u);
  for (size_t i = 0; i < n; ++i) unregister_shrinker(&many[i]);
  EXPECT_EQ(register_shrinker(&many[0]), 0) << "and room again when some have left";
  unregister_shrinker(&many[0]);
}

TEST_F(LowDma, the_shrinker_of_2_6_is_asked_and_frees) {
  static std::vector<struct page*> pages;
  pages = split_off(40);
  struct shrinker* s = set_shrinker(DEFAULT_SEEKS, [](int nr_to_scan, unsigned int) {
    for (; nr_to_scan > 0 && !pages.empty(); --nr_to_scan) {
      __free_page(pages.back());
      pages.pop_back();
    }
    return static_cast<int>(pages.size());
  });
  struct page* page = alloc_page(GFP_KERNEL | kQuiet);
  EXPECT_TRUE(page);
  EXPECT_LT(pages.size(), 40u);
  if (page) __free_page(page);
  remove_shrinker(s);
  for (struct page* left : pages) __free_page(left);
}

// Threads --------------------------------------------------------------------------------------------------------------

TEST_F(LowDma, a_reclaim_thread_works_for_those_who_cannot_wait_in_a_child_too) {
  kmem::Reclaim& reclaim = kmem::system().pages.reclaim();
  reclaim.threads().start();
  ASSERT_TRUE(reclaim.threads().exist());
  const auto served = [](Hoard& hoard) {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(300)) {
      struct page* page = alloc_page(GFP_NOWAIT | kQuiet);
      if (page) __free_page(page);
      if (page) return hoard.nr_scans > 0;
      usleep(1000);
    }
    return false;
  };
  {
    Hoard hoard(0, split_off(200));
    EXPECT_TRUE(served(hoard));
  }
  reclaim.threads().stop();
#ifdef KMEM_TSAN
  return;  // ThreadSanitizer starts no threads in a forked child
#endif
  SetUp();
  Hoard hoard(0, split_off(200));
  reclaim.threads().start();  // they have not been woken, and leave the hoard to the child's
  std::vector<struct page*> pages;
  const pid_t child = fork();
  if (!child) {
    const bool forgotten = !reclaim.threads().exist();
    // The first who may sleep and comes below the mark starts the child's own.
    for (int i = 0; i < 1000 && !reclaim.threads().exist(); ++i)
      pages.push_back(alloc_page(GFP_KERNEL | kQuiet | __GFP_NORETRY));
    _exit(!forgotten ? 1 : !reclaim.threads().exist() ? 2 : !served(hoard) ? 3 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  reclaim.threads().stop();
}

using LowDmaDeathTest = LowDma;
TEST_F(LowDmaDeathTest, with_panic_on_oom_the_end_of_memory_is_a_report_and_the_end) {
  EXPECT_DEATH(
      {
        kmem::system().options.panic_on_oom = true;
        alloc_page(GFP_KERNEL | kQuiet);
      },
      "out of memory: page allocation failure: order:0(.|\n)*panic_on_oom is set");
}

// The host's word ------------------------------------------------------------------------------------------------------

/// MEMORY_PRESSURE_WATCH as systemd sets it, with a FIFO in place of the kernel's file.
class Pressure : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    signal(SIGPIPE, SIG_IGN);
    setenv("MEMORY_PRESSURE_WATCH", path_.c_str(), 1);
    setenv("MEMORY_PRESSURE_WRITE", "c29tZSAyMDAwMDAgMjAwMDAwMAA=", 1);
    reclaim().watch_host();
    end_ = open(path_.c_str(), O_WRONLY | O_NONBLOCK);
    ASSERT_GE(end_, 0) << "somebody listens";
  }
  void TearDown() override {
    close(end_);
    unsetenv("MEMORY_PRESSURE_WATCH");
    unsetenv("MEMORY_PRESSURE_WRITE");
    reclaim().watch_host();
    unlink(path_.c_str());
  }
  static kmem::Reclaim& reclaim() { return kmem::system().pages.reclaim(); }
  std::string path_ = testing::TempDir() + "pressure." + std::to_string(getpid());
  int end_ = -1;
};

TEST_F(Pressure, is_heard_by_who_asks_and_asks_the_shrinkers) {
  Hoard hoard;
  EXPECT_EQ(kmem_pressure_poll(), 0);
  EXPECT_EQ(hoard.nr_counts, 0);
  ASSERT_EQ(write(end_, "!", 1), 1);
  EXPECT_EQ(kmem_pressure_poll(), 1);
  EXPECT_GT(hoard.nr_counts, 0);
  EXPECT_EQ(kmem_pressure_poll(), 0) << "once";
}

TEST_F(Pressure, is_heard_by_allocations_that_may_reclaim_now_and_then) {
  const uint64_t before = reclaim().counts().pressures.value();
  ASSERT_EQ(write(end_, "!", 1), 1);
  for (int i = 0; i < 1000; ++i) __free_pages(alloc_pages(GFP_ATOMIC, 1), 1);
  EXPECT_EQ(reclaim().counts().pressures.value(), before);
  const auto begin = std::chrono::steady_clock::now();
  while (reclaim().counts().pressures.value() == before) {
    __free_pages(alloc_pages(GFP_KERNEL, 1), 1);
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(300));
  }
}

TEST_F(Pressure, a_child_hears_with_its_own_ears_and_numbers_that_the_program_closed_are_opened_again) {
  for (int fd = 100; fd < 110; ++fd)
    if (fd != end_) close(fd);
  const int foreign = open("/dev/null", O_RDONLY);
  dup2(foreign, 100);
  ASSERT_EQ(write(end_, "!", 1), -1) << "nobody listens";
  EXPECT_EQ(kmem_pressure_poll(), 0) << "and the number is another file's now";
  ASSERT_EQ(write(end_, "!", 1), 1);
  EXPECT_EQ(kmem_pressure_poll(), 1);
  EXPECT_EQ(fcntl(100, F_GETFD), 0) << "which stays the program's";
  close(100);
  close(foreign);
  const pid_t child = fork();
  if (!child) _exit(write(end_, "!", 1) == 1 && kmem_pressure_poll() == 1 ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

/// The protocol's other kinds of file; the variables as systemd sets them, for as long as it lives.
class Watching {
 public:
  Watching(const char* path, const char* write_base64) {
    setenv("MEMORY_PRESSURE_WATCH", path, 1);
    if (write_base64) setenv("MEMORY_PRESSURE_WRITE", write_base64, 1);
    is_watching = kmem_port_watch_pressure();
    kmem::system().pages.reclaim().watch_host();
  }
  ~Watching() {
    unsetenv("MEMORY_PRESSURE_WATCH");
    unsetenv("MEMORY_PRESSURE_WRITE");
    kmem::system().pages.reclaim().watch_host();
  }
  bool is_watching;
};

TEST(PressureSocket, is_written_to_first_and_every_byte_that_comes_is_the_word) {
  signal(SIGPIPE, SIG_IGN);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%spressure.%d", testing::TempDir().c_str(), getpid());
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(listener, 4))
    GTEST_SKIP() << "no UNIX socket at " << address.sun_path << ": " << strerror(errno);
  {
    const Watching watching(address.sun_path, "c29tZSAyMDAwMDAgMjAwMDAwMAA=");
    ASSERT_TRUE(watching.is_watching);
    close(accept(listener, nullptr, nullptr));  // the first call's
    const int end = accept(listener, nullptr, nullptr);
    ASSERT_GE(end, 0);
    char said[64] = "";
    EXPECT_EQ(read(end, said, sizeof said), 20);
    EXPECT_STREQ(said, "some 200000 2000000");
    Hoard hoard;
    EXPECT_EQ(kmem_pressure_poll(), 0);
    ASSERT_EQ(write(end, "!!!", 3), 3);
    EXPECT_EQ(kmem_pressure_poll(), 1);
    EXPECT_GT(hoard.nr_counts, 0);
    EXPECT_EQ(kmem_pressure_poll(), 0) << "what came together is one";
    close(end);
    EXPECT_EQ(kmem_pressure_poll(), 0) << "nobody says anything any more, and nobody listens";
  }
  close(listener);
  unlink(address.sun_path);
}

/// The kernel's own files that this process may set a trigger in: the machine's, and that of its cgroup.
std::vector<std::string> pressure_files() {
  std::vector<std::string> files = {"/proc/pressure/memory", "/sys/fs/cgroup/memory.pressure"};
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);)
    if (line.rfind("0::/", 0) == 0 && line.size() > 4) files.push_back("/sys/fs/cgroup" + line.substr(3) + "/memory.pressure");
  std::erase_if(files, [](const std::string& file) {
    const int fd = open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    const bool takes = fd >= 0 && write(fd, "some 200000 2000000", 20) == 20;
    close(fd);
    return !takes;
  });
  return files;
}

// What the kernel refuses as a trigger is not listened to.
TEST(PressureOfTheKernel, is_listened_to_where_it_takes_a_trigger) {
  const std::vector<std::string> files = pressure_files();
  if (files.empty()) GTEST_SKIP() << "no file of pressure stall information may be written here";
  for (const std::string& file : files) {
    EXPECT_TRUE(Watching(file.c_str(), "c29tZSAyMDAwMDAgMjAwMDAwMAA=").is_watching) << file;
    const Watching watching(file.c_str(), "c29tZSAyMDAwMDAgMjAwMDAwMAA=");
    EXPECT_LE(kmem_pressure_poll() + kmem_pressure_poll() + kmem_pressure_poll(), 1)
        << file << ": one word in two seconds at most";
    EXPECT_FALSE(Watching(file.c_str(), "bm9uc2Vuc2UA").is_watching) << file << " takes 'nonsense'";
  }
}

/// A cgroup of 8 MiB, of version 2 or 1; without a path where none can be made.
class SmallGroup {
 public:
  SmallGroup() {
    for (const auto& [mount, limit] :
         {std::pair("/sys/fs/cgroup", "memory.max"), std::pair("/sys/fs/cgroup/memory", "memory.limit_in_bytes")}) {
      if (access((std::string(mount) + "/cgroup.procs").c_str(), W_OK)) continue;
      path_ = std::string(mount) + "/kmem-pressure-" + std::to_string(getpid());
      if (!mkdir(path_.c_str(), 0755) && put(limit, "8M")) return;
      rmdir(path_.c_str());
      path_.clear();
    }
  }
  ~SmallGroup() {
    if (is_there()) rmdir(path_.c_str());
  }
  bool is_there() const { return !path_.empty(); }
  bool put(const char* file, const std::string& text) const {
    const int fd = open((path_ + "/" + file).c_str(), O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0) close(fd);
    return done;
  }

 private:
  std::string path_;
};

// A process in a small group writes a file that is larger: it stalls for memory, and the kernel says so.
TEST(PressureOfTheKernel, comes_when_a_process_stalls_for_memory) {
  const SmallGroup group;
  const Watching watching("/proc/pressure/memory",
                          "c29tZSAxMDAwIDIwMDAwMDAA");  // some 1000 2000000: a millisecond in two seconds
  if (!group.is_there() || !watching.is_watching) GTEST_SKIP() << "no trigger, or no cgroup with a limit, can be had here";
  const std::string file = testing::TempDir() + "stall." + std::to_string(getpid());
  const pid_t child = fork();
  if (!child) {
    alarm(300);
    static char block[1 << 20];
    const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || !group.put("cgroup.procs", std::to_string(getpid()))) _exit(1);
    for (unsigned i = 0;; ++i)
      if (pwrite(fd, block, sizeof block, (i % 64) << 20) < 0) _exit(1);
  }
  bool heard = false;
  for (int ms = 0; ms < 8000 && !heard; ms += 10, usleep(10000)) heard = kmem_pressure_poll() == 1;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  unlink(file.c_str());
  if (!heard) GTEST_SKIP() << "nothing has stalled in eight seconds";
  EXPECT_GT(kmem::system().pages.reclaim().counts().pressures.value(), 0u);
}

TEST(PressureOff, where_nobody_asked_nothing_is_opened) {
  setenv("MEMORY_PRESSURE_WATCH", "/dev/null", 1);
  EXPECT_FALSE(kmem_port_watch_pressure());
  setenv("MEMORY_PRESSURE_WATCH", "/nonexistent/pressure", 1);
  EXPECT_FALSE(kmem_port_watch_pressure());
  unsetenv("MEMORY_PRESSURE_WATCH");
  EXPECT_FALSE(kmem_port_watch_pressure());
  EXPECT_FALSE(kmem_port_pressure(0));
}

// Deadlocks, and who avoids them ---------------------------------------------------------------------------------------

struct Shared {
  std::atomic<int> stuck;  // the shrinker is about to take the lock that its caller holds
};
pthread_mutex_t the_lock = PTHREAD_MUTEX_INITIALIZER;
Shared* shared;

/// In a child: a shrinker that takes a lock, and an allocation by who holds it.  True: it came back.
bool comes_back(unsigned shrinker_flags, gfp_t gfp) {
  shared = static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = fork();
  if (!child) {
    alarm(300);
    struct shrinker* s = shrinker_alloc(shrinker_flags, "locking");
    s->count_objects = [](struct shrinker*, struct shrink_control*) { return 1000ul; };
    s->scan_objects = [](struct shrinker*, struct shrink_control*) {
      shared->stuck.store(1);
      pthread_mutex_lock(&the_lock);
      shared->stuck.store(0);
      pthread_mutex_unlock(&the_lock);
      return SHRINK_STOP;
    };
    shrinker_register(s);
    pthread_mutex_lock(&the_lock);
    alloc_page(gfp | kQuiet);
    pthread_mutex_unlock(&the_lock);
    _exit(0);
  }
  int status = 0;
  for (int stuck_for_ms = 0; stuck_for_ms < 500; stuck_for_ms += shared->stuck.load() ? 10 : 0) {
    if (waitpid(child, &status, WNOHANG) == child) break;
    usleep(10000);
  }
  const bool stuck = shared->stuck.load();
  if (stuck) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  munmap(shared, sizeof(Shared));
  return !stuck && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(LowDma, a_file_system_that_holds_its_lock_is_safe_with_GFP_NOFS_and_dead_with_GFP_KERNEL) {
  EXPECT_TRUE(comes_back(SHRINKER_NEEDS_FS, GFP_NOFS));
  EXPECT_FALSE(comes_back(SHRINKER_NEEDS_FS, GFP_KERNEL)) << "else the first line proves nothing";
}

TEST_F(LowDma, a_driver_of_a_disk_is_safe_with_GFP_NOIO_and_dead_with_GFP_NOFS) {
  EXPECT_TRUE(comes_back(SHRINKER_NEEDS_IO, GFP_NOIO));
  EXPECT_FALSE(comes_back(SHRINKER_NEEDS_IO, GFP_NOFS));
  EXPECT_FALSE(comes_back(SHRINKER_NEEDS_IO, GFP_KERNEL));
}

}  // namespace
