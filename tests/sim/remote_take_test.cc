// One CPU takes another's sheaf while the other is in the middle of using it.

#include <algorithm>

#include "sim/world.h"
#include "sync/cpu_words.h"

namespace sim {
namespace {

using kmem::RemoteTake;

constexpr Slot kSlot{7};
constexpr CpuId kUser{1};
void* thing(uintptr_t n) { return reinterpret_cast<void*>(n * 16); }

/// A sheaf of things on the user's CPU, and where each of them ends.
struct Shelf {
  explicit Shelf(unsigned n, unsigned capacity = 4) {
    for (unsigned i = 1; i <= n; ++i) all.push_back(thing(i));
    CpuStack::words(kUser)[kSlot.index] = full_sheaf(all, capacity).as_word(world.sheaves.base());
  }
  Sheaf full_sheaf(const std::vector<void*>& things, unsigned capacity) {
    Sheaf sheaf = Sheaf::empty(world.sheaves.get_shared(), capacity);
    for (void* p : things) sheaf.put(p);
    return sheaf;
  }

  void pop() {
    if (void* p = CpuStack::try_pop(kSlot)) held.push_back(p);
  }
  /// Puts a new thing there; where that fails it stays with the user.
  void push(unsigned n) {
    all.push_back(thing(n));
    if (CpuStack::try_push(kSlot, thing(n)) != Push::Done) held.push_back(thing(n));
  }
  void collect(Sheaf sheaf) {
    while (sheaf && !sheaf.is_empty()) held.push_back(sheaf.take());
  }
  void exchange_empty() {
    const std::vector<void*> fresh = {thing(101), thing(102)};
    Sheaf old;
    const Sheaf mine = full_sheaf(fresh, 4);
    all.insert(all.end(), fresh.begin(), fresh.end());
    collect(exchange_if_empty(world.sheaves, kSlot, mine, old) ? old : mine);
  }
  void exchange_full() {
    Sheaf old;
    if (exchange_if_full(world.sheaves, kSlot, full_sheaf({}, 4), old)) collect(old);
  }

  void count() {
    const uint64_t word = CpuStack::word(kUser, kSlot);
    EXPECT_NE(word, world.sheaves.closed()) << "the slot stays closed for ever";
    if (word != world.sheaves.closed()) collect(Sheaf::of_word(world.sheaves.base(), word));
    std::sort(all.begin(), all.end());
    std::sort(held.begin(), held.end());
  }
  void expect_nothing_lost() {
    count();
    EXPECT_EQ(held, all) << "something was lost, or is there twice";
  }

  World world{Facts{.nr_cpus = 4}};
  std::vector<void*> all, held;
};

void take(Shelf& shelf) {
  const uint64_t begun = RemoteTake::begin(shelf.world.sheaves, kUser, kSlot);
  if (begun && !kmem_port_fence_cpus(kmem::Fence::Asked)) return RemoteTake::undo(shelf.world.sheaves, kUser, kSlot, begun);
  shelf.collect(RemoteTake::finish(shelf.world.sheaves, kUser, kSlot, begun));
}

/// Begin, fence, finish, as take_everywhere() does for one CPU.
void take_from_user(Shelf& shelf) {
  if (!shelf.world.sheaves.begin_taking(kSlot)) return;
  take(shelf);
  shelf.world.sheaves.end_taking(kSlot);
}

struct Use {
  const char* name;
  unsigned nr_there;
  void (*run)(Shelf&);
};
const Use kUses[] = {
    {"pop", 3, [](Shelf& s) { s.pop(); }},
    {"pop of the last one", 1, [](Shelf& s) { s.pop(); }},
    {"push", 3, [](Shelf& s) { s.push(50); }},
    {"pop and push", 2, [](Shelf& s) { s.pop(), s.push(50); }},
    {"push and pop", 2, [](Shelf& s) { s.push(50), s.pop(); }},
    {"exchange of an empty sheaf", 0, [](Shelf& s) { s.exchange_empty(); }},
    {"exchange of a full sheaf", 4, [](Shelf& s) { s.exchange_full(); }},
};

Outcome take_during(const Use& use, const Script& script, bool refuse_fence) {
  Shelf shelf(use.nr_there);
  if (refuse_fence) host().fence.refuse(1, true);
  Tasks tasks;
  tasks.add(kUser.value, [&] { use.run(shelf); });
  tasks.add(0, [&] { take_from_user(shelf); });
  const Outcome outcome = tasks.run(script);
  shelf.expect_nothing_lost();
  return outcome;
}

TEST(RemoteTake, a_sheaf_is_taken_whole_or_not_at_all_at_every_two_steps) {
  for (const Use& use : kUses) {
    SCOPED_TRACE(use.name);
    at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0},
                       [&](const Script& script) { return take_during(use, script, false); });
  }
}

TEST(RemoteTake, without_a_fence_everything_is_as_before) {
  for (const Use& use : kUses) {
    SCOPED_TRACE(use.name);
    at_every_two_steps({Event::Switch, 1}, {Event::Switch, 0},
                       [&](const Script& script) { return take_during(use, script, true); });
  }
}

/// The user goes so far, the first taker so far, the user again so far; then the second begins, and each ends.
Script three_turns(uint64_t a, uint64_t b, uint64_t c) {
  const Event to_user{Event::Switch, 2}, to_first{Event::Switch, 0}, to_second{Event::Switch, 1};
  return sim_port::plan(
      {{0, to_user}, {a + 1, to_first}, {a + b + 1, to_user}, {a + b + c + 1, to_second}, {a + b + c + 5, to_first}});
}

/// Runs two takers against each use, in many orders, and counts the runs after which something is wrong.
template <typename Take>
unsigned count_wrong(Take take_it) {
  unsigned wrong = 0;
  for (const Use& use : kUses)
    for (uint64_t a = 0; a < 10; ++a)
      for (uint64_t b = 1; b < 10; ++b)
        for (uint64_t c = 1; c < 10; ++c) {
          Shelf shelf(use.nr_there);
          Tasks tasks;
          tasks.add(0, [&] { take_it(shelf); });
          tasks.add(2, [&] { take_it(shelf); });
          tasks.add(kUser.value, [&] { use.run(shelf); });
          EXPECT_TRUE(tasks.run(three_turns(a, b, c)));
          shelf.count();
          wrong += shelf.held != shelf.all;
        }
  return wrong;
}

TEST(RemoteTake, two_cpus_may_take_from_the_same_one) { EXPECT_EQ(count_wrong(take_from_user), 0u); }

// A sequence in flight wins over the first taker, the second closes the slot again, and the first takes that for its
// own closing.
TEST(RemoteTake, without_turns_two_takers_would_give_things_out_twice) { EXPECT_GT(count_wrong(take), 0u); }

// The same by chance, with more of everybody.
TEST(RemoteTake, any_number_of_takers_and_users_lose_nothing) {
  for (uint64_t seed = 1; seed <= seeds(3000); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Shelf shelf(3);
    Tasks tasks;
    for (const uint32_t cpu : {0u, 2u, 3u}) tasks.add(cpu, [&] { take_from_user(shelf), take_from_user(shelf); });
    tasks.add(kUser.value, [&] { shelf.pop(), shelf.exchange_empty(), shelf.push(50); });
    tasks.add(kUser.value, [&] { shelf.push(60), shelf.exchange_full(), shelf.pop(); });
    // Nobody is migrated: what the takers find on their own CPUs is not looked at here.
    const Outcome outcome = tasks.run([random = sim_port::random(seed, {.odds = 3, .nr_tasks = 5})](const auto& m) {
      const Event event = random(m);
      return event.kind == Event::Switch ? event : Event{};
    });
    EXPECT_TRUE(outcome) << outcome.failure;
    shelf.expect_nothing_lost();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sim
