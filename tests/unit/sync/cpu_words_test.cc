#include "sync/cpu_words.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>
#include <vector>

#include "unit/page/small_machine.h"

namespace kmem {
namespace {

using test::SmallMachine;

constexpr Slot kSlot{7};
void* pointer(uintptr_t n) { return reinterpret_cast<void*>(n); }

/// Keeps the thread where it is, so that "this CPU" means one CPU throughout a test.
void stay_here() {
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &all)) ++cpu;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

class CpuWordsTest : public testing::Test {
 protected:
  CpuWordsTest() { stay_here(); }
  uint64_t word() const { return CpuStack::word(CpuStack::where(), kSlot); }
  void set_word(uint64_t value) {
    const CpuId cpu = CpuStack::where();
    ASSERT_TRUE(CpuStack::replace(cpu, kSlot, word(), value));
  }
  Sheaf fresh(unsigned capacity = kSheafCapacity, unsigned fill = 0) {
    Sheaf sheaf = Sheaf::empty(pool_.get(), capacity);
    for (unsigned i = 0; i < fill; ++i) sheaf.put(pointer(16 * (i + 1)));
    return sheaf;
  }

  SmallMachine world_{{{4096, 4}}, 256};
  SheafPool& pool_ = world_.sheaves;
};

TEST_F(CpuWordsTest, untouched_memory_is_a_cpu_without_sheaves) {
  EXPECT_EQ(word(), 0u);
  EXPECT_EQ(CpuStack::pop(kSlot), nullptr);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(16)), Push::Full);
  EXPECT_FALSE(take_local(pool_, kSlot));
}

TEST_F(CpuWordsTest, an_empty_or_missing_sheaf_is_exchanged_for_a_full_one) {
  Sheaf old;
  ASSERT_TRUE(exchange_if_empty(pool_, kSlot, fresh(3, 3), old));
  EXPECT_FALSE(old) << "there was none";
  for (int i = 0; i < 3; ++i) EXPECT_NE(CpuStack::pop(kSlot), nullptr);
  EXPECT_EQ(CpuStack::pop(kSlot), nullptr);
  ASSERT_TRUE(exchange_if_empty(pool_, kSlot, fresh(5, 5), old));
  ASSERT_TRUE(old);
  EXPECT_TRUE(old.is_empty());
}

TEST_F(CpuWordsTest, a_sheaf_with_something_in_it_stays) {
  Sheaf old;
  ASSERT_TRUE(exchange_if_empty(pool_, kSlot, fresh(3, 1), old));
  const uint64_t before = word();
  EXPECT_FALSE(exchange_if_empty(pool_, kSlot, fresh(3, 3), old));
  EXPECT_EQ(word(), before);
}

TEST_F(CpuWordsTest, a_full_or_missing_sheaf_is_exchanged_for_an_empty_one) {
  Sheaf old;
  ASSERT_TRUE(exchange_if_full(pool_, kSlot, fresh(2), old));
  EXPECT_FALSE(old);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(16)), Push::Done);
  EXPECT_FALSE(exchange_if_full(pool_, kSlot, fresh(2), old)) << "there is room for one";
  EXPECT_EQ(CpuStack::push(kSlot, pointer(32)), Push::Done);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(48)), Push::Full);
  ASSERT_TRUE(exchange_if_full(pool_, kSlot, fresh(2), old));
  EXPECT_EQ(old.count(), 2u);
}

TEST_F(CpuWordsTest, what_is_pushed_last_is_popped_first) {
  Sheaf old;
  ASSERT_TRUE(exchange_if_full(pool_, kSlot, fresh(), old));
  for (uintptr_t i = 1; i <= kSheafCapacity; ++i) ASSERT_EQ(CpuStack::push(kSlot, pointer(16 * i)), Push::Done);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(8)), Push::Full);
  for (uintptr_t i = kSheafCapacity; i; --i) ASSERT_EQ(CpuStack::pop(kSlot), pointer(16 * i));
  EXPECT_EQ(CpuStack::pop(kSlot), nullptr);
}

TEST_F(CpuWordsTest, the_same_pointer_twice_in_a_row_is_noticed) {
  Sheaf old;
  ASSERT_TRUE(exchange_if_full(pool_, kSlot, fresh(), old));
  EXPECT_EQ(CpuStack::push(kSlot, pointer(16)), Push::Done);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(16)), Push::Same);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(32)), Push::Done);
}

TEST_F(CpuWordsTest, a_closed_slot_is_full_and_empty_and_is_not_exchanged) {
  set_word(pool_.closed());
  EXPECT_EQ(CpuStack::pop(kSlot), nullptr);
  EXPECT_EQ(CpuStack::push(kSlot, pointer(16)), Push::Full);
  Sheaf old;
  EXPECT_FALSE(exchange_if_empty(pool_, kSlot, fresh(3, 3), old));
  EXPECT_FALSE(exchange_if_full(pool_, kSlot, fresh(3), old));
  EXPECT_FALSE(take_local(pool_, kSlot));
}

TEST_F(CpuWordsTest, the_local_sheaf_is_taken_with_all_that_is_in_it) {
  Sheaf old;
  ASSERT_TRUE(exchange_if_full(pool_, kSlot, fresh(9, 4), old));
  const Sheaf taken = take_local(pool_, kSlot);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken.count(), 4u);
  EXPECT_EQ(word(), 0u);
}

TEST_F(CpuWordsTest, another_cpus_sheaf_is_taken_in_two_steps) {
  const CpuId cpu = CpuStack::where();  // nothing runs in between here, so our own CPU serves as the other one
  const Sheaf sheaf = fresh(9, 4);
  set_word(sheaf.as_word(pool_.base()));
  const uint64_t begun = RemoteTake::begin(pool_, cpu, kSlot);
  EXPECT_EQ(begun, sheaf.as_word(pool_.base()));
  EXPECT_EQ(word(), pool_.closed());
  EXPECT_EQ(RemoteTake::finish(pool_, cpu, kSlot, begun).words, sheaf.words);
  EXPECT_EQ(word(), 0u);
}

TEST_F(CpuWordsTest, a_sequence_in_flight_wins_over_a_remote_take) {
  const CpuId cpu = CpuStack::where();
  Sheaf sheaf = fresh(9, 4);
  set_word(sheaf.as_word(pool_.base()));
  const uint64_t begun = RemoteTake::begin(pool_, cpu, kSlot);
  sheaf.top += 1;  // what a pop that read the word before would store
  set_word(sheaf.as_word(pool_.base()));
  EXPECT_FALSE(RemoteTake::finish(pool_, cpu, kSlot, begun));
  EXPECT_EQ(word(), sheaf.as_word(pool_.base()));
}

TEST_F(CpuWordsTest, a_take_that_cannot_fence_is_undone) {
  const CpuId cpu = CpuStack::where();
  const uint64_t before = fresh(9, 4).as_word(pool_.base());
  set_word(before);
  RemoteTake::undo(pool_, cpu, kSlot, RemoteTake::begin(pool_, cpu, kSlot));
  EXPECT_EQ(word(), before);
}

TEST_F(CpuWordsTest, nothing_is_taken_where_there_is_nothing_or_somebody_else_is_at_it) {
  const CpuId cpu = CpuStack::where();
  EXPECT_EQ(RemoteTake::begin(pool_, cpu, kSlot), 0u);
  set_word(pool_.closed());
  EXPECT_EQ(RemoteTake::begin(pool_, cpu, kSlot), 0u);
  EXPECT_FALSE(RemoteTake::finish(pool_, cpu, kSlot, 0));
}

TEST_F(CpuWordsTest, taking_everywhere_takes_every_cpus_sheaf_and_the_shadows) {
  const uint32_t nr = world_.machine.nr_cpus;
  for (uint32_t cpu = 0; cpu < 2 * nr; ++cpu) CpuStack::words({cpu})[kSlot.index] = fresh(9, 2).as_word(pool_.base());
  uint32_t got = 0;
  take_everywhere(pool_, kSlot, kmem::OtherCpus::Interrupt, [&](Sheaf sheaf) { got += sheaf.count() == 2; });
  EXPECT_EQ(got, 2 * nr);
  for (uint32_t cpu = 0; cpu < 2 * nr; ++cpu) EXPECT_EQ(CpuStack::word({cpu}, kSlot), 0u);
}

// Four threads move pointers among their stacks and private pockets while a fifth takes every CPU's sheaf away again
// and again: what was put in comes out exactly once.
TEST(CpuWordsThreadsTest, remote_takes_lose_and_double_nothing) {
  SmallMachine world{{{4096, 4}}, 4096};
  SheafPool& pool = world.sheaves;
  constexpr unsigned kThreads = 4, kThings = 400;
  Atomic<uint32_t> out[kThings + 1];
  Atomic<uint32_t> wrong, done;
  const auto index = [](const void* p) { return reinterpret_cast<uintptr_t>(p) / 16; };
  const auto take_out = [&](void* p) {
    if (out[index(p)].exchange(1)) wrong.fetch_add(1);
  };
  const auto put_in = [&](void* p) {
    if (!out[index(p)].exchange(0)) wrong.fetch_add(1);
  };
  // A sheaf that was taken goes to the common stack; whoever finds its CPU empty gets it from there.
  IndexStack common;
  const auto worker = [&](unsigned id) {
    std::vector<void*> pocket;
    for (uintptr_t i = 1 + id * (kThings / kThreads); i <= (id + 1) * (kThings / kThreads); ++i) {
      out[i].store(1);
      pocket.push_back(pointer(16 * i));
    }
    test::Random random(id);
    for (int round = 0; round < 60'000; ++round) {
      if (!pocket.empty() && random.one_in(2)) {
        put_in(pocket.back());
        if (CpuStack::push(kSlot, pocket.back()) == Push::Done) {
          pocket.pop_back();
          continue;
        }
        take_out(pocket.back());
        uint64_t* words = pool.get();
        if (!words) continue;
        Sheaf old = Sheaf::empty(words, 20), with = old;
        if (exchange_if_full(pool, kSlot, with, old)) {
          if (old) pool.push(common, old);
        } else {
          pool.put(words);
        }
      } else if (void* p = CpuStack::pop(kSlot)) {
        take_out(p);
        pocket.push_back(p);
      } else if (Sheaf sheaf = pool.pop(common)) {
        while (!sheaf.is_empty()) {
          take_out(reinterpret_cast<void*>(sheaf.words[sheaf.top]));
          pocket.push_back(sheaf.take());
        }
        pool.put(sheaf.words);
      }
    }
    for (void* p : pocket) {
      put_in(p);
    }
    done.fetch_add(static_cast<uint32_t>(pocket.size()));
  };
  Atomic<uint32_t> stop;
  std::thread taker([&] {
    while (!stop.load()) take_everywhere(pool, kSlot, kmem::OtherCpus::Interrupt, [&](Sheaf s) { pool.push(common, s); });
  });
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < kThreads; ++id) threads.emplace_back(worker, id);
  for (std::thread& t : threads) t.join();
  stop.store(1);
  taker.join();
  uint32_t left = done.load();
  for (uint32_t cpu = 0; cpu < 2 * world.machine.nr_cpus; ++cpu)
    if (const uint64_t word = CpuStack::word({cpu}, kSlot)) left += Sheaf::of_word(pool.base(), word).count();
  while (const Sheaf sheaf = pool.pop(common)) left += sheaf.count();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(left, kThings);
}

}  // namespace
}  // namespace kmem
