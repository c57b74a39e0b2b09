// Slabs of the reserve at the end of memory: nobody but urgent callers has their objects, at whatever step who comes, and when
// there is memory again they are slabs like all others.

#include "sim/world.h"

namespace sim {
namespace {

namespace gfp = kmem::gfp;
constexpr kmem::Gfp kOrdinary = gfp::kKswapdReclaim;

/// A machine of 8 MiB of which all is taken that ordinary callers may have.
struct Full {
  Full() : world({.nr_cpus = 2, .ram = {{{4 * sim_port::kGiB}, 8 * sim_port::kMiB, {}}}}), cache(world.cache(1000)) {
    for (const unsigned order : {9u, 6u, 3u, 0u})
      while (Page* page = world.pages.alloc(gfp::kKernel | gfp::kNoRetry, {static_cast<uint8_t>(order)}, kmem::kNoNode))
        blocks.push_back({page, order});
  }
  void recover() {
    for (const auto& [page, order] : blocks) EXPECT_TRUE(world.pages.free(page, {static_cast<uint8_t>(order)}));
    blocks.clear();
  }
  /// An object there and back, as GFP_ATOMIC.
  void borrow() {
    void* p = cache.alloc(gfp::kAtomic);
    EXPECT_TRUE(p);
    if (p) cache.free(p);
  }
  void finish() {
    recover();
    for (void* p : kept) cache.free(p);
    kept.clear();
    expect_sound(cache.check());
    EXPECT_EQ(cache.nr_in_use(), 0);
    expect_nothing_stays(world);
  }
  World world;
  Cache& cache;
  std::vector<std::pair<Page*, unsigned>> blocks;
  std::vector<void*> kept;
};

TEST(ReserveSlabs, ordinary_callers_get_none_of_their_objects_at_any_step) {
  const auto scenario = [&](const Script& script) {
    Full full;
    const auto ask = [&] {
      for (int i = 0; i < 3; ++i)
        if (void* p = full.cache.alloc(kOrdinary)) {
          ADD_FAILURE() << "an object of the reserve";
          full.kept.push_back(p);
        }
    };
    full.kept.push_back(full.cache.alloc(gfp::kAtomic));
    Tasks tasks;
    tasks.add(0, [&] { full.borrow(), full.borrow(); });
    tasks.add(0, ask);
    tasks.add(1, [&] { full.borrow(), ask(); });
    tasks.add_handler([&] { full.borrow(); });
    const Outcome outcome = tasks.run(script);
    full.finish();
    return outcome;
  };
  at_every_step({Event::Switch, 1}, scenario);
  at_every_step({Event::Switch, 2}, scenario);
  at_every_step({Event::Interrupt, 0}, scenario);
}

TEST(ReserveSlabs, become_ordinary_when_there_is_memory_whoever_uses_them_meanwhile) {
  const auto scenario = [&](const Script& script) {
    Full full;
    std::vector<void*> urgent;
    for (int i = 0; i < 6; ++i) urgent.push_back(full.cache.alloc(gfp::kAtomic));
    Tasks tasks;
    tasks.add(0, [&] {
      full.recover();
      for (int i = 0; i < 12; ++i)
        if (void* p = full.cache.alloc(kOrdinary)) full.kept.push_back(p);
    });
    tasks.add(1, [&] {
      for (; urgent.size() > 1; urgent.pop_back()) full.cache.free(urgent.back());
      full.borrow();
    });
    tasks.add_handler([&] { full.borrow(); });
    const Outcome outcome = tasks.run(script);
    for (void* p : urgent) full.kept.push_back(p);
    full.finish();
    return outcome;
  };
  at_every_step({Event::Switch, 1}, scenario);
  at_every_step({Event::Interrupt, 0}, scenario);
}

TEST(SampledSlabs, hold_samples_and_nothing_else_at_any_step) {
  const auto scenario = [&](const Script& script) {
    World world({.nr_cpus = 2});
    Cache& cache = world.cache(1000);
    const auto sample = [&] {
      void* p = cache.slabs().take_one(gfp::kKernel, {.sampled = true});
      EXPECT_TRUE(p && cache.slabs().is_apart(p));
      if (p) cache.free(p);
    };
    const auto ordinary = [&] {
      void* p = cache.alloc(gfp::kKernel);
      EXPECT_TRUE(p && !cache.slabs().is_apart(p));
      if (p) cache.free(p);
    };
    Tasks tasks;
    tasks.add(0, [&] { sample(), sample(); });
    tasks.add(0, ordinary);
    tasks.add(1, [&] { sample(), ordinary(); });
    tasks.add_handler(sample);
    const Outcome outcome = tasks.run(script);
    expect_sound(cache.check());
    EXPECT_EQ(cache.nr_in_use(), 0);
    expect_nothing_stays(world);
    return outcome;
  };
  at_every_step({Event::Switch, 1}, scenario);
  at_every_step({Event::Switch, 2}, scenario);
  at_every_step({Event::Interrupt, 0}, scenario);
}

}  // namespace
}  // namespace sim
