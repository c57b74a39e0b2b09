// Every kind of allocation, interrupted at every step by a handler that makes every kind of allocation; interrupts that are
// off, contexts that are found out, locks.

#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "sim/world.h"
#include "system/system.h"
#include "watch/context.h"

namespace sim {
namespace {

kmem_cache* things;
constexpr size_t kThing = 120;
constexpr uint64_t kMade = 0x600d;
void make(void* p) { static_cast<uint64_t*>(p)[1] = kMade; }

void switch_on(const char* boot_words, uint64_t mib) {
  kmem::sim_reset();
  Facts facts;
  facts.ram = {{{sim_port::kMiB * 16}, 4 * sim_port::kMiB, {}}, {{4 * sim_port::kGiB}, mib * sim_port::kMiB, {}}};
  facts.command_line = boot_words;
  power_on(facts);
  ASSERT_TRUE(kmem::boot());
  things = kmem_cache_create("things", kThing, 0, SLAB_NO_MERGE, make);
}

/// malloc and free as faces/malloc/malloc.cc puts them together.
void* take_as_malloc(size_t size) {
  void* p = kmem::fast::malloc(size);
  return p ? p : kmem::slow_malloc(size, kmem::Contents::Any);
}
void give_as_malloc(void* p) {
  if (kmem::fast::free(p) == Push::Done) return;
  EXPECT_TRUE(kmem::slow_free(p));
}

/// Somebody who holds blocks of all kinds.  Where memory is short some of its wishes are not granted.
class Holder {
 public:
  explicit Holder(Ledger& ledger) : ledger_(ledger) {}

  void kmalloc(size_t size, gfp_t gfp) { hold({Kmalloc, 0, size, ::kmalloc(size, gfp)}); }
  void malloc(size_t size) { hold({Malloc, 0, size, take_as_malloc(size)}); }
  void pages(unsigned order, gfp_t gfp) {
    struct page* page = alloc_pages(gfp, order);
    hold({Pages, order, PAGE_SIZE << order, page ? page_address(page) : nullptr});
  }
  void thing(gfp_t gfp) {
    void* p = kmem_cache_alloc(things, gfp);
    EXPECT_TRUE(!p || static_cast<uint64_t*>(p)[1] == kMade) << "a constructed object keeps its state";
    hold({Thing, 0, kThing, p});
  }
  void give() {
    if (held_.empty()) return;
    const Block block = held_.back();
    held_.pop_back();
    ledger_.gives(block.p, block.size);
    switch (block.kind) {
      case Kmalloc: return kfree(block.p);
      case Malloc: return give_as_malloc(block.p);
      case Pages: return __free_pages(virt_to_page(block.p), block.order);
      case Thing: return kmem_cache_free(things, block.p);
    }
  }
  void give_all() {
    while (!held_.empty()) give();
  }
  size_t size() const { return held_.size(); }

 private:
  enum Kind { Kmalloc, Malloc, Pages, Thing };
  struct Block {
    Kind kind;
    unsigned order;
    size_t size;
    void* p;
  };
  void hold(const Block& block) {
    if (ledger_.took(block.p, block.size)) held_.push_back(block);
  }

  Ledger& ledger_;
  std::vector<Block> held_;
};

struct Operation {
  const char* name;
  void (*run)(Holder&, gfp_t);
};
const Operation kOperations[] = {
    {"a small block", [](Holder& h, gfp_t g) { h.kmalloc(64, g), h.give(); }},
    {"blocks that refill", [](Holder& h, gfp_t g) { h.kmalloc(8192, g), h.kmalloc(8192, g), h.give(); }},
    {"a run", [](Holder& h, gfp_t g) { h.kmalloc(30000, g), h.give(); }},
    {"malloc", [](Holder& h, gfp_t) { h.malloc(700), h.malloc(20000), h.give(), h.give(); }},
    {"a mapped block", [](Holder& h, gfp_t) { h.malloc(6 << 20), h.give(); }},
    {"a page", [](Holder& h, gfp_t g) { h.pages(0, g), h.give(); }},
    {"eight pages, zeroed", [](Holder& h, gfp_t g) { h.pages(3, g | __GFP_ZERO), h.give(); }},
    {"things", [](Holder& h, gfp_t g) { h.thing(g), h.thing(g), h.give(); }},
    {"a refill and a drain",
     [](Holder& h, gfp_t g) {
       for (int i = 0; i < 18; ++i) h.kmalloc(8192, g);
       for (int i = 0; i < 18; ++i) h.give();
     }},
    {"pages that refill",
     [](Holder& h, gfp_t g) {
       for (int i = 0; i < 66; ++i) h.pages(0, g);
       for (int i = 0; i < 66; ++i) h.give();
     }},
    {"frees",
     [](Holder& h, gfp_t) {
       for (int i = 0; i < 6; ++i) h.give();
     }},
};

/// What the handler does: one of each, keeping some until it comes again.
void interrupt(Holder& h) {
  if (h.size() > 3) h.give_all();
  h.kmalloc(64, GFP_ATOMIC), h.kmalloc(8192, GFP_NOWAIT), h.malloc(700), h.pages(0, GFP_ATOMIC), h.pages(3, GFP_NOWAIT);
  h.thing(GFP_ATOMIC);
  h.give(), h.give(), h.give();
}

uint64_t frames_in_use() {
  kmem::System& s = kmem::system();
  uint64_t used = 0;
  for (unsigned i = 0; i < s.pages.nr_zones(); ++i) used += s.pages.zone(i).counts().nr_online() - s.pages.zone(i).nr_free();
  return used;
}

void expect_as_before(uint64_t frames) {
  expect_sound(kmem::check_system());
  EXPECT_EQ(kmem_cache_destroy(things), 0);
  kmem::system().heap.caches().shrink_all(kmem::OtherCpus::Interrupt);
  kmem::system().pages.drain();
  EXPECT_EQ(frames_in_use(), frames) << "frames are lost";
  EXPECT_EQ(host().log, "");
}

struct Circumstances {
  const char* name;
  const char* boot_words;
  uint64_t mib;
  gfp_t gfp;
};
const Circumstances kAll[] = {
    {"GFP_KERNEL", "", 64, GFP_KERNEL | __GFP_NOWARN},
    {"GFP_ATOMIC", "", 64, GFP_ATOMIC | __GFP_NOWARN},
    {"without sequences", "rseq=off", 64, GFP_ATOMIC | __GFP_NOWARN},
    {"little memory", "", 4, GFP_ATOMIC | __GFP_NOWARN},
};

Outcome disturbed(const Circumstances& c, const Operation& operation, const Script& script) {
  switch_on(c.boot_words, c.mib);
  const uint64_t before = frames_in_use();
  Ledger ledger;
  Holder task(ledger), handler(ledger);
  for (int i = 0; i < 3; ++i) task.kmalloc(8192, c.gfp), task.thing(c.gfp), task.pages(0, c.gfp);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(task, c.gfp); });
  tasks.add_handler([&] { interrupt(handler); });
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_sound(kmem::check_system());
  task.give_all();
  handler.give_all();
  expect_as_before(before);
  return outcome;
}

void at_every_step_of_everything(const Circumstances& c) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations) {
    SCOPED_TRACE(std::string(c.name) + ": " + operation.name);
    runs += at_every_step({Event::Interrupt, 0}, [&](const Script& s) { return disturbed(c, operation, s); });
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(runs, 1000u);
}

TEST(AnyContext, a_handler_allocates_everything_at_every_step_of_everything) { at_every_step_of_everything(kAll[0]); }
TEST(AnyContext, also_of_calls_that_must_not_sleep) { at_every_step_of_everything(kAll[1]); }
TEST(AnyContext, also_without_restartable_sequences) { at_every_step_of_everything(kAll[2]); }
TEST(AnyContext, also_where_memory_is_short) { at_every_step_of_everything(kAll[3]); }

TEST(AnyContext, handlers_may_interrupt_handlers) {
  for (const unsigned i : {1u, 5u, 7u}) {
    SCOPED_TRACE(kOperations[i].name);
    at_every_two_steps(
        {Event::Interrupt, 0}, {Event::Interrupt, 0}, [&](const Script& s) { return disturbed(kAll[1], kOperations[i], s); },
        13);
    if (HasFailure()) return;
  }
}

// Contexts -------------------------------------------------------------------------------------------------------------

TEST(AnyContext, an_interrupt_is_found_out_and_may_not_sleep) {
  switch_on("", 64);
  bool in_task_before = false, in_task_during = true, may_sleep_during = true;
  Tasks tasks;
  tasks.add(0, [&] {
    in_task_before = in_task();
    kmem_sim_step();
  });
  tasks.add_handler([&] {
    in_task_during = in_task();
    may_sleep_during = kmem::may_sleep();
    kfree(kmalloc(20000, GFP_KERNEL));
  });
  EXPECT_TRUE(tasks.run(sim_port::plan({{0, {Event::Interrupt, 0}}})));
  EXPECT_TRUE(in_task_before);
  EXPECT_FALSE(in_task_during);
  EXPECT_FALSE(may_sleep_during);
  EXPECT_TRUE(host().logged("BUG: sleeping function called from invalid context at kmalloc")) << host().log;
  EXPECT_TRUE(host().logged("(GFP_KERNEL), called from")) << host().log;
}

TEST(AnyContext, with_a_boot_word_objects_that_are_at_hand_are_looked_at_too) {
  for (const bool every : {false, true}) {
    SCOPED_TRACE(every ? "might_sleep" : "");
    switch_on(every ? "might_sleep" : "", 64);
    kfree(kmalloc(64, GFP_KERNEL)), kmem_cache_free(things, kmem_cache_alloc(things, GFP_KERNEL)),
        free_page(__get_free_page(GFP_KERNEL));
    preempt_disable();
    kfree(kmalloc(64, GFP_KERNEL)), kmem_cache_free(things, kmem_cache_alloc(things, GFP_KERNEL)),
        free_page(__get_free_page(GFP_KERNEL));
    preempt_enable();
    for (const char* who : {"kmalloc", "kmem_cache_alloc", "alloc_pages"})
      EXPECT_EQ(host().logged((std::string("invalid context at ") + who).c_str()), every) << who;
  }
}

TEST(AnyContext, interrupts_that_are_off_come_when_they_are_on_again_and_not_before) {
  uint64_t n = 0;
  for (bool ended = false; !ended; ++n) {
    SCOPED_TRACE("interrupt at step " + std::to_string(n));
    switch_on("", 64);
    bool off = false;
    unsigned nr_handled = 0;
    Tasks tasks;
    tasks.add(0, [&] {
      kmem_sim_step();
      unsigned long flags;
      local_irq_save(flags);
      off = true;
      kfree(kmalloc(8192, GFP_ATOMIC));
      off = false;
      local_irq_restore(flags);
      kmem_sim_step();
    });
    tasks.add_handler([&] {
      EXPECT_FALSE(off);
      ++nr_handled;
    });
    const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Interrupt, 0}}}));
    EXPECT_TRUE(outcome) << outcome.failure;
    ended = outcome.steps <= n;
    EXPECT_EQ(nr_handled, ended ? 0u : 1u);
    if (HasFailure()) return;
  }
  EXPECT_GT(n, 20u);
}

TEST(AnyContext, a_scope_is_its_tasks_and_not_its_cpus) {
  switch_on("", 64);
  gfp_t first = 0, second = 0;
  Tasks tasks;
  tasks.add(0, [&] {
    const unsigned saved = memalloc_noio_save();
    kmem_sim_step();
    first = current_gfp_context(GFP_KERNEL);
    memalloc_noio_restore(saved);
  });
  tasks.add(0, [&] { second = current_gfp_context(GFP_KERNEL); });
  EXPECT_TRUE(tasks.run(sim_port::plan({{0, {Event::Switch, 1}}})));
  EXPECT_EQ(first, GFP_NOIO);
  EXPECT_EQ(second, GFP_KERNEL);
}

// Locks ----------------------------------------------------------------------------------------------------------------

/// Two tasks that each add to a number twice in a critical section, disturbed by a switch at every step.
template <typename Lock, typename Unlock>
void expect_exclusion(Lock lock, Unlock unlock) {
  at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0}, [&](const Script& script) {
    switch_on("", 64);
    unsigned inside = 0, sum = 0;
    const auto work = [&] {
      for (int i = 0; i < 2; ++i) {
        lock();
        EXPECT_EQ(inside++, 0u) << "two at once";
        kmem_sim_step();
        ++sum;
        --inside;
        unlock();
      }
    };
    Tasks tasks;
    tasks.add(0, work);
    tasks.add(1, work);
    const Outcome outcome = tasks.run(script);
    EXPECT_EQ(sum, outcome ? 4u : sum);
    return outcome;
  });
}

TEST(Locks, let_one_in_at_a_time_whenever_tasks_are_switched) {
  static spinlock_t spinlock;
  static struct mutex mutex;
  static rwlock_t rwlock;
  expect_exclusion([] { spin_lock(&spinlock); }, [] { spin_unlock(&spinlock); });
  expect_exclusion([] { mutex_lock(&mutex); }, [] { mutex_unlock(&mutex); });
  expect_exclusion([] { write_lock(&rwlock); }, [] { write_unlock(&rwlock); });
}

}  // namespace
}  // namespace sim
