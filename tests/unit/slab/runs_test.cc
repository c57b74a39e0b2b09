#include "slab/runs.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "slab/heap.h"
#include "unit/slab/slab_world.h"

namespace kmem {

class RunsTestPeer {
 public:
  static BlockTable& table(Runs& runs) { return runs.table_; }
  static KeptBlocks& kept(Runs& runs) { return runs.kept_; }
};
class KeptBlocksTestPeer {
 public:
  static Counter& pages(KeptBlocks& blocks) { return blocks.nr_pages_; }
  static void use_one_cpus_places(KeptBlocks& blocks) { blocks.cpu_mask_ = 0; }
};

namespace {

using Peer = RunsTestPeer;

class RunsTest : public testing::Test {
 protected:
  static constexpr size_t kSize = 100'000;

  RunsTest() {
    char* at = reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(world_.metadata_left), kPageSize));
    heap_.init(world_.world, world_.machine.base, at);
    KeptBlocksTestPeer::use_one_cpus_places(Peer::kept(heap_.runs()));
    in_use_at_first_ = world_.frames_in_use();
  }
  ~RunsTest() override {
    const Fault fault = heap_.check();
    EXPECT_FALSE(fault) << fault.rule;
    heap_.runs().let_go();
    EXPECT_EQ(in_use(), 0u) << "frames are lost";
  }
  char* take(size_t size = kSize, Contents contents = Contents::Any) {
    return static_cast<char*>(heap_.runs().alloc_aligned(size, 1, contents));
  }
  void comes_and_goes(size_t size = kSize, int times = 3) {
    for (int i = 0; i < times; ++i) heap_.runs().free(take(size));
  }
  uint64_t in_use() { return world_.frames_in_use() - in_use_at_first_; }
  uint64_t nr_kept() {
    uint64_t nr = 0;
    Peer::kept(heap_.runs()).each([&](KeptBlocks::Kept) { ++nr; });
    return nr;
  }
  static uint64_t pages(size_t size) { return round_up(size, kPageSize) >> kPageShift; }

  test::SlabTestWorld world_{{{4096, 256}}};
  Heap heap_;
  uint64_t in_use_at_first_ = 0;
};

TEST_F(RunsTest, a_length_that_comes_and_goes_stays_claimed) {
  heap_.runs().free(take());
  EXPECT_EQ(in_use(), 0u) << "the first of its length says nothing";
  char* const first = take();
  heap_.runs().free(first);
  EXPECT_EQ(in_use(), pages(kSize));
  EXPECT_EQ(heap_.classify(first).kind, BlockKind::Free);
  EXPECT_EQ(take(kSize - 100), first) << "as many pages";
  EXPECT_EQ(heap_.classify(first).kind, BlockKind::Run);
  EXPECT_EQ(heap_.usable(first), kSize - 100);
  heap_.runs().free(first);
}

TEST_F(RunsTest, the_short_way_frees_a_run_of_mallocs_once_and_nothing_else) {
  char* const p = take();
  char* const of_kmalloc = static_cast<char*>(heap_.runs().alloc(kSize, gfp::kKernel, kNoNode));
  EXPECT_FALSE(heap_.runs().free_mallocs(of_kmalloc));
  EXPECT_FALSE(heap_.runs().free_mallocs(p + kPageSize)) << "the middle of a run";
  EXPECT_FALSE(heap_.runs().free_mallocs(nullptr));
  EXPECT_EQ(in_use(), 2 * pages(kSize));
  heap_.runs().free(of_kmalloc);
  EXPECT_TRUE(heap_.runs().free_mallocs(p));
  EXPECT_FALSE(heap_.runs().free_mallocs(p)) << "a second free is for classify(), which reports it";
  EXPECT_EQ(in_use(), 0u);
  comes_and_goes();
  EXPECT_EQ(take(), p);
  EXPECT_TRUE(heap_.runs().free_mallocs(p));
  EXPECT_FALSE(heap_.runs().free_mallocs(p)) << "a kept one is free";
}

TEST_F(RunsTest, the_shortest_way_keeps_and_gives_one_length_and_leaves_all_else) {
  KeptBlocks::Kept other;
  Runs& runs = heap_.runs();
  char* const first = take();
  EXPECT_FALSE(runs.keep(first, other)) << "its length has not been freed before";
  EXPECT_EQ(runs.take_kept(kSize), nullptr);
  runs.free(first);
  comes_and_goes();
  EXPECT_EQ(runs.take_kept(kSize + kPageSize), nullptr) << "another length";
  char* const p = static_cast<char*>(runs.take_kept(kSize - 100));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(heap_.usable(p), kSize - 100);
  EXPECT_EQ(runs.take_kept(kSize), nullptr) << "there was one";
  EXPECT_FALSE(runs.keep(p + kPageSize, other)) << "the middle of a run";
  char* const second = take();
  EXPECT_TRUE(runs.keep(p, other));
  EXPECT_FALSE(runs.keep(p, other)) << "a second free is for classify(), which reports it";
  EXPECT_FALSE(runs.keep(second, other)) << "the place is taken";
  EXPECT_FALSE(other);
  EXPECT_EQ(heap_.classify(p).kind, BlockKind::Free);
  runs.free(second);
  EXPECT_EQ(in_use(), pages(kSize));
}

TEST_F(RunsTest, the_shortest_way_sees_writes_behind_a_run) {
  KeptBlocks::Kept other;
  comes_and_goes();
  char* const p = static_cast<char*>(heap_.runs().take_kept(kSize));
  ASSERT_NE(p, nullptr);
  p[kSize] ^= 1;
  testing::internal::CaptureStderr();
  EXPECT_TRUE(heap_.runs().keep(p, other));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("write past the end of"), std::string::npos);
}

TEST_F(RunsTest, lengths_that_grow_do_not_stay) {
  for (size_t size = kSize; size < 20 * kSize; size += kSize / 2) heap_.runs().free(take(size));
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(RunsTest, of_many_that_are_freed_one_stays) {
  std::vector<char*> all;
  for (int i = 0; i < 50; ++i) all.push_back(take());
  for (char* p : all) heap_.runs().free(p);
  EXPECT_EQ(nr_kept(), 1u);
  EXPECT_EQ(in_use(), pages(kSize));
}

TEST_F(RunsTest, all_together_are_bounded) {
  for (size_t size = kSize; size < (size_t{2} << 20); size += kPageSize) comes_and_goes(size);
  EXPECT_LE(in_use(), (4u << 20) >> kPageShift);
  EXPECT_GE(nr_kept(), 1u);
}

TEST_F(RunsTest, what_stays_goes_where_memory_is_short) {
  comes_and_goes();
  EXPECT_EQ(heap_.runs().let_go(), pages(kSize));
  EXPECT_EQ(in_use(), 0u);
  EXPECT_EQ(heap_.runs().let_go(), 0u);
}

TEST_F(RunsTest, what_comes_again_is_zero_where_that_is_asked_for) {
  for (int i = 0; i < 3; ++i) {
    char* const p = take();
    memset(p, 7, kSize);
    heap_.runs().free(p);
  }
  char* const p = take(kSize, Contents::Zero);
  for (size_t i = 0; i < kSize; ++i) ASSERT_EQ(p[i], 0) << i;
  EXPECT_EQ(heap_.runs().validate(), 0u);
  heap_.runs().free(p);
}

TEST_F(RunsTest, writes_behind_a_block_that_came_again_are_seen) {
  comes_and_goes();
  char* const p = take();
  p[kSize] ^= 1;
  EXPECT_EQ(heap_.runs().validate(), 1u);
  heap_.runs().free(p);
}

TEST_F(RunsTest, kmallocs_do_not_stay) {
  for (int i = 0; i < 3; ++i) heap_.runs().free(heap_.runs().alloc(kSize, gfp::kKernel, kNoNode));
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(RunsTest, tasks_that_take_and_free_do_not_lose_any) {
  std::vector<std::thread> tasks;
  for (int t = 0; t < 4; ++t)
    tasks.emplace_back([this, t] {
      for (int i = 0; i < 3000; ++i) {
        const size_t size = kSize + static_cast<size_t>(i / 100 % 3) * kPageSize;
        char* p = i % 2 ? take(size) : static_cast<char*>(heap_.runs().take_kept(size));
        if (!p) p = take(size);
        if (!p) continue;
        memset(p, t, 64);
        p[size - 1] = static_cast<char>(t);
        if (i % 500 == 0) heap_.runs().let_go();
        EXPECT_TRUE(p[63] == t && p[size - 1] == t) << "two tasks have it";
        KeptBlocks::Kept other;
        if (i % 3 == 0 || !heap_.runs().keep(p, other)) heap_.runs().free(p);
        else if (other) heap_.runs().release(other);
      }
    });
  for (std::thread& task : tasks) task.join();
}

// Broken on purpose ------------------------------------------------------------------------------------------------------

TEST_F(RunsTest, L4_a_kept_run_that_is_not_marked) {
  comes_and_goes();
  Peer::kept(heap_.runs()).each([&](KeptBlocks::Kept run) {
    Atomic<uint64_t>& word = run.entry()->word;
    const uint64_t was = word.load();
    word.store(was & ~Run::kKept);
    EXPECT_TRUE(heap_.check().is("L4")) << heap_.check().rule;
    word.store((was & ~uint64_t{0xffff}) | 1);
    EXPECT_TRUE(heap_.check().is("L4")) << heap_.check().rule;
    word.store(was);
  });
}

TEST_F(RunsTest, L4_a_run_that_is_marked_and_in_no_place) {
  char* const p = take();
  Atomic<uint64_t>& word = Peer::table(heap_.runs()).find(p)->word;
  const uint64_t was = word.load();
  word.store(was | Run::kKept);
  EXPECT_TRUE(heap_.check().is("L4")) << heap_.check().rule;
  word.store(was);
  heap_.runs().free(p);
}

TEST_F(RunsTest, L4_pages_that_are_not_counted) {
  comes_and_goes();
  KeptBlocksTestPeer::pages(Peer::kept(heap_.runs())).sub(1);
  EXPECT_TRUE(heap_.check().is("L4")) << heap_.check().rule;
  KeptBlocksTestPeer::pages(Peer::kept(heap_.runs())).add(1);
}

}  // namespace
}  // namespace kmem
