#include "sync/index_stack.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace kmem {
namespace {

struct Links {
  Atomic<uint32_t> next[1024];
  Atomic<uint32_t>& link(uint32_t index) { return next[index]; }
};

TEST(IndexStackTest, an_empty_stack_gives_index_zero) {
  Links links;
  IndexStack stack;
  EXPECT_TRUE(stack.empty());
  EXPECT_EQ(stack.pop(links), 0u);
  EXPECT_EQ(stack.take_all(), 0u);
  EXPECT_EQ(stack.top(), 0u);
}

TEST(IndexStackTest, the_last_in_is_the_first_out) {
  Links links;
  IndexStack stack;
  for (uint32_t i = 1; i <= 3; ++i) stack.push(links, i);
  EXPECT_EQ(stack.top(), 3u);
  EXPECT_EQ(stack.pop(links), 3u);
  EXPECT_EQ(stack.pop(links), 2u);
  EXPECT_EQ(stack.pop(links), 1u);
  EXPECT_TRUE(stack.empty());
}

TEST(IndexStackTest, a_chain_goes_on_top_as_it_is_linked) {
  Links links;
  IndexStack stack;
  stack.push(links, 9);
  links.link(5).store(6);
  links.link(6).store(7);
  stack.push_chain(links, 5, 7);
  for (const uint32_t want : {5u, 6u, 7u, 9u, 0u}) EXPECT_EQ(stack.pop(links), want);
}

TEST(IndexStackTest, taking_all_leaves_nothing_and_hands_out_the_chain) {
  Links links;
  IndexStack stack;
  for (uint32_t i = 1; i <= 3; ++i) stack.push(links, i);
  uint32_t index = stack.take_all();
  EXPECT_TRUE(stack.empty());
  for (const uint32_t want : {3u, 2u, 1u}) {
    EXPECT_EQ(index, want);
    index = links.link(index).load();
  }
  EXPECT_EQ(index, 0u);
}

TEST(IndexStackTest, a_stack_that_was_emptied_is_used_again) {
  Links links;
  IndexStack stack;
  stack.push(links, 4);
  EXPECT_EQ(stack.take_all(), 4u);
  stack.push(links, 5);
  EXPECT_EQ(stack.pop(links), 5u);
  EXPECT_EQ(stack.pop(links), 0u);
}

/// Links that run something once, after a link was read and before it is used.
struct InterruptedLinks {
  struct Link {
    InterruptedLinks& links;
    Atomic<uint32_t>& word;
    uint32_t load() const {
      const uint32_t value = word.load();
      if (const auto others = std::exchange(links.come_between, nullptr)) others();
      return value;
    }
    void store(uint32_t value) const { word.store(value); }
  };
  Link link(uint32_t index) { return {*this, plain.next[index]}; }
  Links plain;
  std::function<void()> come_between;
};

// The ABA problem: the head is what it was, and what lay below it is another's by now.
TEST(IndexStackTest, a_head_that_was_popped_and_pushed_again_in_between_is_not_taken_for_the_same) {
  InterruptedLinks links;
  IndexStack stack;
  for (const uint32_t i : {3u, 2u, 1u}) stack.push(links.plain, i);
  links.come_between = [&] {
    EXPECT_EQ(stack.pop(links.plain), 1u);
    EXPECT_EQ(stack.pop(links.plain), 2u);
    stack.push(links.plain, 1);
  };
  EXPECT_EQ(stack.pop(links), 1u);
  EXPECT_EQ(stack.pop(links.plain), 3u) << "and not 2, which somebody has";
  EXPECT_TRUE(stack.empty());
}

// A thing that is on the stack twice, or lost, would show as a wrong owner.
TEST(IndexStackTest, no_thing_is_lost_or_handed_out_twice_among_threads) {
  constexpr uint32_t kThings = 64;
  Links links;
  IndexStack stack;
  Atomic<uint32_t> owner[kThings + 1];
  for (uint32_t i = 1; i <= kThings; ++i) stack.push(links, i);
  Atomic<uint32_t> collisions;
  std::vector<std::thread> threads;
  for (uint32_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      for (int round = 0; round < 50'000; ++round) {
        if (round % 64 == 0) {
          uint32_t chain = stack.take_all();
          while (chain) {
            const uint32_t next = links.link(chain).load();
            stack.push(links, chain);
            chain = next;
          }
        }
        const uint32_t mine = stack.pop(links);
        if (!mine) continue;
        if (owner[mine].exchange(id) != 0) collisions.fetch_add(1);
        if (owner[mine].exchange(0) != id) collisions.fetch_add(1);
        stack.push(links, mine);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(collisions.load(), 0u);
  uint32_t left = 0;
  while (stack.pop(links)) ++left;
  EXPECT_EQ(left, kThings);
}

}  // namespace
}  // namespace kmem
