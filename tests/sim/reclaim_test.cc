// Waiting, waking and reclaim threads on a simulated machine: every wait ends, and the clock says when.

#include "port/task.h"
#include "sim/world.h"

namespace sim {
namespace {

using kmem::Gfp;
using kmem::OomNotifier;
using kmem::ShrinkControl;
using kmem::Shrinker;
namespace gfp = kmem::gfp;

constexpr uint64_t kMs = 1'000'000;

/// A node of 8 MiB, one section, so that what is free is what is online.
Facts one_node() { return {.ram = {{{4 * sim_port::kGiB}, 8 * sim_port::kMiB, {}}}}; }
Facts two_nodes() {
  Facts facts{.nr_cpus = 2, .nr_nodes = 2, .ram = {}};
  for (uint8_t n = 0; n < 2; ++n) facts.ram.push_back({{(4 + n) * sim_port::kGiB}, 8 * sim_port::kMiB, {n}});
  return facts;
}

struct Block {
  Page* page;
  uint8_t order;
};

/// Blocks that a shrinker has to give.
struct Hoard : Shrinker {
  explicit Hoard(World& where) : world(where) {
    count = [](Shrinker& self, ShrinkControl& control) -> uint64_t {
      auto& me = static_cast<Hoard&>(self);
      ++me.nr_counts;
      me.nodes_seen.insert(control.nid);
      return me.blocks.size();
    };
    scan = [](Shrinker& self, ShrinkControl& control) -> uint64_t {
      auto& me = static_cast<Hoard&>(self);
      ++me.nr_scans;
      me.largest_scan = control.nr_to_scan > me.largest_scan ? control.nr_to_scan : me.largest_scan;
      uint64_t freed = 0;
      for (; freed < control.nr_to_scan && !me.blocks.empty(); ++freed) {
        EXPECT_TRUE(me.world.pages.free(me.blocks.back().page, {me.blocks.back().order}));
        me.blocks.pop_back();
      }
      return freed;
    };
    EXPECT_TRUE(world.pages.reclaim().shrinkers().add(*this));
  }
  ~Hoard() { EXPECT_TRUE(world.pages.reclaim().shrinkers().remove(*this)); }
  World& world;
  std::vector<Block> blocks;
  std::set<int> nodes_seen;
  uint64_t largest_scan = 0;
  int nr_counts = 0, nr_scans = 0;
};

class Reclaim : public testing::Test {
 protected:
  void switch_on(const Facts& facts) { world_ = std::make_unique<World>(facts); }
  World& world() { return *world_; }
  kmem::Reclaim& reclaim() { return world_->pages.reclaim(); }
  /// All that these flags get, in blocks of these orders.
  std::vector<Block> take_all(Gfp gfp, std::initializer_list<unsigned> orders = {6, 0}, int nid = kmem::kNoNode) {
    std::vector<Block> blocks;
    for (const unsigned order : orders)
      while (Page* page = world_->pages.alloc(gfp, {static_cast<uint8_t>(order)}, nid))
        blocks.push_back({page, static_cast<uint8_t>(order)});
    return blocks;
  }
  void give(std::vector<Block>& blocks) {
    for (const Block& b : blocks) EXPECT_TRUE(world_->pages.free(b.page, {b.order}));
    blocks.clear();
  }
  void TearDown() override {
    if (!world_) return;
    sim_port::stand_on(0);
    expect_all_frames_free(*world_);
  }
  std::unique_ptr<World> world_;
};

// The reserve ------------------------------------------------------------------------------------------------------------

TEST_F(Reclaim, each_kind_of_caller_leaves_what_the_table_says) {
  const struct {
    const char* who;
    Gfp gfp;
    uint32_t flags;
    bool interrupt;
    uint64_t of_16;  // of sixteen parts of min
  } rows[] = {
      {"GFP_KERNEL", gfp::kKernel, 0, false, 16},
      {"GFP_NOWAIT", gfp::kKswapdReclaim, 0, false, 16},
      {"GFP_KERNEL with __GFP_HIGH", gfp::kKernel | gfp::kHigh, 0, false, 8},
      {"GFP_ATOMIC", gfp::kAtomic, 0, false, 6},
      {"GFP_ATOMIC in an interrupt", gfp::kAtomic, 0, true, 6},
      {"GFP_ATOMIC in an interrupt of a task that reclaims", gfp::kAtomic, kmem::task_flag::kMemAlloc, true, 6},
      {"a task that reclaims", gfp::kAtomic, kmem::task_flag::kMemAlloc, false, 0},
      {"__GFP_MEMALLOC", gfp::kKernel | gfp::kMemAlloc, 0, false, 0},
      {"__GFP_MEMALLOC | __GFP_NOMEMALLOC", gfp::kKernel | gfp::kMemAlloc | gfp::kNoMemAlloc, 0, false, 16},
      {"an out-of-memory notifier", gfp::kKernel, kmem::task_flag::kOutOfMemory, false, 8},
  };
  for (const auto& row : rows) {
    switch_on(one_node());
    const kmem::Zone& zone = world().pages.zone(0);
    std::vector<Block> blocks;
    const auto take = [&] { blocks = take_all(row.gfp); };
    Tasks tasks;
    if (row.interrupt) tasks.add_handler(take);
    tasks.add(0, [&] {
      kmem_port_task()->flags.poke(row.flags);
      if (!row.interrupt) take();
      else kmem_port_now_ns(), kmem_port_wake(nullptr, 0);  // steps, for the interrupt to come
    });
    const Outcome outcome = tasks.run(row.interrupt ? sim_port::plan({{0, {Event::Interrupt, 0}}}) : sim_port::undisturbed());
    EXPECT_TRUE(outcome) << row.who << ": " << outcome.failure;
    const uint64_t min = zone.marks().min;
    uint64_t floor = min;
    if (row.of_16 == 8) floor = min - min / 2;
    if (row.of_16 == 6) floor = min - min / 2 - (min - min / 2) / 4;
    if (row.of_16 == 0) floor = 0;
    EXPECT_EQ(zone.nr_free(), floor) << row.who;
    give(blocks);
  }
}

// An urgent caller takes of the reserve and gives back, on one CPU, while an ordinary one asks on it, or on another: at
// whatever step it comes, it gets nothing.
TEST_F(Reclaim, what_an_urgent_caller_frees_is_no_ordinary_callers_at_any_step) {
  const auto scenario = [&](const Script& script) {
    switch_on({.nr_cpus = 2, .ram = {{{4 * sim_port::kGiB}, 8 * sim_port::kMiB, {}}}});
    std::vector<Block> held;
    uint64_t leaked = 0;
    const auto borrow = [&] {
      Page* page = world().pages.alloc(gfp::kAtomic, {0}, kmem::kNoNode);
      EXPECT_TRUE(page);
      if (!page) return;
      EXPECT_TRUE(world().pages.free(page, {0}));
    };
    const auto ask = [&] {
      for (int i = 0; i < 3; ++i)
        if (Page* page = world().pages.alloc(gfp::kKswapdReclaim, {0}, kmem::kNoNode)) {
          ++leaked;
          held.push_back({page, 0});
        }
    };
    held = take_all(gfp::kKernel | gfp::kNoRetry, {9, 6, 3, 0});
    Tasks tasks;
    tasks.add(0, [&] { borrow(), borrow(); });
    tasks.add(0, ask);
    tasks.add(1, [&] { borrow(), ask(); });
    tasks.add_handler(borrow);
    const Outcome outcome = tasks.run(script);
    EXPECT_EQ(leaked, 0u);
    give(held);
    return outcome;
  };
  at_every_step({Event::Switch, 1}, scenario);
  at_every_step({Event::Switch, 2}, scenario);
  at_every_step({Event::Interrupt, 0}, scenario);
}

// Shrinkers --------------------------------------------------------------------------------------------------------------

TEST_F(Reclaim, a_shrinker_with_many_objects_is_asked_for_batches_and_what_is_less_is_owed) {
  switch_on(one_node());
  struct Counting : Shrinker {
    uint64_t left = 100'000, largest = 0, asked = 0;
  } many;
  many.count = [](Shrinker& self, ShrinkControl&) { return static_cast<Counting&>(self).left; };
  many.scan = [](Shrinker& self, ShrinkControl& control) {
    auto& me = static_cast<Counting&>(self);
    me.largest = control.nr_to_scan > me.largest ? control.nr_to_scan : me.largest;
    me.asked += control.nr_to_scan;
    me.left -= control.nr_to_scan;
    return control.nr_to_scan;
  };
  kmem::ShrinkerList& list = reclaim().shrinkers();
  ASSERT_TRUE(list.add(many));
  EXPECT_FALSE(list.add(many)) << "once is enough";
  EXPECT_EQ(list.shrink(gfp::kKernel, 0, 12, kmem::NodelessShrinkers::Ask), 0u) << "48 are less than a batch of 128";
  EXPECT_EQ(many.deferred[0].peek(), 48);
  EXPECT_EQ(list.shrink(gfp::kKernel, 0, 8, kmem::NodelessShrinkers::Ask), 768u - 768 % 128)
      << "at priority 8 it is a 256th, twice over";
  EXPECT_EQ(many.largest, 128u);
  EXPECT_GT(list.shrink(gfp::kKernel, 0, 0, kmem::NodelessShrinkers::Ask), 90'000u) << "and at 0 all";
  EXPECT_TRUE(list.remove(many));
  EXPECT_FALSE(list.remove(many));
  EXPECT_EQ(list.shrink(gfp::kKernel, 0, 0, kmem::NodelessShrinkers::Ask), 0u);
}

TEST_F(Reclaim, SHRINK_STOP_ends_a_round_and_SHRINK_EMPTY_begins_none) {
  switch_on(one_node());
  static int scans;
  scans = 0;
  Shrinker stops, empty;
  stops.count = [](Shrinker&, ShrinkControl&) { return uint64_t{1000}; };
  empty.count = [](Shrinker&, ShrinkControl&) { return kmem::kShrinkEmpty; };
  stops.scan = empty.scan = [](Shrinker&, ShrinkControl&) { return ++scans, kmem::kShrinkStop; };
  for (Shrinker* s : {&stops, &empty}) ASSERT_TRUE(reclaim().shrinkers().add(*s));
  EXPECT_EQ(reclaim().shrinkers().shrink(gfp::kKernel, 0, 0, kmem::NodelessShrinkers::Ask), 0u);
  EXPECT_EQ(scans, 1);
  for (Shrinker* s : {&stops, &empty}) EXPECT_TRUE(reclaim().shrinkers().remove(*s));
}

TEST_F(Reclaim, one_that_knows_nodes_is_asked_for_each_and_others_once) {
  switch_on(two_nodes());
  auto blocks = take_all(gfp::kKswapdReclaim);
  {
    Hoard plain(world()), aware(world());
    aware.numa_aware = true;
    EXPECT_FALSE(world().pages.alloc(gfp::kKernel | gfp::kNoRetry, {0}, 1));
    EXPECT_EQ(plain.nr_counts, 1);
    EXPECT_EQ(plain.nodes_seen, (std::set<int>{0}));
    EXPECT_EQ(aware.nodes_seen, (std::set<int>{0, 1}));
    aware.nodes_seen.clear();
    EXPECT_FALSE(world().pages.alloc(gfp::kKernel | gfp::kNoRetry | gfp::kThisNode, {0}, 1));
    EXPECT_EQ(aware.nodes_seen, (std::set<int>{1})) << "of one node only, for who insists on it";
  }
  give(blocks);
}

TEST_F(Reclaim, without_a_thread_a_caller_reclaims_at_the_low_mark_already_but_not_at_each_call) {
  switch_on(one_node());
  const kmem::Zone& zone = world().pages.zone(0);
  auto blocks = take_all(gfp::kKswapdReclaim, {0});
  std::vector<Block> above_min;
  while (zone.nr_free() < zone.marks().low - 4) {
    EXPECT_TRUE(world().pages.free(blocks.back().page, {0}));
    blocks.pop_back();
    world().pages.drain();
  }
  {
    Hoard hoard(world());
    for (int i = 0; i < 3; ++i)
      if (Page* page = world().pages.alloc(gfp::kKernel, {0}, 0)) above_min.push_back({page, 0});
    EXPECT_EQ(above_min.size(), 3u);
    EXPECT_EQ(reclaim().counts().balances.value(), 1u);
    EXPECT_GT(hoard.nr_counts, 0);
    EXPECT_EQ(reclaim().counts().stalls.value(), 0u) << "nobody had to";
    host().now_ns += 100 * kMs;
    if (Page* page = world().pages.alloc(gfp::kKernel, {0}, 0)) above_min.push_back({page, 0});
    EXPECT_EQ(reclaim().counts().balances.value(), 2u);
  }
  give(above_min);
  give(blocks);
}

// A bound that others share ----------------------------------------------------------------------------------------------

/// The machine has 2048 frames, of a bound of 1500 that others live under too.
struct SharedBound : Reclaim {
  static constexpr uint64_t kBound = 1500;

  void SetUp() override {
    switch_on(one_node());
    world().pages.bound().set_on(true);
    host().room = [this] {
      const uint64_t taken = ours() + others;
      return (kBound > taken ? kBound - taken : 0) * kmem::kPageSize;
    };
  }
  const kmem::Zone& zone() { return world().pages.zone(0); }
  /// What the host sees of us: what is free counts as long as it is resident.
  uint64_t ours() { return zone().nr_in_use() + zone().nr_dirty(); }
  /// Single frames until there are no more, or so many; nothing waits.
  std::vector<Block> take(uint64_t n, Gfp gfp = gfp::kKernel | gfp::kNoRetry) {
    std::vector<Block> blocks;
    while (blocks.size() < n)
      if (Page* page = world().pages.alloc(gfp | gfp::kNoWarn, {0}, 0)) blocks.push_back({page, 0});
      else break;
    return blocks;
  }
  uint64_t others = 0;
};

TEST_F(SharedBound, nobody_gets_more_than_it_has) {
  auto blocks = take(~0u);
  EXPECT_LE(ours(), kBound);
  EXPECT_GE(blocks.size(), kBound - 64);
  give(blocks);
}

TEST_F(SharedBound, what_others_take_is_missed_in_time) {
  auto blocks = take(300);
  others = 1000;
  for (Block& more : take(~0u)) blocks.push_back(more);
  EXPECT_LE(ours() + others, kBound);
  EXPECT_GE(ours() + others, kBound - 64);
  others = 200;
  host().now_ns += kMs;
  for (Block& more : take(~0u)) blocks.push_back(more);
  EXPECT_LE(ours() + others, kBound) << "and is had when they have given it back";
  EXPECT_GE(ours() + others, kBound - 64);
  give(blocks);
}

TEST_F(SharedBound, three_others_that_grow_as_fast_leave_it_whole_too) {
  const auto before = host().room;
  host().room = [&] { return others = 3 * ours(), before(); };
  auto blocks = take(~0u);
  EXPECT_LE(4 * ours(), kBound + kBound / 8);
  EXPECT_GE(4 * ours(), kBound / 2);
  host().room = before;
  others = 0;
  give(blocks);
}

TEST_F(SharedBound, shrinkers_are_asked_before_a_request_fails) {
  auto blocks = take(600);
  {
    Hoard hoard(world());
    hoard.blocks = take(200);
    others = kBound - ours();
    host().now_ns += 200 * kMs;
    const auto more = take(100, gfp::kKernel);
    EXPECT_EQ(more.size(), 100u);
    EXPECT_GT(hoard.nr_scans, 0);
    for (const Block& b : more) blocks.push_back(b);
    give(hoard.blocks);
  }
  others = 0;
  give(blocks);
}

TEST_F(SharedBound, reserves_still_serve_and_who_cannot_sleep_asks_nobody) {
  others = kBound;
  auto blocks = take(~0u);
  EXPECT_LE(blocks.size(), 64u);
  const unsigned looks = host().nr_looks;
  auto urgent = take(20, gfp::kAtomic);
  EXPECT_EQ(urgent.size(), 20u);
  EXPECT_TRUE(take(~0u, gfp::kKswapdReclaim).empty());
  EXPECT_EQ(host().nr_looks, looks);
  give(urgent);
  give(blocks);
}

TEST_F(SharedBound, is_looked_at_by_amount_and_not_by_call) {
  auto blocks = take(200);
  give(blocks);
  const unsigned looks = host().nr_looks;
  EXPECT_LE(looks, 1 + 200 / 16u);
  for (int i = 0; i < 1000; ++i) {
    auto some = take(8);
    give(some);
  }
  EXPECT_EQ(host().nr_looks, looks);
}

// Each of so many may have looked when there was much, and lost its CPU until there was nothing.
TEST_F(SharedBound, what_is_taken_on_one_look_is_little) {
  std::vector<Block> blocks;
  uint64_t before = ours();
  unsigned looks = host().nr_looks;
  for (bool more = true; more;) {
    const auto one = take(1);
    more = !one.empty();
    if (host().nr_looks != looks) {
      EXPECT_LE(ours() - before, 2 * 16u) << "a stride, and the frames that a CPU's list has in advance";
      before = ours();
      looks = host().nr_looks;
    }
    for (const Block& b : one) blocks.push_back(b);
  }
  EXPECT_GE(blocks.size(), kBound - 64);
  give(blocks);
}

// Free frames that are resident are ours, but a request may get others, which are not.
TEST_F(SharedBound, resident_free_frames_are_not_counted_for_those_that_are_taken_instead) {
  auto blocks = take(500);
  std::vector<Block> rest;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i % 2) rest.push_back(blocks[i]);
    else EXPECT_TRUE(world().pages.free(blocks[i].page, {0}));
  }
  world().pages.drain();
  ASSERT_GT(zone().nr_dirty(), 200u);
  others = kBound - ours();
  host().now_ns += kMs;
  while (Page* page = world().pages.alloc(gfp::kKernel | gfp::kNoRetry | gfp::kNoWarn, {3}, 0)) rest.push_back({page, 3});
  EXPECT_LE(ours() + others, kBound + 2 * 16u);
  EXPECT_GE(ours() + others, kBound - 64) << "what was resident can still be had";
  give(rest);
}

TEST_F(SharedBound, where_the_host_does_not_say_all_is_ours) {
  host().room = nullptr;
  auto blocks = take(~0u);
  EXPECT_GT(blocks.size(), kBound);
  give(blocks);
}

// Waiting ----------------------------------------------------------------------------------------------------------------

TEST_F(Reclaim, who_waits_is_woken_by_who_frees_and_not_by_the_clock) {
  switch_on(one_node());
  auto blocks = take_all(gfp::kKswapdReclaim, {6, 1, 0});
  Page* got = nullptr;
  const uint64_t start = host().now_ns;
  Tasks tasks;
  tasks.add(0, [&] { got = world().pages.alloc(gfp::kKernel | gfp::kRetryMayFail, {1}, 0); });
  tasks.add(1, [&] { give(blocks); });
  const Outcome outcome = tasks.run(sim_port::undisturbed());
  EXPECT_TRUE(outcome) << outcome.failure;
  ASSERT_TRUE(got);
  EXPECT_EQ(host().now_ns, start) << "no deadline had to come";
  EXPECT_EQ(reclaim().counts().waits.value(), 1u);
  EXPECT_TRUE(world().pages.free(got, {1}));
}

TEST_F(Reclaim, the_waits_of_a_request_that_may_fail_are_bounded_by_the_clock) {
  switch_on(one_node());
  auto blocks = take_all(gfp::kKswapdReclaim);
  const uint64_t start = host().now_ns;
  EXPECT_FALSE(world().pages.alloc(gfp::kKernel | gfp::kRetryMayFail, {0}, 0));
  EXPECT_EQ(host().now_ns, start + 16 * 10 * kMs);
  EXPECT_FALSE(world().pages.alloc(gfp::kKernel | gfp::kNoRetry, {0}, 0));
  EXPECT_EQ(host().now_ns, start + 16 * 10 * kMs) << "one try does not wait";
  give(blocks);
}

TEST_F(Reclaim, a_wait_that_must_not_fail_is_told_of_every_ten_seconds) {
  switch_on(one_node());
  auto blocks = take_all(gfp::kAtomic);
  Page* got = nullptr;
  Tasks tasks;
  const uint64_t start = host().now_ns;
  tasks.add(0, [&] { got = world().pages.alloc(gfp::kKernel | gfp::kNoFail, {0}, 0); });
  tasks.add(1, [&] {
    static uint32_t nobody;
    kmem_port_wait(&nobody, 0, start + 25'000 * kMs);
    give(blocks);
  });
  const Outcome outcome = tasks.run(sim_port::undisturbed());
  EXPECT_TRUE(outcome) << outcome.failure;
  EXPECT_TRUE(got);
  EXPECT_TRUE(host().logged("an allocation that must not fail (order 0"));
  EXPECT_TRUE(host().logged("has waited for 10 s") && host().logged("has waited for 20 s")) << host().log;
  EXPECT_FALSE(host().logged("has waited for 30 s"));
  if (got) {
    EXPECT_TRUE(world().pages.free(got, {0}));
  }
}

TEST_F(Reclaim, an_interrupt_neither_waits_nor_reclaims_whatever_its_flags_say) {
  switch_on(one_node());
  auto blocks = take_all(gfp::kKswapdReclaim);
  {
    Hoard hoard(world());
    Tasks tasks;
    tasks.add(0, [&] { kmem_port_wake(nullptr, 0); });
    tasks.add_handler([&] { EXPECT_FALSE(world().pages.alloc(gfp::kKernel, {0}, 0)); });
    const Outcome outcome = tasks.run(sim_port::plan({{0, {Event::Interrupt, 0}}}));
    EXPECT_TRUE(outcome) << outcome.failure << ": an interrupt that waits ends the run";
    EXPECT_EQ(hoard.nr_counts, 0);
  }
  give(blocks);
}

/// Whatever comes between, at any step: an interrupt, the other CPU; the waiter gets its page, and nothing is lost.
TEST_F(Reclaim, a_waiter_and_a_freer_may_meet_at_any_step) {
  for (const Event& event : {Event{Event::Switch, 1}, Event{Event::Switch, 0}, Event{Event::Interrupt, 0}}) {
    const uint64_t runs = at_every_step(event, [&](const Script& script) {
      switch_on(one_node());
      auto blocks = take_all(gfp::kKswapdReclaim, {6, 1, 0});
      Page* got = nullptr;
      Tasks tasks;
      tasks.add(0, [&] { got = world().pages.alloc(gfp::kKernel | gfp::kRetryMayFail, {1}, 0); });
      tasks.add(1, [&] {
        for (int i = 0; i < 3 && !blocks.empty(); ++i) {
          EXPECT_TRUE(world().pages.free(blocks.back().page, {blocks.back().order}));
          blocks.pop_back();
        }
        give(blocks);
      });
      tasks.add_handler([&] {
        Page* page = world().pages.alloc(gfp::kAtomic, {0}, 0);
        EXPECT_TRUE(!page || world().pages.free(page, {0}));
      });
      const Outcome outcome = tasks.run(script);
      EXPECT_TRUE(got);
      EXPECT_TRUE(!got || world().pages.free(got, {1}));
      give(blocks);
      expect_all_frames_free(world());
      return outcome;
    });
    EXPECT_GT(runs, 20u);
  }
}

// Out of memory ----------------------------------------------------------------------------------------------------------

struct Helper : OomNotifier {
  explicit Helper(World& where) : world(where) {
    call = [](OomNotifier& self, uint64_t& freed) {
      auto& me = static_cast<Helper&>(self);
      ++me.nr_calls;
      // What it allocates may go deeper than its caller, and does not call it again.
      if (Page* page = me.world.pages.alloc(gfp::kKernel, {0}, 0)) {
        ++me.nr_served;
        EXPECT_TRUE(me.world.pages.free(page, {0}));
      }
      freed += me.blocks.size();
      for (const Block& b : me.blocks) EXPECT_TRUE(me.world.pages.free(b.page, {b.order}));
      me.blocks.clear();
      return true;
    };
    EXPECT_TRUE(world.pages.reclaim().oom().add(*this));
  }
  ~Helper() { EXPECT_TRUE(world.pages.reclaim().oom().remove(*this)); }
  World& world;
  std::vector<Block> blocks;
  int nr_calls = 0, nr_served = 0;
};

TEST_F(Reclaim, the_last_who_can_help_may_use_the_reserve_and_their_help_is_taken) {
  switch_on(one_node());
  auto blocks = take_all(gfp::kKswapdReclaim);
  {
    Helper helper(world());
    helper.blocks.push_back(blocks.front());
    blocks.erase(blocks.begin());
    Page* page = world().pages.alloc(gfp::kKernel, {0}, 0);
    ASSERT_TRUE(page);
    EXPECT_EQ(helper.nr_calls, 1);
    EXPECT_EQ(helper.nr_served, 1);
    EXPECT_TRUE(world().pages.free(page, {0}));
  }
  give(blocks);
}

TEST_F(Reclaim, two_who_run_out_at_once_ask_for_help_one_after_the_other) {
  switch_on(one_node());
  for (uint64_t seed = 1; seed <= seeds(40); ++seed) {
    switch_on(one_node());
    auto blocks = take_all(gfp::kKswapdReclaim);
    static int inside;
    inside = 0;
    OomNotifier slow;
    slow.call = [](OomNotifier&, uint64_t&) {
      EXPECT_EQ(++inside, 1);
      static uint32_t nobody;
      kmem_port_wait(&nobody, 0, kmem_port_now_ns() + 3 * kMs);
      --inside;
      return true;
    };
    ASSERT_TRUE(reclaim().oom().add(slow));
    Tasks tasks;
    for (const uint32_t cpu : {0u, 1u}) tasks.add(cpu, [&] { EXPECT_FALSE(world().pages.alloc(gfp::kKernel, {0}, 0)); });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 16, .nr_tasks = 2, .nr_cpus = 2}));
    EXPECT_TRUE(outcome) << outcome.failure;
    EXPECT_TRUE(reclaim().oom().remove(slow));
    give(blocks);
    if (HasFailure()) return;
  }
}

// Threads ----------------------------------------------------------------------------------------------------------------

TEST_F(Reclaim, a_thread_for_each_node_sleeps_until_the_low_mark_and_works_up_to_the_high_one) {
  switch_on(two_nodes());
  std::vector<Block> kept;
  {
    Hoard hoard(world());
    hoard.numa_aware = true;
    reclaim().threads().start();
    ASSERT_EQ(host().spawned.size(), 2u);
    Tasks tasks;
    tasks.add(0, [&] {
      // Half of node 0 is the hoard's.  When the rest is gone, the thread takes it back before anybody must wait.
      for (int i = 0; i < 1000; ++i)
        if (Page* page = world().pages.alloc(gfp::kKernel | gfp::kThisNode, {0}, 0)) hoard.blocks.push_back({page, 0});
      while (world().pages.zone(0).nr_free() > world().pages.zone(0).marks().low)
        kept.push_back({world().pages.alloc(gfp::kKernel | gfp::kThisNode, {0}, 0), 0});
      for (int i = 0; i < 200; ++i) {
        kept.push_back({world().pages.alloc(gfp::kKernel | gfp::kThisNode, {0}, 0), 0});
        ASSERT_TRUE(kept.back().page);
        static uint32_t nobody;
        kmem_port_wait(&nobody, 0, kmem_port_now_ns() + kMs);  // the thread's turn
      }
      EXPECT_EQ(reclaim().counts().stalls.value(), 0u) << "nobody had to reclaim himself";
      EXPECT_EQ(reclaim().counts().balances.value(), 0u);
      reclaim().threads().stop();
    });
    for (auto& body : host().spawned) tasks.add(1, body);
    const Outcome outcome = tasks.run(sim_port::undisturbed());
    EXPECT_TRUE(outcome) << outcome.failure;
    EXPECT_GT(reclaim().counts().thread_wakes.value(), 0u);
    EXPECT_GT(reclaim().counts().thread_rounds.value(), 0u);
    EXPECT_EQ(hoard.nodes_seen, (std::set<int>{0})) << "the other node was not short";
    EXPECT_GT(hoard.nr_scans, 0);
    give(hoard.blocks);
  }
  give(kept);
}

TEST_F(Reclaim, a_thread_that_can_free_nothing_rests_and_does_not_spin) {
  switch_on(one_node());
  auto blocks = take_all(gfp::kKswapdReclaim);
  reclaim().threads().start();
  ASSERT_EQ(host().spawned.size(), 1u);
  Tasks tasks;
  const uint64_t start = host().now_ns;
  tasks.add(0, [&] {
    for (int i = 0; i < 1000; ++i) {
      EXPECT_FALSE(world().pages.alloc(gfp::kKswapdReclaim, {0}, 0));
      static uint32_t nobody;
      kmem_port_wait(&nobody, 0, kmem_port_now_ns() + kMs);
    }
    reclaim().threads().stop();
  });
  tasks.add(1, host().spawned[0]);
  const Outcome outcome = tasks.run(sim_port::undisturbed());
  EXPECT_TRUE(outcome) << outcome.failure;
  EXPECT_LE(reclaim().counts().thread_rounds.value(), (host().now_ns - start) / (100 * kMs) + 1);
  give(blocks);
}

TEST_F(Reclaim, the_word_of_the_host_is_heard_by_a_thread_where_there_is_one_and_by_callers_where_not) {
  for (const bool threads : {true, false}) {
    switch_on(one_node());
    host().watches_pressure = true;
    reclaim().watch_host();
    host().pressure = 1;
    Tasks tasks;
    tasks.add(0, [&] {
      static uint32_t nobody;
      for (int i = 0; i < 20; ++i) {
        Page* page = world().pages.alloc(gfp::kKernel, {2}, 0);
        EXPECT_TRUE(page && world().pages.free(page, {2}));
        kmem_port_wait(&nobody, 0, kmem_port_now_ns() + 10 * kMs);
      }
      reclaim().threads().stop();
      host().pressure = 0;
    });
    if (threads) {
      reclaim().threads().start();
      ASSERT_EQ(host().spawned.size(), 2u);
      tasks.add(1, host().spawned[0]);
      Tasks listener;
      host().pressure = 1;
      listener.add(1, host().spawned[1]);
      listener.run(sim_port::undisturbed());  // it hears, works, and listens again for ever
    }
    const Outcome outcome = tasks.run(sim_port::undisturbed());
    EXPECT_TRUE(outcome) << outcome.failure;
    EXPECT_EQ(reclaim().counts().pressures.value(), 1u) << (threads ? "with a thread" : "without");
  }
}

TEST_F(Reclaim, where_the_host_has_no_thread_for_us_callers_do_the_work) {
  switch_on(one_node());
  host().spawn.refuse(1, true);
  reclaim().threads().start();
  EXPECT_FALSE(reclaim().threads().exist());
  auto blocks = take_all(gfp::kKswapdReclaim);
  EXPECT_FALSE(world().pages.alloc(gfp::kKernel, {0}, 0));
  EXPECT_EQ(reclaim().counts().balances.value(), 1u);
  EXPECT_EQ(reclaim().counts().stalls.value(), 1u);
  give(blocks);
}

}  // namespace
}  // namespace sim
