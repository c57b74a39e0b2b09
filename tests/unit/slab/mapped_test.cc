#include "slab/mapped.h"

#include <gtest/gtest.h>
#if !defined(KMEM_SIM) && !defined(KMEM_BARE)
#include <sys/resource.h>

#include <fstream>
#endif

#include <cstring>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
#include "slab/kept_blocks.h"
#include "steps.h"
#include "unit/page/small_machine.h"

namespace kmem {

class KeptBlocksTestPeer {
 public:
  static void use_one_cpus_places(KeptBlocks& blocks) { blocks.cpu_mask_ = 0; }
};
/// Reaches into the table, to put it wrong.
class MappedBlocksTestPeer {
 public:
  static KeptBlocks& kept(MappedBlocks& m) { return m.kept_; }
  static bool insert(MappedBlocks& m, uint64_t p, size_t bytes) { return m.insert(reinterpret_cast<void*>(p), bytes); }
  static BlockTable& table(MappedBlocks& m) { return m.table_; }
};

namespace {

using Peer = MappedBlocksTestPeer;
using test::kMiB;

class MappedBlocksTest : public testing::Test {
 protected:
  MappedBlocksTest() {
    (void)test::host_facts();
    blocks_.init(table_.at());
  }
  ~MappedBlocksTest() override {
    if (!broken_) {
      EXPECT_FALSE(blocks_.check()) << blocks_.check().rule;
    }
  }
  size_t size_of(uint64_t p) { return blocks_.size_of(reinterpret_cast<void*>(p)); }

  bool broken_ = false;
  test::Reservation table_{MappedBlocks::metadata_bytes(), PROT_READ | PROT_WRITE};
  MappedBlocks blocks_;
};

TEST_F(MappedBlocksTest, a_block_is_zeroed_whole_pages_and_known_by_its_start) {
  auto* p = static_cast<char*>(blocks_.alloc(5 * kMiB + 1, 1, Contents::Any));
  ASSERT_TRUE(p);
  EXPECT_EQ(blocks_.size_of(p), 5 * kMiB + 1);
  EXPECT_EQ(blocks_.size_of(p + kPageSize), 0u);
  for (size_t i = 0; i < 5 * kMiB; i += 511) ASSERT_EQ(p[i], 0);
  EXPECT_EQ(blocks_.nr(), 1u);
  EXPECT_EQ(blocks_.bytes(), 5 * kMiB + kPageSize);
  EXPECT_TRUE(blocks_.free(p));
  EXPECT_EQ(blocks_.nr(), 0u);
  EXPECT_EQ(blocks_.bytes(), 0u);
  EXPECT_EQ(blocks_.peak_bytes(), 5 * kMiB + kPageSize);
}

TEST_F(MappedBlocksTest, alignment_is_as_asked_for) {
  for (size_t align = 1; align <= 64 * kMiB; align *= 4) {
    void* p = blocks_.alloc(kMiB, align, Contents::Any);
    ASSERT_TRUE(p);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
    memset(p, 1, kMiB);
    EXPECT_TRUE(blocks_.free(p));
  }
}

TEST_F(MappedBlocksTest, what_is_no_block_is_not_freed) {
  auto* p = static_cast<char*>(blocks_.alloc(kMiB, 1, Contents::Any));
  EXPECT_FALSE(blocks_.free(p + 16));
  EXPECT_FALSE(blocks_.free(nullptr));
  EXPECT_EQ(blocks_.size_of(nullptr), 0u);
  EXPECT_TRUE(blocks_.free(p));
  EXPECT_FALSE(blocks_.free(p)) << "nor twice";
  for (uintptr_t i = 0; i < 3; ++i) EXPECT_FALSE(blocks_.free(reinterpret_cast<void*>(i))) << "nor what marks a place";
}

TEST_F(MappedBlocksTest, a_size_that_the_host_does_not_have_leaves_nothing_behind) {
  EXPECT_EQ(blocks_.alloc(SIZE_MAX / 4, 1, Contents::Any), nullptr);
  EXPECT_EQ(blocks_.nr(), 0u);
}

TEST_F(MappedBlocksTest, another_size_keeps_the_contents) {
  auto* p = static_cast<char*>(blocks_.alloc(kMiB, 1, Contents::Any));
  memset(p, 7, kMiB);
  p = static_cast<char*>(blocks_.resize(p, 64 * kMiB));
  ASSERT_TRUE(p);
  for (size_t i = 0; i < kMiB; ++i) ASSERT_EQ(p[i], 7);
  for (size_t i = kMiB; i < 64 * kMiB; i += 4095) ASSERT_EQ(p[i], 0);
  EXPECT_EQ(blocks_.size_of(p), 64 * kMiB);
  p = static_cast<char*>(blocks_.resize(p, kPageSize));
  ASSERT_TRUE(p);
  EXPECT_EQ(p[kPageSize - 1], 7);
  EXPECT_EQ(blocks_.bytes(), kPageSize);
  EXPECT_TRUE(blocks_.free(p));
}

TEST_F(MappedBlocksTest, what_is_written_behind_a_block_is_told_when_it_is_freed_or_resized) {
  const auto told = [](auto&& act) {
    testing::internal::CaptureStderr();
    act();
    return testing::internal::GetCapturedStderr();
  };
  auto* p = static_cast<char*>(blocks_.alloc(kMiB - 5, 1, Contents::Any));
  p[kMiB - 5] = 7;
  const std::string resized = told([&] { p = static_cast<char*>(blocks_.resize(p, kMiB - 4000)); });
  EXPECT_NE(resized.find("a block of 1048571 bytes: byte 1048571 is 0x07 instead of 0x00"), std::string::npos) << resized;
  p[kMiB - 4001] = 7;
  EXPECT_EQ(told([&] { p = static_cast<char*>(blocks_.resize(p, kMiB - 4090)); }), "") << "it was the block's own";
  p[kMiB - 1] = 9;
  const std::string freed = told([&] { EXPECT_TRUE(blocks_.free(p)); });
  EXPECT_NE(freed.find("a block of 1044486 bytes: byte 1048575 is 0x09"), std::string::npos) << freed;
}

TEST_F(MappedBlocksTest, a_guarded_block_shrinks_where_it_is_and_is_looked_after_at_its_new_end) {
  for (const size_t less : {size_t{3 * kPageSize + 40}, size_t{3 * kPageSize}, size_t{2 * kPageSize + 8}, size_t{17}}) {
    char* p = static_cast<char*>(blocks_.alloc_guarded(3 * kPageSize + 100, 16));
    ASSERT_NE(p, nullptr);
    memset(p, 'a', 3 * kPageSize + 100);
    EXPECT_FALSE(blocks_.shrink_guarded(p, 3 * kPageSize + 101)) << "longer";
    EXPECT_FALSE(blocks_.shrink_guarded(p + 16, 10)) << "no block begins there";
    ASSERT_TRUE(blocks_.shrink_guarded(p, less));
    EXPECT_EQ(blocks_.size_of(p), less);
    EXPECT_EQ(blocks_.bytes(), less);
    EXPECT_TRUE(p[0] == 'a' && p[less - 1] == 'a');
    p[less] ^= 0x55;
    testing::internal::CaptureStderr();
    EXPECT_TRUE(blocks_.free(p));
    const std::string told = testing::internal::GetCapturedStderr();
    EXPECT_NE(told.find("a block of " + std::to_string(less) + " bytes: byte " + std::to_string(less)), std::string::npos)
        << told;
  }
}

TEST_F(MappedBlocksTest, a_guarded_block_grows_up_to_the_page_behind_it) {
  const size_t size = 3 * kPageSize - 100, room = size + 4;  // it begins at a multiple of 16
  auto* p = static_cast<char*>(blocks_.alloc_guarded(size, 16));
  ASSERT_NE(p, nullptr);
  memset(p, 'a', size);
  EXPECT_FALSE(blocks_.grow_guarded(p, room + 1)) << "that would be in the page behind it";
  EXPECT_FALSE(blocks_.grow_guarded(p + 16, 10)) << "no block begins there";
  ASSERT_TRUE(blocks_.grow_guarded(p, room - 1));
  EXPECT_EQ(blocks_.size_of(p), room - 1);
  EXPECT_EQ(blocks_.bytes(), room - 1);
  p[room - 2] = 'b';  // its own now
  p[room - 1] = 'x';
  testing::internal::CaptureStderr();
  EXPECT_TRUE(blocks_.grow_guarded(p, room));
  EXPECT_TRUE(blocks_.free(p));
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("byte " + std::to_string(room - 1) + " is 0x78"), std::string::npos) << told;
}

#if !defined(KMEM_SIM) && !defined(KMEM_BARE)  // those have no such limit
size_t address_space_in_use() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * kPageSize;
}

// A block that stays closed after its free holds its addresses, and 64 of them would be a gigabyte.
TEST_F(MappedBlocksTest, freed_blocks_hold_no_addresses_where_there_are_no_others) {
  constexpr size_t kBlock = 16 * kMiB;
  rlimit before;
  getrlimit(RLIMIT_AS, &before);
  const rlimit small = {address_space_in_use() + 10 * kBlock, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &small), 0);
  for (int i = 0; i < 100; ++i) {
    void* p = blocks_.alloc_guarded(kBlock, 16);
    EXPECT_TRUE(p && blocks_.free(p)) << i;
  }
  void* p = blocks_.alloc(kBlock, 1, Contents::Any);
  EXPECT_TRUE(p && blocks_.free(p)) << "nor from blocks without closed pages";
  EXPECT_EQ(blocks_.alloc_guarded(20 * kBlock, 16), nullptr);
  setrlimit(RLIMIT_AS, &before);
}
#endif

TEST_F(MappedBlocksTest, a_size_that_cannot_be_leaves_the_block_as_it_was) {
  auto* p = static_cast<char*>(blocks_.alloc(kMiB, 1, Contents::Any));
  p[5] = 9;
  EXPECT_EQ(blocks_.resize(p, SIZE_MAX / 4), nullptr);
  EXPECT_EQ(blocks_.size_of(p), kMiB);
  EXPECT_EQ(p[5], 9);
  EXPECT_TRUE(blocks_.free(p));
  EXPECT_EQ(blocks_.resize(p, kMiB), nullptr);
}

#ifdef KMEM_TSAN
constexpr bool kMoves = false;  // ThreadSanitizer does not know that mremap() makes fresh memory of old addresses
#else
constexpr bool kMoves = true;
#endif

// Kept ------------------------------------------------------------------------------------------------------------------

class KeptMappedBlocksTest : public MappedBlocksTest {
 protected:
  KeptMappedBlocksTest() { KeptBlocksTestPeer::use_one_cpus_places(Peer::kept(blocks_)); }
  ~KeptMappedBlocksTest() override {
    blocks_.let_go();
    EXPECT_EQ(Peer::table(blocks_).nr(), 0u) << "blocks are lost";
  }
  char* take(size_t size, Contents contents = Contents::Any) { return static_cast<char*>(blocks_.alloc(size, 1, contents)); }
  bool give(void* p) { return blocks_.free(p, MappedBlocks::Freed::MayStay); }
  uint64_t nr_kept() {
    uint64_t nr = 0;
    Peer::kept(blocks_).each([&](KeptBlocks::Kept) { ++nr; });
    return nr;
  }
};

TEST_F(KeptMappedBlocksTest, a_length_that_comes_and_goes_stays) {
  EXPECT_TRUE(give(take(5 * kMiB)));
  EXPECT_EQ(nr_kept(), 0u) << "the first of its length says nothing";
  char* const p = take(5 * kMiB);
  EXPECT_TRUE(give(p));
  EXPECT_EQ(nr_kept(), 1u);
  EXPECT_FALSE(give(p)) << "it was freed";
  EXPECT_EQ(size_of(reinterpret_cast<uint64_t>(p)), 0u);
  EXPECT_TRUE(blocks_.is_held(p));
  EXPECT_EQ(blocks_.nr(), 0u);
#ifdef GTEST_HAS_DEATH_TEST
  EXPECT_DEATH(*static_cast<volatile char*>(p) = 1, "") << "a use after the free";
#endif
  blocks_.each([](uint64_t, uint64_t) { ADD_FAILURE() << "no block is out"; });
  EXPECT_EQ(take(5 * kMiB), p);
  EXPECT_EQ(blocks_.bytes(), 5 * kMiB);
  EXPECT_TRUE(give(p));
  EXPECT_EQ(blocks_.let_go(), 5 * kMiB >> kPageShift);
}

TEST_F(KeptMappedBlocksTest, behind_a_shorter_one_of_its_length_it_is_zero) {
  for (int i = 0; i < 2; ++i) {
    char* const p = take(5 * kMiB);
    memset(p, 7, 5 * kMiB);
    give(p);
  }
  char* const p = take(5 * kMiB - 100);
  for (size_t i = 5 * kMiB - 100; i < 5 * kMiB; ++i) ASSERT_EQ(p[i], 0) << i;
  EXPECT_EQ(size_of(reinterpret_cast<uint64_t>(p)), 5 * kMiB - 100);
  give(p);
}

TEST_F(KeptMappedBlocksTest, what_must_be_zero_is_a_new_block) {
  for (int i = 0; i < 3; ++i) {
    char* const p = take(5 * kMiB);
    memset(p, 7, 5 * kMiB);
    give(p);
  }
  char* const p = take(5 * kMiB, Contents::Zero);
  for (size_t i = 0; i < 5 * kMiB; i += 101) ASSERT_EQ(p[i], 0) << i;
  give(p);
}

TEST_F(KeptMappedBlocksTest, as_much_as_is_in_use_may_stay_and_8_MiB) {
  for (int i = 0; i < 3; ++i) give(take(16 * kMiB));
  EXPECT_EQ(nr_kept(), 0u);
  char* const in_use = take(10 * kMiB);
  for (int i = 0; i < 3; ++i) give(take(16 * kMiB));
  EXPECT_EQ(nr_kept(), 1u);
  give(in_use);
  EXPECT_EQ(nr_kept(), 0u) << "there is less in use now";
}

TEST_F(KeptMappedBlocksTest, an_older_length_goes_for_a_newer_one) {
  for (const size_t size : {4 * kMiB, 6 * kMiB, 8 * kMiB, 5 * kMiB}) {
    for (int i = 0; i < 3; ++i) give(take(size));
    EXPECT_LE(Peer::kept(blocks_).nr_pages(), 8 * kMiB >> kPageShift);
    EXPECT_EQ(nr_kept(), 1u) << size;
  }
}

TEST_F(KeptMappedBlocksTest, tasks_that_take_and_free_do_not_lose_any) {
  std::vector<std::thread> tasks;
  for (int t = 0; t < 4; ++t)
    tasks.emplace_back([this, t] {
      for (int i = 0; i < test::steps(300); ++i) {
        char* const p = take(4 * kMiB + static_cast<size_t>(i / 20 % 3) * kPageSize);
        if (!p) continue;
        p[0] = p[kMiB] = static_cast<char>(t);
        if (i % 50 == 0) blocks_.let_go();
        EXPECT_TRUE(p[0] == t && p[kMiB] == t) << "two tasks have it";
        EXPECT_TRUE(give(p));
      }
    });
  for (std::thread& task : tasks) task.join();
}

TEST_F(KeptMappedBlocksTest, L4_a_kept_block_that_is_not_marked) {
  for (int i = 0; i < 2; ++i) give(take(5 * kMiB));
  ASSERT_EQ(nr_kept(), 1u);
  Peer::kept(blocks_).each([&](KeptBlocks::Kept block) {
    const uint64_t was = block.entry()->word.load();
    block.entry()->word.store(was + kPageSize);
    EXPECT_TRUE(blocks_.check().is("L4")) << blocks_.check().rule;
    block.entry()->word.store(was);
  });
}

TEST_F(MappedBlocksTest, threads_that_map_and_unmap_do_not_disturb_each_other) {
  Atomic<uint32_t> wrong;
  std::vector<std::thread> threads;
  for (uint32_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      test::Random random(id);
      std::vector<std::pair<uint32_t*, size_t>> held;
      for (int i = 0; i < test::steps(1500); ++i) {
        if (held.size() < 20 && random.one_in(2)) {
          const size_t bytes = (1 + random.below(32)) * kPageSize;
          auto* p = static_cast<uint32_t*>(blocks_.alloc(bytes, 1, Contents::Any));
          if (!p || p[0]) wrong.fetch_add(1);
          if (!p) continue;
          p[0] = id;
          held.push_back({p, bytes});
        } else if (!held.empty()) {
          auto [p, bytes] = held.back();
          held.pop_back();
          if (kMoves && random.one_in(3)) p = static_cast<uint32_t*>(blocks_.resize(p, bytes = bytes / 2 + kPageSize));
          if (p[0] != id || blocks_.size_of(p) != bytes || !blocks_.free(p)) wrong.fetch_add(1);
        }
      }
      for (auto [p, bytes] : held) wrong.fetch_add(!blocks_.free(p));
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(blocks_.nr(), 0u);
}

// The walker ------------------------------------------------------------------------------------------------------------

TEST_F(MappedBlocksTest, L3_a_sum_that_is_wrong) {
  broken_ = true;
  const auto* p = reinterpret_cast<const void*>(uint64_t{1} << 40);
  ASSERT_TRUE(Peer::insert(blocks_, uint64_t{1} << 40, 4096));
  Peer::table(blocks_).find(p)->word.store(8192);
  EXPECT_TRUE(blocks_.check().is("L3")) << blocks_.check().rule;
  Peer::table(blocks_).find(p)->word.store(4096);
  EXPECT_FALSE(blocks_.check());
  ASSERT_TRUE(Peer::table(blocks_).erase(Peer::table(blocks_).find(p), p));
  EXPECT_TRUE(blocks_.check().is("L3")) << blocks_.check().rule;
}

}  // namespace
}  // namespace kmem
