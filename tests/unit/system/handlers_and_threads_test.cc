// GFP_ATOMIC in a signal handler that interrupts the allocator, and threads that free each other's blocks.

#include <linux/mm.h>
#include <linux/slab.h>

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "unit/kernel_face/log.h"

namespace {

std::atomic<int> nr_interrupts, nr_refused, nr_overlaps;
void* held[64];
int next_held;

/// An interrupt handler as drivers have: takes, keeps a while, gives back.
void interrupt(int) {
  nr_interrupts.fetch_add(1);
  const int i = next_held++ % 64;
  if (held[i]) {
    if (*static_cast<uint32_t*>(held[i]) != 0xabcd0000u + static_cast<uint32_t>(i)) nr_overlaps.fetch_add(1);
    kfree(held[i]);
  }
  held[i] = kmalloc(16 + static_cast<size_t>(i) * 40, GFP_ATOMIC);
  if (!held[i]) {
    nr_refused.fetch_add(1);
    return;
  }
  *static_cast<uint32_t*>(held[i]) = 0xabcd0000u + static_cast<uint32_t>(i);
  if (struct page* page = alloc_page(GFP_ATOMIC)) __free_page(page);
}

TEST(Interrupts, a_handler_allocates_at_any_instant_also_inside_the_allocator) {
  kfree(kmalloc(1, GFP_KERNEL));  // boots: an interrupt that comes in the middle of that gets NULL
  struct sigaction action = {};
  action.sa_handler = interrupt;
  struct sigaction old_action;
  ASSERT_EQ(sigaction(SIGALRM, &action, &old_action), 0);
  const itimerval often = {{0, 50}, {0, 50}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  uint64_t seed = 1;
  std::vector<std::pair<unsigned char*, size_t>> mine(500);
  for (int i = 0; i < 300000 || nr_interrupts.load() < 200; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    auto& [block, size] = mine[(seed >> 33) % mine.size()];
    if (block) {
      ASSERT_EQ(block[0], static_cast<unsigned char>(size));
      ASSERT_EQ(block[size - 1], static_cast<unsigned char>(size));
      kfree(block);
    }
    size = 1 + (seed >> 40) % 3000;
    block = static_cast<unsigned char*>(kmalloc(size, GFP_KERNEL));
    ASSERT_TRUE(block);
    block[0] = block[size - 1] = static_cast<unsigned char>(size);
  }
  const itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &old_action, nullptr);
  for (auto& [block, size] : mine) kfree(block);
  for (void* p : held) kfree(p);
  EXPECT_EQ(nr_refused.load(), 0);
  EXPECT_EQ(nr_overlaps.load(), 0);
}

TEST(Threads, blocks_are_freed_by_others_than_their_allocators) {
  constexpr int kBlocks = 20000;
  std::vector<std::atomic<uint32_t*>> mailbox(256);
  std::atomic<int> wrong{0};
  auto work = [&](unsigned id) {
    uint64_t seed = id + 1;
    for (int i = 0; i < kBlocks; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      auto* block = static_cast<uint32_t*>(kmalloc(8 + (seed >> 50) % 500, GFP_KERNEL));
      block[0] = 0xfeed, block[1] = ~block[0];
      uint32_t* other = mailbox[(seed >> 33) % mailbox.size()].exchange(block);
      if (!other) continue;
      if (other[0] != 0xfeed || other[1] != ~0xfeedu) wrong.fetch_add(1);
      other[0] = 0;
      kfree(other);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; ++id) threads.emplace_back(work, id);
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : mailbox) kfree(slot.load());
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
