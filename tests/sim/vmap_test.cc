// vmalloc on a simulated machine: every operation disturbed at every step by each other; and what the machine finds of
// its own: a page mapped twice, one used after it was freed, frames that are lost.

#include "vmap/vmap.h"

#include "sim/world.h"

namespace kmem {

class VmapTestPeer {
 public:
  static Counter& live(Vmap& vmap) { return vmap.counts_.mine().live; }
  static uint64_t nr_deferred(Vmap& vmap) {
    uint64_t n = 0;
    for (uint32_t i = vmap.lazy_.deferred_.top(); i; i = vmap.window_.descriptor(i).link.load()) ++n;
    return n;
  }
};

}  // namespace kmem

namespace sim {
namespace {

using kmem::AreaFault;
using kmem::kPageSize;
using kmem::Vmap;

struct VmapWorld : World {
  explicit VmapWorld(const Facts& facts = {}) : World(facts) {
    vmap.init({.pages = &pages, .window_bytes = 32 * sim_port::kMiB, .physical_bytes = 64 * sim_port::kMiB});
  }
  /// On a quiet system where nobody holds an area.
  void expect_nothing_lost() {
    expect_sound(vmap.check());
    vmap.purge_all(kmem::Wait::Allowed);
    EXPECT_EQ(vmap.nr_frames(), 0u);
    EXPECT_EQ(vmap.window().used_bytes(), 0u) << "addresses are lost";
    expect_sound(vmap.check());
    expect_all_frames_free(*this);
  }
  Vmap vmap;
};

/// Somebody who holds areas, each with a mark at both ends.
class Holder {
 public:
  Holder(VmapWorld& world, bool may_sleep) : world_(world), gfp_(may_sleep ? kmem::gfp::kKernel : kmem::gfp::kAtomic) {}

  void alloc(size_t pages, kmem::Gfp more = 0) {
    auto* p = static_cast<char*>(world_.vmap.alloc({.bytes = pages * kPageSize, .gfp = gfp_ | more}));
    if (!p) return;
    if (more & kmem::gfp::kZero) {
      EXPECT_EQ(p[0] | p[pages * kPageSize - 1], 0);
    }
    mark(p, pages);
    held_.push_back({p, pages});
  }
  void free_last() {
    if (held_.empty()) return;
    const auto [p, pages] = held_.back();
    held_.pop_back();
    EXPECT_TRUE(is_marked(p, pages)) << "somebody else wrote there";
    EXPECT_EQ(world_.vmap.free(p), AreaFault::None);
  }
  void resize_last(size_t pages) {
    if (held_.empty()) return;
    auto& [p, had] = held_.back();
    if (!world_.vmap.resize(p, {.bytes = pages * kPageSize, .gfp = gfp_})) return;
    had = pages;
    mark(p, had);
  }
  void map_and_unmap() {
    Page* pages[2] = {world_.pages.alloc(gfp_, {0}, kmem::kNoNode), world_.pages.alloc(gfp_, {0}, kmem::kNoNode)};
    if (pages[0] && pages[1]) {
      *home(pages[1]) = 5;
      if (auto* p = static_cast<char*>(world_.vmap.map_pages(pages, 2, 0, kmem::Access::ReadWrite, nullptr))) {
        EXPECT_EQ(p[kPageSize], 5);
        p[kPageSize] = 6;
        EXPECT_EQ(world_.vmap.unmap(p), AreaFault::None);
        EXPECT_EQ(*home(pages[1]), 6);
      }
    }
    for (Page* page : pages)
      if (page) {
        EXPECT_TRUE(world_.pages.free(page, {0}));
      }
  }
  void purge() { world_.vmap.purge_all(gfp_ == kmem::gfp::kKernel ? kmem::Wait::Allowed : kmem::Wait::Never); }
  void free_all() {
    while (!held_.empty()) free_last();
  }

 private:
  char* home(Page* page) { return world_.pages.address(world_.pages.pfn_of(page)); }
  static void mark(char* p, size_t pages) {
    *reinterpret_cast<char**>(p) = *reinterpret_cast<char**>(p + pages * kPageSize - 8) = p;
  }
  static bool is_marked(char* p, size_t pages) {
    return *reinterpret_cast<char**>(p) == p && *reinterpret_cast<char**>(p + pages * kPageSize - 8) == p;
  }

  VmapWorld& world_;
  kmem::Gfp gfp_;
  std::vector<std::pair<char*, size_t>> held_;
};

struct Operation {
  const char* name;
  void (*run)(Holder&);
};
const Operation kOperations[] = {
    {"a page", [](Holder& h) { h.alloc(1); }},
    {"three cleared pages", [](Holder& h) { h.alloc(3, kmem::gfp::kZero); }},
    {"a free", [](Holder& h) { h.free_last(); }},
    {"a pair", [](Holder& h) { h.alloc(1), h.free_last(); }},
    {"longer, shorter", [](Holder& h) { h.resize_last(4), h.resize_last(1); }},
    {"a purge", [](Holder& h) { h.purge(); }},
    {"pages shown", [](Holder& h) { h.map_and_unmap(); }},
};

using Start = void (*)(Holder&, Holder&);
const Start kStarts[] = {
    [](Holder&, Holder&) {},
    // Each has an area, one is lazy, and the window has holes.
    [](Holder& a, Holder& b) {
      a.alloc(3), b.alloc(1), a.alloc(1), b.alloc(3), a.alloc(1), a.free_last(), b.alloc(5), b.free_last();
    },
};

Outcome disturbed(const Operation& operation, const Operation& intruder, Start start, bool interrupt, const Script& script) {
  VmapWorld world;
  Holder first(world, true), second(world, !interrupt);
  start(first, second);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(first); });
  if (interrupt) tasks.add_handler([&] { intruder.run(second); });
  else tasks.add(1, [&] { intruder.run(second); });
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_sound(world.vmap.check());
  first.free_all();
  second.free_all();
  world.expect_nothing_lost();
  return outcome;
}

/// At some of the steps, others for each pair; all of them with KMEM_SIM_MORE=11.
template <typename Scenario>
uint64_t at_some_steps(const Event& event, uint64_t from, Scenario scenario) {
  const uint64_t stride = seeds(1) < 11 ? 11 / seeds(1) : 1;
  for (uint64_t n = from % stride, runs = 1;; n += stride, ++runs) {
    SCOPED_TRACE("the event comes at step " + std::to_string(n));
    const Outcome outcome = scenario(sim_port::plan({{n, event}}));
    EXPECT_TRUE(outcome) << outcome.failure;
    if (testing::Test::HasFailure() || outcome.steps <= n) return runs;
  }
}

void every_pair(bool interrupt) {
  uint64_t runs = 0, pair = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations)
      for (const Start start : kStarts) {
        SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "'");
        const Event event{interrupt ? Event::Interrupt : Event::Switch, interrupt ? 0u : 1u};
        runs += at_some_steps(event, ++pair,
                              [&](const Script& script) { return disturbed(operation, intruder, start, interrupt, script); });
        if (testing::Test::HasFailure()) return;
      }
  EXPECT_GT(runs, 500u);
}

TEST(Vmap, every_operation_bears_interrupts_at_every_step) { every_pair(true); }
TEST(Vmap, every_operation_bears_another_cpu_at_every_step) { every_pair(false); }

// The child of a fork has what lies on the stack; what the task that is cut off had in its hands is lost to it.
TEST(Vmap, at_every_step_of_emptying_what_was_deferred_one_area_at_most_is_in_hand) {
  constexpr uint64_t kAreas = 6;
  const uint64_t runs = at_every_step({Event::Interrupt, 0}, [&](const Script& script) {
    VmapWorld world;
    std::vector<void*> areas;
    for (uint64_t i = 0; i < kAreas; ++i) areas.push_back(world.vmap.alloc({.bytes = kPageSize, .align = 2 * kPageSize}));
    Tasks tasks;
    tasks.add(0, [&] {
      kmem::add_preempt_count(1);
      for (void* p : areas) EXPECT_EQ(world.vmap.free(p), AreaFault::None);
      kmem::add_preempt_count(-1);
      EXPECT_EQ(kmem::VmapTestPeer::nr_deferred(world.vmap), kAreas);
      world.vmap.lazy().purge_surplus();
    });
    tasks.add_handler([&] {
      if (world.vmap.nr_areas()) return;  // still being freed
      EXPECT_LE(world.vmap.nr_frames(), kmem::VmapTestPeer::nr_deferred(world.vmap) + 1)
          << "a child would never give them back";
    });
    const Outcome outcome = tasks.run(script);
    world.expect_nothing_lost();
    return outcome;
  });
  EXPECT_GT(runs, 50u);
}

TEST(Vmap, any_order_of_events_loses_neither_frames_nor_addresses) {
  for (uint64_t seed = 1; seed <= seeds(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    VmapWorld world;
    std::vector<std::unique_ptr<Holder>> holders;
    for (int i = 0; i < 5; ++i) holders.push_back(std::make_unique<Holder>(world, i < 4));
    Tasks tasks;
    uint64_t draw = seed;
    for (unsigned i = 0; i < 4; ++i)
      tasks.add(i % 2, [&, i] {
        for (int n = 0; n < 6; ++n)
          kOperations[((draw = draw * 6364136223846793005u + 1442695040888963407u) >> 33) % std::size(kOperations)].run(
              *holders[i]);
      });
    tasks.add_handler([&] { holders[4]->alloc(1), holders[4]->alloc(2), holders[4]->free_last(); });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 12, .nr_tasks = 4, .nr_handlers = 1, .nr_cpus = 2}));
    EXPECT_TRUE(outcome) << outcome.failure;
    if (!outcome) return;
    for (auto& holder : holders) holder->free_all();
    world.expect_nothing_lost();
    if (HasFailure()) return;
  }
}

TEST(Vmap, the_host_may_refuse_any_call) {
  for (uint64_t nth = 1; nth <= 14; ++nth)
    for (const bool and_all_after : {false, true}) {
      SCOPED_TRACE("call " + std::to_string(nth) + (and_all_after ? " and all after it" : ""));
      VmapWorld world;
      Holder holder(world, true);
      host().window.refuse(nth, and_all_after);
      host().guard.refuse(nth, and_all_after);
      host().map.refuse(nth, and_all_after);
      host().online.refuse(nth, and_all_after);
      for (int i = 0; i < 4; ++i) holder.alloc(3), holder.alloc(200), holder.resize_last(210), holder.map_and_unmap();
      expect_sound(world.vmap.check());
      holder.free_all();
      world.expect_nothing_lost();
      if (HasFailure()) return;
    }
}

TEST(Vmap, a_host_that_maps_no_more_is_named_a_few_times_and_not_to_who_wants_no_warning) {
  VmapWorld world;
  host().window.refuse(1, true);
  EXPECT_FALSE(world.vmap.alloc({.bytes = kPageSize, .gfp = kmem::gfp::kKernel | kmem::gfp::kNoWarn}));
  EXPECT_EQ(host().log, "");
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(world.vmap.alloc({.bytes = kPageSize}));
  EXPECT_TRUE(host().logged("vmalloc: the host allows no more mappings; see vm.max_map_count"));
  EXPECT_LT(host().log.size(), 2000u);
  world.expect_nothing_lost();
}

// A page can be in one place: the second would move away what the first has there.
TEST(Vmap, of_two_who_map_one_page_at_once_one_gets_it) {
  for (uint64_t n = 0;; ++n) {
    SCOPED_TRACE("the switch comes at step " + std::to_string(n));
    VmapWorld world;
    Page* page = world.pages.alloc(kmem::gfp::kKernel, {0}, kmem::kNoNode);
    *world.pages.address(world.pages.pfn_of(page)) = 'x';
    char* shown[2] = {};
    Tasks tasks;
    for (unsigned i = 0; i < 2; ++i)
      tasks.add(i,
                [&, i] { shown[i] = static_cast<char*>(world.vmap.map_pages(&page, 1, 0, kmem::Access::ReadWrite, nullptr)); });
    const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Switch, 1}}}));
    ASSERT_TRUE(outcome) << outcome.failure;
    ASSERT_NE(!shown[0], !shown[1]) << "one of the two";
    char* p = shown[0] ? shown[0] : shown[1];
    EXPECT_EQ(*p, 'x');
    EXPECT_EQ(world.vmap.shown_at(page), p);
    EXPECT_EQ(world.vmap.unmap(p), AreaFault::None);
    EXPECT_EQ(*world.pages.address(world.pages.pfn_of(page)), 'x');
    EXPECT_TRUE(world.pages.free(page, {0}));
    world.expect_nothing_lost();
    if (HasFailure() || outcome.steps <= n) return;
  }
}

// Many areas on a host without guards that cost nothing.
TEST(Vmap, a_guard_page_that_is_open_is_looked_at_when_the_area_is_freed) {
  VmapWorld world;
  host().guard.refuse(1, true);
  kmem::VmapTestPeer::live(world.vmap).add(10000);
  auto* quiet = static_cast<char*>(world.vmap.alloc({.bytes = kPageSize}));
  auto* loud = static_cast<char*>(world.vmap.alloc({.bytes = 2 * kPageSize}));
  loud[2 * kPageSize] = 1;
  EXPECT_EQ(world.vmap.free(quiet), AreaFault::None);
  EXPECT_EQ(host().log, "");
  EXPECT_EQ(world.vmap.free(loud), AreaFault::None);
  EXPECT_TRUE(host().logged("the guard page behind vmalloc area")) << host().log;
  world.expect_nothing_lost();
  EXPECT_TRUE(world.vmap.alloc({.bytes = 3 * kPageSize})) << "what was left open is used again";
}

// What the machine finds ----------------------------------------------------------------------------------------------

Outcome run(std::function<void()> body) {
  Tasks tasks;
  tasks.add(0, std::move(body));
  return tasks.run(sim_port::undisturbed());
}

TEST(VmapFinds, a_page_that_is_mapped_twice) {
  VmapWorld world;
  const Outcome outcome = run([&] {
    void* p = world.vmap.alloc({.bytes = 1});
    kmem_port_window_open(p, kPageSize, kmem::Access::ReadWrite, kmem::WindowPages::Small);
  });
  EXPECT_EQ(outcome.failure.find("window: a page was mapped twice"), 0u) << outcome.failure;
}

TEST(VmapFinds, a_page_that_is_used_after_it_was_freed_and_before_it_was_flushed) {
  VmapWorld world;
  const Outcome outcome = run([&] {
    auto* p = static_cast<char*>(world.vmap.alloc({.bytes = 1}));
    world.vmap.free(p);
    p[100] = 1;
    world.vmap.purge_all(kmem::Wait::Allowed);
  });
  EXPECT_EQ(outcome.failure.find("window: a page was used after it was unmapped"), 0u) << outcome.failure;
}

TEST(VmapFinds, frames_that_are_lost) {
  VmapWorld world;
  auto* p = static_cast<char*>(world.vmap.alloc({.bytes = 5 * kPageSize}));
  kmem::Window& window = world.vmap.window();
  window.set_frames(window.at(p), 2, {}, 1);
  EXPECT_TRUE(world.vmap.check().is("V1"));
}

}  // namespace
}  // namespace sim
