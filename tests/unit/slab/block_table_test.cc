#include "slab/block_table.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "port/memory.h"
#include "unit/page/small_machine.h"

namespace kmem {

/// Reaches into the tables, to put them wrong and to make keys meet.
/// Addresses of the tests are multiples of two to this power, and some pages.
constexpr unsigned kHigh = sizeof(void*) == 8 ? 40 : 28;

class BlockTableTestPeer {
 public:
  static uint32_t home(uint64_t p) { return BlockTable::home(BlockTable::key_of(reinterpret_cast<void*>(p)), 0); }
  static Atomic<uint64_t>& key(BlockTable& t, uint32_t i) { return t.tables_[0].peek()[i % BlockTable::kFirst].key; }
  static unsigned nr_tables(const BlockTable& t) {
    unsigned n = 0;
    while (n < BlockTable::kMostTables && t.tables_[n].peek()) ++n;
    return n;
  }
  /// All but the first, which is the test's.
  static void give_back_tables(BlockTable& t) {
    for (unsigned n = nr_tables(t); n-- > 1;)
      kmem_port_unmap(t.tables_[n].peek(), BlockTable::size(n) * sizeof(BlockTable::Entry));
  }
  static constexpr uint32_t kReach = BlockTable::kReach;
};

namespace {

using Peer = BlockTableTestPeer;

class BlockTableTest : public testing::Test {
 protected:
  BlockTableTest() {
    (void)test::host_facts();
    table_.init(memory_.at());
  }
  ~BlockTableTest() override {
    if (!broken_) {
      EXPECT_FALSE(table_.check()) << table_.check().rule;
    }
    Peer::give_back_tables(table_);
  }
  static void* at(uint64_t p) { return reinterpret_cast<void*>(p); }
  bool insert(uint64_t p, uint64_t word) { return table_.insert(at(p), word); }
  bool erase(uint64_t p) { return table_.erase(table_.find(at(p)), at(p)); }
  uint64_t word_of(uint64_t p) const {
    const BlockTable::Entry* entry = table_.find(at(p));
    return entry ? entry->word.peek() : 0;
  }
  /// Addresses, all of them with the same home in the first table.
  static std::vector<uint64_t> meeting(size_t n) {
    std::vector<uint64_t> keys{uint64_t{1} << kHigh};
    for (uint64_t p = keys[0] + kPageSize; keys.size() < n; p += kPageSize)
      if (Peer::home(p) == Peer::home(keys[0])) keys.push_back(p);
    return keys;
  }

  bool broken_ = false;
  test::Reservation memory_{BlockTable::metadata_bytes(), PROT_READ | PROT_WRITE};
  BlockTable table_;
};

TEST_F(BlockTableTest, keys_that_meet_are_all_found_those_beyond_reach_in_the_next_table) {
  const std::vector<uint64_t> keys = meeting(Peer::kReach + 8);
  for (size_t i = 0; i < keys.size(); ++i) ASSERT_TRUE(insert(keys[i], i + 1));
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(word_of(keys[i]), i + 1);
  EXPECT_EQ(Peer::nr_tables(table_), 2u);
  EXPECT_EQ(table_.nr(), keys.size());
}

TEST_F(BlockTableTest, those_behind_one_that_went_are_still_found_and_its_place_is_used_again) {
  const std::vector<uint64_t> keys = meeting(10);
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(insert(keys[i], 1));
  ASSERT_TRUE(erase(keys[2]));
  EXPECT_EQ(table_.find(at(keys[2])), nullptr);
  EXPECT_EQ(word_of(keys[8]), 1u);
  ASSERT_TRUE(insert(keys[9], 2));
  EXPECT_EQ(Peer::key(table_, Peer::home(keys[0]) + 2).peek(), ~keys[9]);
}

TEST_F(BlockTableTest, of_two_who_erase_one_wins) {
  ASSERT_TRUE(insert(4096, 1));
  BlockTable::Entry* entry = table_.find(at(4096));
  EXPECT_TRUE(table_.erase(entry, at(4096)));
  EXPECT_FALSE(table_.erase(entry, at(4096)));
}

TEST_F(BlockTableTest, what_marks_a_place_is_nobody) {
  for (uint64_t p = 0; p < 4; ++p) EXPECT_EQ(table_.find(at(~p)), nullptr);
  EXPECT_EQ(table_.find(nullptr), nullptr);
}

TEST_F(BlockTableTest, a_million_keys_come_and_go) {
  constexpr uint64_t kNr = 1'000'000;
  for (uint64_t i = 1; i <= kNr; ++i) ASSERT_TRUE(insert(i * 5'001'216 & ~uint64_t{15}, i));
  EXPECT_EQ(table_.nr(), kNr);
  EXPECT_LE(Peer::nr_tables(table_), 8u);
  for (uint64_t i = 1; i <= kNr; ++i) ASSERT_EQ(word_of(i * 5'001'216 & ~uint64_t{15}), i);
  for (uint64_t i = 1; i <= kNr; ++i) ASSERT_TRUE(erase(i * 5'001'216 & ~uint64_t{15}));
  EXPECT_EQ(table_.nr(), 0u);
  ASSERT_TRUE(insert(4096, 7));
  EXPECT_LT(reinterpret_cast<char*>(table_.find(at(4096))) - static_cast<char*>(static_cast<void*>(memory_.at())), 4096)
      << "few keys lie in the small table again";
}

TEST_F(BlockTableTest, threads_do_not_disturb_each_other) {
  Atomic<uint32_t> wrong;
  std::vector<std::thread> threads;
  for (uint64_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      for (uint64_t round = 0; round < 20; ++round) {
        for (uint64_t i = 1; i <= 200; ++i) wrong.fetch_add(!table_.insert(at(i << 12 | id << kHigh), i));
        for (uint64_t i = 1; i <= 200; ++i) {
          BlockTable::Entry* entry = table_.find(at(i << 12 | id << kHigh));
          if (!entry || entry->word.peek() != i || !table_.erase(entry, at(i << 12 | id << kHigh))) wrong.fetch_add(1);
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(table_.nr(), 0u);
}

// The walker ------------------------------------------------------------------------------------------------------------

TEST_F(BlockTableTest, L1_a_key_that_cannot_be_found) {
  broken_ = true;
  const std::vector<uint64_t> keys = meeting(3);
  for (const uint64_t key : keys) ASSERT_TRUE(insert(key, 1));
  ASSERT_FALSE(table_.check());
  Peer::key(table_, Peer::home(keys[0]) + 1).store(0);
  EXPECT_TRUE(table_.check().is("L1")) << table_.check().rule;
  EXPECT_EQ(table_.check().where, keys[2]);
}

TEST_F(BlockTableTest, L2_a_count_that_is_wrong) {
  broken_ = true;
  const uint64_t key = meeting(1)[0];
  ASSERT_TRUE(insert(key, 1));
  Peer::key(table_, Peer::home(key)).store(1);
  EXPECT_TRUE(table_.check().is("L2")) << table_.check().rule;
}

}  // namespace
}  // namespace kmem
