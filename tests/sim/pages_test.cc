// The page allocator: every operation disturbed at every step by each other, on machines with much memory, with little,
// and with a host that refuses.

#include "sim/world.h"

namespace sim {
namespace {

constexpr kmem::Gfp kGfp = kmem::gfp::kKernel;

/// Somebody who holds pages: blocks by order and runs.  Every frame of them is in the ledger.
class Holder {
 public:
  Holder(World& world, Ledger& ledger) : world_(world), ledger_(ledger) {}

  void alloc(unsigned order, kmem::Gfp gfp = kGfp) {
    Page* page = world_.pages.alloc(gfp, {static_cast<uint8_t>(order)}, kmem::kNoNode);
    if (page) hold({page, uint64_t{1} << order, order, false}, gfp & kmem::gfp::kZero);
  }
  void alloc_run(uint64_t nr, kmem::Gfp gfp = kGfp) {
    bool zeroed = false;
    Page* page = world_.pages.alloc_run(gfp, nr, {0}, kmem::kNoNode, zeroed);
    if (page) hold({page, nr, 0, true}, gfp & kmem::gfp::kZero);
  }
  void resize_run(uint64_t nr) {
    if (held_.empty() || !held_.back().run) return;
    Held& run = held_.back();
    release(run);
    bool zeroed = false;
    if (world_.pages.resize_run(run.page, nr, zeroed)) run.nr = nr;
    hold_frames(run, false);
  }
  void free_last() {
    if (held_.empty()) return;
    const Held last = held_.back();
    held_.pop_back();
    release(last);
    if (last.run) world_.pages.free_run(last.page);
    else EXPECT_TRUE(world_.pages.free(last.page, {static_cast<uint8_t>(last.order)}));
  }
  void free_all() {
    while (!held_.empty()) free_last();
  }
  World& world() { return world_; }
  size_t nr_held() const { return held_.size(); }

 private:
  struct Held {
    Page* page;
    uint64_t nr;
    unsigned order;
    bool run;
  };

  char* frame(const Held& h, uint64_t i) const { return world_.pages.address(world_.pages.pfn_of(h.page) + i); }
  void hold(const Held& h, bool zero) {
    held_.push_back(h);
    hold_frames(h, zero);
  }
  // The first and the last few frames stand for all of a large block.
  template <typename Do>
  void for_frames(const Held& h, Do what) const {
    for (uint64_t i = 0; i < h.nr; ++i)
      if (i < 4 || i + 4 >= h.nr) what(frame(h, i));
  }
  void hold_frames(const Held& h, bool zero) {
    for_frames(h, [&](char* at) {
      EXPECT_TRUE(!zero || *reinterpret_cast<uint64_t*>(at) == 0) << "not zeroed";
      ledger_.took(at, kmem::kPageSize);
    });
  }
  void release(const Held& h) {
    for_frames(h, [&](char* at) { ledger_.gives(at, kmem::kPageSize); });
  }

  World& world_;
  Ledger& ledger_;
  std::vector<Held> held_;
};

struct Operation {
  const char* name;
  void (*run)(Holder&);
};
const Operation kOperations[] = {
    {"a page", [](Holder& h) { h.alloc(0); }},
    {"a zeroed page", [](Holder& h) { h.alloc(0, kGfp | kmem::gfp::kZero); }},
    {"8 pages", [](Holder& h) { h.alloc(3, kGfp | kmem::gfp::kZero); }},
    {"a block of 1024", [](Holder& h) { h.alloc(10); }},
    {"a run of 70", [](Holder& h) { h.alloc_run(70, kGfp | kmem::gfp::kZero); }},
    {"a run, longer, shorter", [](Holder& h) { h.alloc_run(5), h.resize_run(9), h.resize_run(2); }},
    {"a free", [](Holder& h) { h.free_last(); }},
    {"three frees", [](Holder& h) { h.free_last(), h.free_last(), h.free_last(); }},
    {"a drain", [](Holder& h) { h.world().pages.drain(); }},
    {"a trim", [](Holder& h) { h.world().pages.trim(); }},
};

struct Case {
  const char* name;
  Facts facts;
  void (*start)(Holder& first, Holder& second);
};
const Case kCases[] = {
    {"a fresh machine", {}, [](Holder&, Holder&) {}},
    {"lists on both CPUs, dirty memory",
     {},
     [](Holder& a, Holder& b) {
       for (int i = 0; i < 70; ++i) a.alloc(0);
       sim_port::stand_on(1);
       b.alloc(0), b.alloc(3), b.alloc_run(40);
       sim_port::stand_on(0);
       for (int i = 0; i < 67; ++i) a.free_last();
     }},
    {"a section that is nearly full",
     {},
     [](Holder& a, Holder& b) { a.alloc(10), b.alloc(9), b.alloc(8), b.alloc_run(200), a.alloc(0), b.alloc(0); }},
    {"memory is short",
     {.ram = {{{4 * sim_port::kGiB}, 8 * sim_port::kMiB, {}}}},
     [](Holder& a, Holder& b) {
       for (int i = 0; i < 6; ++i) a.alloc(8);
       b.alloc(7), b.alloc(0), a.alloc(0), a.alloc(3);
     }},
};

Outcome disturbed(const Case& c, const Operation& operation, const Operation& intruder, bool interrupt, const Script& script) {
  World world(c.facts);
  Ledger ledger;
  Holder first(world, ledger), second(world, ledger);
  c.start(first, second);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(first); });
  if (interrupt) tasks.add_handler([&] { intruder.run(second); });
  else tasks.add(1, [&] { intruder.run(second); });
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_sound(world.pages.check());
  first.free_all();
  second.free_all();
  expect_all_frames_free(world);
  expect_all_sheaves_free(world);
  return outcome;
}

void every_pair(const Case& c, bool interrupt) {
  const Event event{interrupt ? Event::Interrupt : Event::Switch, interrupt ? 0u : 1u};
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations) {
      SCOPED_TRACE(std::string(c.name) + ": '" + operation.name + "' disturbed by '" + intruder.name + "'");
      runs += at_every_step(
          event, [&](const Script& s) { return disturbed(c, operation, intruder, interrupt, s); }, Steps::MayBeNone);
      if (testing::Test::HasFailure()) return;
    }
  EXPECT_GT(runs, 500u) << "the scenarios have become too short to show anything";
}

TEST(Pages, a_fresh_machine_bears_interrupts_at_every_step) { every_pair(kCases[0], true); }
TEST(Pages, lists_and_dirty_memory_bear_interrupts_at_every_step) { every_pair(kCases[1], true); }
TEST(Pages, a_section_that_ends_bears_interrupts_at_every_step) { every_pair(kCases[2], true); }
TEST(Pages, short_memory_bears_interrupts_at_every_step) { every_pair(kCases[3], true); }
TEST(Pages, lists_bear_another_cpu_at_every_step) { every_pair(kCases[1], false); }
TEST(Pages, short_memory_bears_another_cpu_at_every_step) { every_pair(kCases[3], false); }

// What fails is refused, and nothing is lost by it; nobody asks without end.
TEST(Pages, the_host_may_refuse_any_call) {
  for (uint64_t nth = 1; nth <= 12; ++nth)
    for (const bool and_all_after : {false, true}) {
      SCOPED_TRACE("call " + std::to_string(nth) + (and_all_after ? " and all after it" : ""));
      World world;
      Ledger ledger;
      Holder holder(world, ledger);
      host().online.refuse(nth, and_all_after);
      host().discard.refuse(nth, and_all_after);
      Tasks tasks;
      tasks.add(0, [&] {
        for (int i = 0; i < 8; ++i) holder.alloc(10), holder.alloc(9), holder.alloc_run(100), holder.alloc(0);
        holder.free_all();
        world.pages.trim();
        for (int i = 0; i < 8; ++i) holder.alloc_run(300, kGfp | kmem::gfp::kZero), holder.alloc(0, kGfp | kmem::gfp::kZero);
      });
      const Outcome outcome = tasks.run(sim_port::undisturbed());
      EXPECT_TRUE(outcome) << outcome.failure;
      EXPECT_GT(host().online.calls() + host().discard.calls(), nth);
      expect_sound(world.pages.check());
      holder.free_all();
      expect_all_frames_free(world);
      if (HasFailure()) return;
    }
}

TEST(Pages, a_trim_gives_all_that_was_used_to_the_host_and_it_reads_as_zero_again) {
  World world;
  Ledger ledger;
  Holder holder(world, ledger);
  holder.alloc(10), holder.alloc(10), holder.alloc(9), holder.alloc_run(100), holder.alloc(0);
  ASSERT_EQ(holder.nr_held(), 5u);
  holder.free_all();
  world.pages.trim();
  EXPECT_EQ(world.pages.zone(0).nr_dirty(), 0u);
  EXPECT_GE(world.pages.zone(0).reporting().nr_returned(), 2u * 1024 + 512 + 100 + 1);
  holder.alloc(10, kGfp | kmem::gfp::kZero), holder.alloc(10, kGfp | kmem::gfp::kZero);
  holder.free_all();
  expect_all_frames_free(world);
}

// Four tasks on two CPUs, interrupts, migrations.
TEST(Pages, any_order_of_events_loses_no_frame) {
  for (uint64_t seed = 1; seed <= seeds(300); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Case& c = kCases[seed % std::size(kCases)];
    World world(c.facts);
    Ledger ledger;
    std::vector<std::unique_ptr<Holder>> holders;
    for (int i = 0; i < 6; ++i) holders.push_back(std::make_unique<Holder>(world, ledger));
    c.start(*holders[0], *holders[1]);
    Tasks tasks;
    uint64_t draw = seed;
    const auto work = [&](Holder& holder) {
      for (int i = 0; i < 6; ++i)
        kOperations[(draw = draw * 6364136223846793005u + 1442695040888963407u) >> 33 & 7].run(holder);
    };
    for (unsigned i = 0; i < 4; ++i) tasks.add(i % 2, [&, i] { work(*holders[i]); });
    tasks.add_handler([&] { holders[4]->alloc(0), holders[4]->free_last(); });
    tasks.add_handler([&] { holders[5]->alloc(3), holders[5]->free_last(); });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 12, .nr_tasks = 4, .nr_handlers = 2, .nr_cpus = 2}));
    EXPECT_TRUE(outcome) << outcome.failure;
    if (!outcome) return;
    expect_sound(world.pages.check());
    for (auto& holder : holders) holder->free_all();
    expect_all_frames_free(world);
    expect_all_sheaves_free(world);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sim
