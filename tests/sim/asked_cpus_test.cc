// A CPU wants what another one holds, and may not interrupt it: it asks, and the other brings it when it comes by.

#include "sim/world.h"

namespace sim {
namespace {

constexpr CpuId kUser{1};

/// Two caches; what CPU 1 holds of one of them is asked for.
struct Asking {
  Asking() {
    host().fences_unasked = false;
    world.pages.set_reclaim({.shrink = nullptr,
                             .answer =
                                 [](void* w, CpuId cpu) {
                                   for (auto& each : static_cast<World*>(w)->caches) each->sheaves().answer(cpu);
                                 },
                             .use_fell = nullptr,
                             .out_of_memory = nullptr,
                             .arg = &world});
  }
  World world{Facts{.nr_cpus = 4}};
  Ledger ledger;
  Cache& cache = world.cache(64);
  Cache& other = world.cache(192, "others");
  User user{cache, ledger}, elsewhere{other, ledger};

  /// What the user's CPU comes by with: objects of the other cache, so many that a sheaf is exchanged.
  void come_by() {
    elsewhere.take(200);
    elsewhere.give_all();
  }
};

template <typename F>
void on(CpuId cpu, F f) {
  Tasks tasks;
  tasks.add(cpu.value, f);
  EXPECT_TRUE(tasks.run(sim_port::plan({})));
}

TEST(AskedCpus, bring_what_they_hold_when_they_come_by) {
  Asking a;
  on(kUser, [&] { a.user.take(20), a.user.give_all(); });
  EXPECT_GT(count_cached(a.world, a.cache), 0u);
  on({0}, [&] { a.cache.shrink(kmem::OtherCpus::Ask); });
  EXPECT_GT(count_cached(a.world, a.cache), 0u) << "without a fence nothing can be taken";
  EXPECT_GT(a.cache.nr_slabs(), 0);
  on(kUser, [&] { a.come_by(); });
  EXPECT_EQ(count_cached(a.world, a.cache), 0u);
  EXPECT_EQ(a.cache.nr_slabs(), 0) << "the slabs went with the last objects";
  expect_nothing_stays(a.world);
}

TEST(AskedCpus, who_only_asks_takes_nothing_from_others_by_force) {
  Asking a;
  on(kUser, [&] { a.user.take(20), a.user.give_all(); });
  on({0}, [&] { a.cache.shrink(kmem::OtherCpus::Leave); });
  on(kUser, [&] { a.come_by(); });
  EXPECT_GT(count_cached(a.world, a.cache), 0u) << "nobody asked";
  on({0}, [&] { a.cache.shrink(kmem::OtherCpus::Interrupt); });
  EXPECT_EQ(count_cached(a.world, a.cache), 0u);
}

TEST(AskedCpus, page_lists_come_too) {
  Asking a;
  on(kUser, [&] {
    Page* page = a.world.pages.alloc(kmem::gfp::kKernel, Order{0}, kmem::kNoNode);
    EXPECT_TRUE(a.world.pages.free(page, Order{0}));
  });
  const auto listed = [&] { return a.world.pages.lists().nr_listed(kUser, kmem::kHotPages); };
  EXPECT_GT(listed(), 0u);
  on({0}, [&] { a.world.pages.drain(kmem::OtherCpus::Ask); });
  EXPECT_GT(listed(), 0u);
  on(kUser, [&] { a.come_by(); });
  EXPECT_LT(listed(), 60u);
  expect_nothing_stays(a.world);
}

TEST(AskedCpus, nothing_is_lost_whenever_the_question_comes) {
  const uint64_t runs = at_every_two_steps({Event::Switch, 0}, {Event::Switch, kUser.value}, [](const Script& script) {
    Asking a;
    on(kUser, [&] { a.user.take(10), a.user.give(5); });
    Tasks tasks;
    tasks.add(kUser.value, [&] { a.user.give(2), a.elsewhere.take(1), a.user.take(3), a.elsewhere.give_all(); });
    tasks.add(0, [&] { a.cache.shrink(kmem::OtherCpus::Ask); });
    const Outcome outcome = tasks.run(script);
    expect_all_accounted_for(a.world, a.cache, a.user.holds());
    on(kUser, [&] { a.user.give_all(); });
    expect_nothing_stays(a.world);
    return outcome;
  });
  EXPECT_GT(runs, 50u);
}

}  // namespace
}  // namespace sim
