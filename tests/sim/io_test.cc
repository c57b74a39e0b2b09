// ioremap on a simulated machine: mapping, unmapping and accesses disturbed at every step by each other; and what the
// machine finds of its own: a page of a device mapped twice, an access after the unmap, files and addresses that are lost.

#include "vmap/io_space.h"

#include "sim/world.h"

namespace sim {
namespace {

using kmem::AreaFault;
using kmem::IoFault;
using kmem::kPageSize;

constexpr uint64_t kCard = 0xf0000000, kDisk = 0xf0100000, kHostCard = 0xf0200000;

/// A register that counts, and one that keeps what was written.
struct Card {
  unsigned long long kept = 0;
  unsigned nr_reads = 0, nr_writes = 0;
  static unsigned long long read(void* card, size_t offset, unsigned) {
    auto& self = *static_cast<Card*>(card);
    ++self.nr_reads;
    return offset == 8 ? self.kept : 0x600d;
  }
  static void write(void* card, size_t, unsigned, unsigned long long value) {
    auto& self = *static_cast<Card*>(card);
    ++self.nr_writes;
    self.kept = value;
  }
};
constexpr kmem::IoOps kCardOps{Card::read, Card::write};

/// A simulated card; a disk whose registers are a file that the program registered; a card that the host shows.
struct IoWorld : World {
  explicit IoWorld() : World(Facts{}) {
    vmap.init({.pages = &pages, .window_bytes = 32 * sim_port::kMiB, .physical_bytes = 64 * sim_port::kMiB});
    io.init(&pages, &vmap);
    host().devices = {device("disk", kDisk), device("0000:00:05.0 BAR 0", kHostCard)};
    EXPECT_EQ(io.add_simulated("card", kCard, 2 * kPageSize, &kCardOps, &card), IoFault::None);
    EXPECT_EQ(io.add_file("disk", kDisk, 4 * kPageSize, 0, 0), IoFault::None);
  }
  static kmem::HostDevice device(const char* name, uint64_t phys) {
    kmem::HostDevice made = {};
    strncpy(made.name, name, sizeof made.name - 1);
    made.phys = phys;
    made.bytes = 4 * kPageSize;
    return made;
  }
  void* map(uint64_t phys, uint64_t bytes, IoFault& fault) {
    kmem::TextOf<128> who;
    return io.map(phys, bytes, kmem::IoWrites::Single, nullptr, fault, who);
  }
  /// On a quiet system where nobody has anything mapped.
  void expect_nothing_lost() {
    expect_sound(io.check());
    expect_sound(vmap.check());
    EXPECT_EQ(io.remove(kCard), IoFault::None);
    EXPECT_EQ(io.remove(kDisk), IoFault::None);
    EXPECT_EQ(host().nr_open_devices, 0) << "files are lost";
    vmap.purge_all(kmem::Wait::Allowed);
    EXPECT_EQ(vmap.window().used_bytes(), 0u) << "addresses are lost";
    expect_sound(vmap.check());
    expect_all_frames_free(*this);
  }
  kmem::Vmap vmap;
  kmem::IoSpace io;
  Card card;
};

/// A driver: it maps devices, uses their registers, and unmaps them.
class Driver {
 public:
  explicit Driver(IoWorld& world, bool may_sleep = true) : world_(world), may_sleep_(may_sleep) {}

  void map(uint64_t phys, uint64_t bytes) {
    IoFault fault = IoFault::None;
    char* p = static_cast<char*>(world_.map(phys, bytes, fault));
    if (p) mapped_.push_back(p);
    else EXPECT_TRUE(!may_sleep_ || fault == IoFault::Host || fault == IoFault::Full) << text_of(fault);
  }
  void unmap_last() {
    if (mapped_.empty()) return;
    char* p = mapped_.back();
    mapped_.pop_back();
    EXPECT_EQ(world_.io.unmap(p), AreaFault::None);
  }
  void unmap_all() {
    while (!mapped_.empty()) unmap_last();
  }
  void use_last() {
    if (mapped_.empty()) return;
    bool gone = true;
    world_.io.write<uint32_t>(0x1234, mapped_.back() + 8, gone);
    EXPECT_FALSE(gone);
    EXPECT_NE(world_.io.read<uint32_t>(mapped_.back() + 8, gone), ~0u);
    EXPECT_FALSE(gone);
  }
  void plug_and_unplug() {
    const uint64_t phys = kCard + 0x100000 * (may_sleep_ ? 4 : 5);
    if (world_.io.add_simulated("another", phys, kPageSize, &kCardOps, &world_.card) != IoFault::None) return;
    EXPECT_EQ(world_.io.remove(phys), IoFault::None);
  }
  void claim_and_release() {
    if (world_.io.claim(kCard, kPageSize, "driver")) ++nr_claimed_;
    if (nr_claimed_ && world_.io.release(kCard, kPageSize)) --nr_claimed_;
  }
  size_t nr_mapped() const { return mapped_.size(); }

 private:
  IoWorld& world_;
  bool may_sleep_;
  unsigned nr_claimed_ = 0;
  std::vector<char*> mapped_;
};

struct Operation {
  const char* name;
  void (*run)(Driver&);
};
const Operation kOperations[] = {
    {"the card", [](Driver& d) { d.map(kCard, 16), d.use_last(), d.unmap_last(); }},
    {"the second page of the disk", [](Driver& d) { d.map(kDisk + kPageSize, kPageSize), d.use_last(), d.unmap_last(); }},
    {"what the host shows", [](Driver& d) { d.map(kHostCard + 4, 64), d.use_last(), d.unmap_last(); }},
    {"one that stays", [](Driver& d) { d.map(kHostCard, 4 * kPageSize); }},
    {"an unmap", [](Driver& d) { d.unmap_last(); }},
    {"a device comes and goes", [](Driver& d) { d.plug_and_unplug(); }},
    {"a region", [](Driver& d) { d.claim_and_release(); }},
};

Outcome disturbed(const Operation& operation, const Operation& intruder, bool interrupt, const Script& script) {
  IoWorld world;
  Driver first(world), second(world, !interrupt);
  first.map(kHostCard, 8), second.map(kDisk, 3 * kPageSize);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(first); });
  if (interrupt) tasks.add_handler([&] { intruder.run(second); });
  else tasks.add(1, [&] { intruder.run(second); });
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_sound(world.io.check());
  first.unmap_all();
  second.unmap_all();
  world.expect_nothing_lost();
  return outcome;
}

uint64_t every_pair(bool interrupt) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations) {
      SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "'");
      const Event event{interrupt ? Event::Interrupt : Event::Switch, interrupt ? 0u : 1u};
      const uint64_t stride = seeds(1) < 5 ? 5 / seeds(1) : 1;
      for (uint64_t n = runs % stride;; n += stride, ++runs) {
        SCOPED_TRACE("the event comes at step " + std::to_string(n));
        const Outcome outcome = disturbed(operation, intruder, interrupt, sim_port::plan({{n, event}}));
        EXPECT_TRUE(outcome) << outcome.failure;
        if (testing::Test::HasFailure()) return runs;
        if (outcome.steps <= n) break;
      }
    }
  return runs;
}

TEST(IoremapSteps, every_operation_bears_interrupts) { EXPECT_GT(every_pair(true), 500u); }
TEST(IoremapSteps, every_operation_bears_another_cpu) { EXPECT_GT(every_pair(false), 500u); }

TEST(IoremapSteps, any_order_of_events_loses_neither_files_nor_addresses) {
  for (uint64_t seed = 1; seed <= seeds(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    IoWorld world;
    std::vector<Driver> drivers(4, Driver(world));
    Tasks tasks;
    uint64_t draw = seed;
    for (unsigned i = 0; i < drivers.size(); ++i)
      tasks.add(i % 2, [&, i] {
        for (int n = 0; n < 6; ++n)
          kOperations[((draw = draw * 6364136223846793005u + 1442695040888963407u) >> 33) % std::size(kOperations)].run(
              drivers[i]);
      });
    const Outcome outcome = tasks.run(sim_port::random(seed, {.odds = 12, .nr_tasks = 4, .nr_handlers = 0, .nr_cpus = 2}));
    EXPECT_TRUE(outcome) << outcome.failure;
    if (!outcome) return;
    for (Driver& driver : drivers) driver.unmap_all();
    world.expect_nothing_lost();
    if (HasFailure()) return;
  }
}

// Two that come at once for one stretch: one gets it, whatever the order of their steps.
TEST(IoremapSteps, no_two_devices_and_no_two_claims_overlap) {
  for (const bool claims : {false, true})
    for (uint64_t n = 0;; ++n) {
      SCOPED_TRACE("the switch comes at step " + std::to_string(n));
      IoWorld world;
      unsigned nr_done = 0;
      const auto take = [&](uint64_t phys) {
        nr_done += claims ? world.io.claim(phys, 2 * kPageSize, "claim") != nullptr
                          : world.io.add_simulated("x", phys, 2 * kPageSize, &kCardOps, &world.card) == IoFault::None;
      };
      Tasks tasks;
      tasks.add(0, [&] { take(0xf8000000); });
      tasks.add(1, [&] { take(0xf8001000); });
      const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Switch, 1}}}));
      ASSERT_TRUE(outcome) << outcome.failure;
      EXPECT_EQ(nr_done, 1u);
      expect_sound(world.io.check());
      if (HasFailure()) return;
      if (outcome.steps <= n) break;
    }
}

TEST(IoremapSteps, an_access_that_meets_an_unmap_gets_the_register_or_ones) {
  for (uint64_t n = 0;; ++n) {
    SCOPED_TRACE("the unmap comes at step " + std::to_string(n));
    IoWorld world;
    IoFault fault;
    char* p = static_cast<char*>(world.map(kCard, 16, fault));
    ASSERT_TRUE(p);
    uint32_t value = 0;
    bool gone = false;
    Tasks tasks;
    tasks.add(0, [&] { value = world.io.read<uint32_t>(p, gone); });
    tasks.add(1, [&] { EXPECT_EQ(world.io.unmap(p), AreaFault::None); });
    const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Switch, 1}}}));
    ASSERT_TRUE(outcome) << outcome.failure;
    EXPECT_EQ(value, gone ? ~0u : 0x600du);
    world.expect_nothing_lost();
    if (HasFailure() || outcome.steps <= n) return;
  }
}

TEST(IoremapSteps, of_two_unmaps_at_once_one_is_told) {
  for (uint64_t n = 0;; ++n) {
    SCOPED_TRACE("the second comes at step " + std::to_string(n));
    IoWorld world;
    IoFault fault;
    void* p = world.map(kHostCard, 16, fault);
    unsigned nr_done = 0;
    const auto unmap = [&] { nr_done += world.io.unmap(p) == AreaFault::None; };
    Tasks tasks;
    tasks.add(0, unmap);
    tasks.add(1, unmap);
    const Outcome outcome = tasks.run(sim_port::plan({{n, {Event::Switch, 1}}}));
    ASSERT_TRUE(outcome) << outcome.failure;
    EXPECT_EQ(nr_done, 1u);
    world.expect_nothing_lost();
    if (HasFailure() || outcome.steps <= n) return;
  }
}

TEST(IoremapSteps, the_host_may_refuse_any_call) {
  for (uint64_t nth = 1; nth <= 10; ++nth)
    for (const bool and_all_after : {false, true}) {
      SCOPED_TRACE("call " + std::to_string(nth) + (and_all_after ? " and all after it" : ""));
      IoWorld world;
      Driver driver(world);
      host().window.refuse(nth, and_all_after);
      host().map.refuse(nth, and_all_after);
      host().online.refuse(nth, and_all_after);
      for (const Operation& operation : kOperations) operation.run(driver);
      driver.unmap_all();
      world.expect_nothing_lost();
      if (HasFailure()) return;
    }
}

// Its addresses would be given to vmalloc with the device's registers behind them.
TEST(IoremapSteps, a_mapping_that_the_host_does_not_take_away_stays) {
  IoWorld world;
  IoFault fault;
  void* p = world.map(kDisk, 16, fault);
  host().close.refuse(1);
  EXPECT_EQ(world.io.unmap(p), AreaFault::Host);
  expect_sound(world.io.check());
  EXPECT_EQ(world.io.unmap(p), AreaFault::None);
  world.expect_nothing_lost();
}

// What the machine finds ----------------------------------------------------------------------------------------------

Outcome run(std::function<void()> body) {
  Tasks tasks;
  tasks.add(0, std::move(body));
  return tasks.run(sim_port::undisturbed());
}

TEST(IoremapFinds, a_page_of_a_device_that_is_mapped_twice) {
  IoWorld world;
  const Outcome outcome = run([&] {
    IoFault fault;
    void* p = world.map(kDisk, kPageSize, fault);
    kmem_port_window_device(p, 0, 0, kPageSize);
  });
  EXPECT_EQ(outcome.failure.find("window: a page was mapped twice"), 0u) << outcome.failure;
}

TEST(IoremapFinds, an_access_after_the_unmap) {
  IoWorld world;
  IoFault fault;
  char* p = static_cast<char*>(world.map(kDisk, kPageSize, fault));
  bool gone = false;
  world.io.write<uint32_t>(7, p, gone);
  EXPECT_EQ(world.io.read<uint32_t>(p, gone), 7u);
  EXPECT_EQ(world.io.unmap(p), AreaFault::None);
  EXPECT_EQ(world.io.read<uint32_t>(p, gone), ~0u);
  EXPECT_TRUE(gone);
  EXPECT_EQ(world.io.unmap(p), AreaFault::Freed);
  world.expect_nothing_lost();
}

TEST(IoremapFinds, a_device_that_overlaps_memory_or_another) {
  IoWorld world;
  EXPECT_EQ(world.io.add_simulated("x", kDisk + kPageSize, 16, &kCardOps, nullptr), IoFault::Overlap);
  EXPECT_EQ(world.io.add_simulated("x", 4 * sim_port::kGiB, 16, &kCardOps, nullptr), IoFault::Ram);
  IoFault fault;
  EXPECT_EQ(world.map(kDisk + 3 * kPageSize, 2 * kPageSize, fault), nullptr);
  EXPECT_EQ(fault, IoFault::Beyond);
  world.expect_nothing_lost();
}

TEST(IoremapFinds, a_file_that_is_closed_too_often) {
  IoWorld world;
  const Outcome outcome = run([&] { kmem_port_close_device(0), kmem_port_close_device(0); });
  EXPECT_EQ(outcome.failure.find("a device was closed that was not open"), 0u) << outcome.failure;
}

}  // namespace
}  // namespace sim
