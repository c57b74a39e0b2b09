// Many CPUs, several nodes, tasks that are preempted, interrupted and migrated at random: a seed tells a run from
// another, and is printed when it fails.

#include "sim/world.h"

namespace sim {
namespace {

struct Shape {
  uint32_t nr_cpus;
  uint32_t nr_nodes;
  unsigned nr_tasks;
  unsigned rounds;
};

Facts machine(const Shape& shape) {
  Facts facts{.nr_cpus = shape.nr_cpus, .nr_nodes = shape.nr_nodes, .ram = {}, .nr_sheaves = 4096};
  for (uint8_t n = 0; n < shape.nr_nodes; ++n) facts.ram.push_back({{(4 + n) * sim_port::kGiB}, 64 * sim_port::kMiB, {n}});
  return facts;
}

/// Draws the next of a task's deeds from the run's seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  unsigned operator()(unsigned n) {
    return static_cast<unsigned>((state_ = state_ * 6364136223846793005u + 1442695040888963407u) >> 33) % n;
  }

 private:
  uint64_t state_;
};

void deed(User& user, Dice& dice) {
  switch (dice(8)) {
    case 0: return user.cache().shrink(static_cast<kmem::OtherCpus>(dice(3))), void();
    case 1: return user.give_all();
    case 2: return user.take(dice(12));
    case 3: return user.give(dice(12));
    case 4: return user.take(1);
    case 5: return user.give(1);
    default: return user.take(2), user.give(1);
  }
}

void run_one(const Shape& shape, uint64_t seed) {
  World world(machine(shape));
  Cache* caches[] = {&world.cache(16384, "few large"), &world.cache(256, "many small"), &world.cache(3000, "odd")};
  Ledger ledger;
  Dice dice(seed);
  std::vector<std::unique_ptr<User>> users;
  Tasks tasks;
  tasks.step_limit = 20000000;
  for (unsigned i = 0; i < shape.nr_tasks + 2; ++i) users.push_back(std::make_unique<User>(*caches[i % 3], ledger));
  for (unsigned i = 0; i < shape.nr_tasks; ++i)
    tasks.add(
        i % shape.nr_cpus,
        [&, i] {
          for (unsigned k = 0; k < shape.rounds; ++k) deed(*users[i], dice);
        },
        i % 7 != 0);  // every seventh without sequences
  for (unsigned h = 0; h < 2; ++h)
    tasks.add_handler([&, h] { users[shape.nr_tasks + h]->take(3), users[shape.nr_tasks + h]->give(3); });
  const Outcome outcome =
      tasks.run(sim_port::random(seed, {.odds = 15, .nr_tasks = shape.nr_tasks, .nr_handlers = 2, .nr_cpus = shape.nr_cpus}));
  ASSERT_TRUE(outcome) << outcome.failure;
  for (Cache* cache : caches) expect_sound(cache->check());
  for (auto& user : users) user->give_all();
  for (Cache* cache : caches) expect_all_accounted_for(world, *cache, 0);
  expect_nothing_stays(world);
}

void run_seeds(const Shape& shape, uint64_t n) {
  for (uint64_t seed = 1; seed <= seeds(n); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run_one(shape, seed);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(ManyCpus, two_cpus_and_five_tasks) { run_seeds({2, 1, 5, 12}, 400); }
TEST(ManyCpus, three_cpus_of_two_nodes) { run_seeds({3, 2, 6, 12}, 300); }
TEST(ManyCpus, sixty_four_cpus_of_four_nodes) { run_seeds({64, 4, 96, 15}, 12); }
TEST(ManyCpus, one_cpu_and_a_crowd) { run_seeds({1, 1, 20, 10}, 60); }

}  // namespace
}  // namespace sim
