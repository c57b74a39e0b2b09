#include "slab/mapped.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
#include "unit/page/small_machine.h"

namespace kmem {

/// Reaches into the table, to put it wrong and to make keys meet.
class MappedBlocksTestPeer {
 public:
  static bool insert(MappedBlocks& m, uint64_t p, size_t bytes) { return m.insert(reinterpret_cast<void*>(p), bytes); }
  static bool erase(MappedBlocks& m, uint64_t p) {
    size_t bytes;
    return m.erase(reinterpret_cast<void*>(p), bytes);
  }
  static uint32_t home(uint64_t p) { return MappedBlocks::home(p); }
  static Atomic<uint64_t>& key(MappedBlocks& m, uint32_t i) { return m.table_[i].key; }
  static Atomic<uint64_t>& bytes(MappedBlocks& m, uint32_t i) { return m.table_[i].bytes; }
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
  /// Addresses, all of them with the same home.
  std::vector<uint64_t> meeting(size_t n) {
    std::vector<uint64_t> keys{uint64_t{1} << 40};
    for (uint64_t p = keys[0] + kPageSize; keys.size() < n; p += kPageSize)
      if (Peer::home(p) == Peer::home(keys[0])) keys.push_back(p);
    return keys;
  }
  size_t size_of(uint64_t p) { return blocks_.size_of(reinterpret_cast<void*>(p)); }

  bool broken_ = false;
  test::Reservation table_{MappedBlocks::metadata_bytes(), PROT_READ | PROT_WRITE};
  MappedBlocks blocks_;
};

TEST_F(MappedBlocksTest, a_block_is_zeroed_whole_pages_and_known_by_its_start) {
  auto* p = static_cast<char*>(blocks_.alloc(5 * kMiB + 1, 1));
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
    void* p = blocks_.alloc(kMiB, align);
    ASSERT_TRUE(p);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
    memset(p, 1, kMiB);
    EXPECT_TRUE(blocks_.free(p));
  }
}

TEST_F(MappedBlocksTest, what_is_no_block_is_not_freed) {
  auto* p = static_cast<char*>(blocks_.alloc(kMiB, 1));
  EXPECT_FALSE(blocks_.free(p + 16));
  EXPECT_FALSE(blocks_.free(nullptr));
  EXPECT_EQ(blocks_.size_of(nullptr), 0u);
  EXPECT_TRUE(blocks_.free(p));
  EXPECT_FALSE(blocks_.free(p)) << "nor twice";
  for (uintptr_t i = 0; i < 3; ++i) EXPECT_FALSE(blocks_.free(reinterpret_cast<void*>(i))) << "nor what marks a place";
}

TEST_F(MappedBlocksTest, a_size_that_the_host_does_not_have_leaves_nothing_behind) {
  EXPECT_EQ(blocks_.alloc(size_t{1} << 60, 1), nullptr);
  EXPECT_EQ(blocks_.nr(), 0u);
}

TEST_F(MappedBlocksTest, another_size_keeps_the_contents) {
  auto* p = static_cast<char*>(blocks_.alloc(kMiB, 1));
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
  auto* p = static_cast<char*>(blocks_.alloc(kMiB - 5, 1));
  p[kMiB - 5] = 7;
  const std::string resized = told([&] { p = static_cast<char*>(blocks_.resize(p, kMiB - 4000)); });
  EXPECT_NE(resized.find("a block of 1048571 bytes: byte 1048571 is 0x07 instead of 0x00"), std::string::npos) << resized;
  p[kMiB - 4001] = 7;
  EXPECT_EQ(told([&] { p = static_cast<char*>(blocks_.resize(p, kMiB - 4090)); }), "") << "it was the block's own";
  p[kMiB - 1] = 9;
  const std::string freed = told([&] { EXPECT_TRUE(blocks_.free(p)); });
  EXPECT_NE(freed.find("a block of 1044486 bytes: byte 1048575 is 0x09"), std::string::npos) << freed;
}

TEST_F(MappedBlocksTest, a_size_that_cannot_be_leaves_the_block_as_it_was) {
  auto* p = static_cast<char*>(blocks_.alloc(kMiB, 1));
  p[5] = 9;
  EXPECT_EQ(blocks_.resize(p, size_t{1} << 60), nullptr);
  EXPECT_EQ(blocks_.size_of(p), kMiB);
  EXPECT_EQ(p[5], 9);
  EXPECT_TRUE(blocks_.free(p));
  EXPECT_EQ(blocks_.resize(p, kMiB), nullptr);
}

TEST_F(MappedBlocksTest, keys_that_meet_are_all_found) {
  const std::vector<uint64_t> keys = meeting(40);
  for (size_t i = 0; i < keys.size(); ++i) ASSERT_TRUE(Peer::insert(blocks_, keys[i], i + 1));
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(size_of(keys[i]), i + 1);
  EXPECT_FALSE(blocks_.check());
}

TEST_F(MappedBlocksTest, those_behind_one_that_went_are_still_found_and_its_place_is_used_again) {
  const std::vector<uint64_t> keys = meeting(10);
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(Peer::insert(blocks_, keys[i], 1));
  ASSERT_TRUE(Peer::erase(blocks_, keys[2]));
  EXPECT_EQ(size_of(keys[2]), 0u);
  EXPECT_EQ(size_of(keys[8]), 1u);
  ASSERT_TRUE(Peer::insert(blocks_, keys[9], 2));
  EXPECT_EQ(Peer::key(blocks_, Peer::home(keys[0]) + 2).peek(), keys[9]);
}

TEST_F(MappedBlocksTest, the_table_can_be_filled_to_the_last_place) {
  for (uint64_t i = 1; i <= MappedBlocks::kEntries; ++i) ASSERT_TRUE(Peer::insert(blocks_, i << kPageShift, i));
  EXPECT_FALSE(Peer::insert(blocks_, uint64_t{1} << 50, 1));
  EXPECT_EQ(blocks_.alloc(kMiB, 1), nullptr) << "and then there is no more";
  for (uint64_t i = 1; i <= MappedBlocks::kEntries; ++i) ASSERT_EQ(size_of(i << kPageShift), i);
  EXPECT_EQ(size_of(uint64_t{1} << 50), 0u);
  EXPECT_FALSE(blocks_.check());
}

#ifdef KMEM_TSAN
constexpr bool kMoves = false;  // ThreadSanitizer does not know that mremap() makes fresh memory of old addresses
#else
constexpr bool kMoves = true;
#endif

TEST_F(MappedBlocksTest, threads_that_map_and_unmap_do_not_disturb_each_other) {
  Atomic<uint32_t> wrong;
  std::vector<std::thread> threads;
  for (uint32_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      test::Random random(id);
      std::vector<std::pair<uint32_t*, size_t>> held;
      for (int i = 0; i < 1500; ++i) {
        if (held.size() < 20 && random.one_in(2)) {
          const size_t bytes = (1 + random.below(32)) * kPageSize;
          auto* p = static_cast<uint32_t*>(blocks_.alloc(bytes, 1));
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

TEST_F(MappedBlocksTest, L1_a_key_that_cannot_be_found) {
  broken_ = true;
  const std::vector<uint64_t> keys = meeting(3);
  for (const uint64_t key : keys) ASSERT_TRUE(Peer::insert(blocks_, key, 1));
  ASSERT_FALSE(blocks_.check());
  Peer::key(blocks_, Peer::home(keys[0]) + 1).store(0);
  EXPECT_TRUE(blocks_.check().is("L1")) << blocks_.check().rule;
  EXPECT_EQ(blocks_.check().where, keys[2]);
}

TEST_F(MappedBlocksTest, L2_a_sum_that_is_wrong) {
  broken_ = true;
  const uint64_t key = meeting(1)[0];
  ASSERT_TRUE(Peer::insert(blocks_, key, 4096));
  Peer::bytes(blocks_, Peer::home(key)).store(8192);
  EXPECT_TRUE(blocks_.check().is("L2")) << blocks_.check().rule;
  Peer::bytes(blocks_, Peer::home(key)).store(4096);
  EXPECT_FALSE(blocks_.check());
  Peer::key(blocks_, Peer::home(key)).store(1);
  EXPECT_TRUE(blocks_.check().is("L2")) << blocks_.check().rule;
}

}  // namespace
}  // namespace kmem
