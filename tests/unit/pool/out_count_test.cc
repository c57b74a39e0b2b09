// The count of elements that are out: exact, whichever CPUs take and give.

#include "pool/out_count.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace kmem {

class OutCountTestPeer {
 public:
  static unsigned nr_in(const OutCount::Share& share) { return OutCount::nr_in(share.word.peek()); }
  static Atomic<uint64_t>& own(OutCount& count) { return count.own_; }
};

namespace {

constexpr unsigned kShares = 8;

struct OutCountTest : testing::Test {
  OutCountTest() { count.init(shares, kShares); }
  unsigned in(unsigned i) const { return OutCountTestPeer::nr_in(shares[i]); }
  /// The share that this thread most likely uses.
  OutCount::Share& elsewhere() { return shares[(CpuStack::hint() + 1) % kShares]; }

  OutCount::Share shares[kShares]{};
  OutCount count;
};

TEST_F(OutCountTest, as_many_come_back_as_went_out) {
  EXPECT_FALSE(count.sub());
  for (int i = 0; i < 5; ++i) count.add();
  EXPECT_EQ(count.sum(), 5);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(count.sub());
  EXPECT_FALSE(count.sub());
  EXPECT_EQ(count.sum(), 0);
}

TEST_F(OutCountTest, what_went_out_elsewhere_comes_back_here) {
  elsewhere().word.poke((uint64_t{9} << 32) + 9);
  EXPECT_TRUE(count.sub());
  EXPECT_EQ(count.sum(), 8);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(count.sub()) << i;
  EXPECT_FALSE(count.sub());
}

TEST_F(OutCountTest, half_of_a_full_share_comes_along) {
  elsewhere().word.poke((uint64_t{1} << 32) + 1001);
  EXPECT_TRUE(count.sub());
  unsigned most = 0;
  for (unsigned i = 0; i < kShares; ++i) most = in(i) > most ? in(i) : most;
  EXPECT_EQ(count.sum(), 1000);
  EXPECT_EQ(most, 500u);
}

TEST_F(OutCountTest, folded_it_knows_the_last_one) {
  for (int i = 0; i < 2; ++i) count.add();
  elsewhere().word.fetch_add((uint64_t{1} << 32) + 1);
  EXPECT_EQ(count.fold(), shares);
  EXPECT_EQ(count.fold(), nullptr);
  EXPECT_EQ(count.sum(), 3);
  EXPECT_FALSE(count.sub_is_last());
  EXPECT_FALSE(count.sub_is_last());
  EXPECT_TRUE(count.sub_is_last());
}

TEST_F(OutCountTest, a_share_below_zero_is_seen) {
  EXPECT_FALSE(count.any_negative());
  shares[3].word.poke(0xffff'ffffu);
  EXPECT_TRUE(count.any_negative());
  shares[3].word.poke(0);
  OutCountTestPeer::own(count).poke(0xffff'ffffu);
  EXPECT_TRUE(count.any_negative());
}

// Each thread counts elements that other threads count back: none of them is ever one too many.
TEST_F(OutCountTest, no_element_that_is_out_is_ever_refused) {
  constexpr int kThreads = 4, kRounds = 20'000;
  std::atomic<int> out{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        count.add();
        ++out;
        // Takes one that anybody has put out, unless others have taken them all.
        for (int n = out.load(); n > 0;)
          if (out.compare_exchange_weak(n, n - 1)) {
            refused += !count.sub();
            break;
          }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(count.sum(), out.load());
  while (out-- > 0) EXPECT_TRUE(count.sub());
  EXPECT_FALSE(count.sub());
}

}  // namespace
}  // namespace kmem
