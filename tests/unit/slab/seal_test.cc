// Seals over plain memory: what is put around an object, and what of it is missed when somebody has written there.

#include "slab/seal.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "sync/shuffle.h"

namespace kmem {
namespace {

using Finding = Seal::Finding;

class SealTest : public testing::Test {
 protected:
  SealTest() { kmem_seal_key = 0x1234'5678'9abc'def1; }
  void make(uint32_t room, bool zeroes = false, bool fills = true) {
    by_64_.assign(sizeof memory_ >> 6, 0);
    by_16_.assign(sizeof memory_ >> 4, 0);
    memset(memory_, 0, sizeof memory_);
    SealStates states;
    states.init(by_64_.data(), by_16_.data(), memory_);
    seal_.init({.cache = "sealed", .states = states.of_room(room), .room = room, .fills = fills, .zeroes = zeroes});
  }
  bool open_quickly(uint32_t asked) {
    return seal_.open_zeroed(at(1), asked) || seal_.open_marked(at(1), asked) || seal_.open_new(at(1), asked) ||
           seal_.open_ample(at(1), asked);
  }
  bool close_quickly() { return seal_.close_zeroed(at(1)) || seal_.close_marked(at(1)) || seal_.close_ample(at(1)); }
  char* at(uint32_t i) { return memory_ + uint64_t{i} * seal_.room(); }
  template <typename F>
  std::string told(F act) {
    testing::internal::CaptureStderr();
    act();
    return testing::internal::GetCapturedStderr();
  }

  Seal seal_;
  std::vector<uint8_t> by_64_, by_16_;
  alignas(64) char memory_[1 << 16];
};

TEST_F(SealTest, every_byte_that_was_asked_for_is_the_users) {
  for (const uint32_t room : {16u, 48u, 256u, 1024u, 4096u}) {
    for (uint32_t asked = 1; asked <= room; ++asked) {
      make(room);
      seal_.open(at(1), asked);
      memset(at(1), 0xff, asked);
      memset(at(1), 0, asked);
      EXPECT_EQ(seal_.asked(at(1)), asked);
      ASSERT_EQ(told([&] { EXPECT_EQ(seal_.close(at(1)), Finding::Whole); }), "") << asked << " of " << room;
    }
  }
}

// Few cases in all: of one kind of report ten come in five seconds.
TEST_F(SealTest, a_byte_behind_the_end_or_before_the_next_object_is_seen_by_the_free) {
  struct Case {
    uint32_t room, asked, wrong;
  };
  for (const Case c : {Case{16, 15, 15}, {48, 33, 33}, {48, 33, 47}, {48, 40, 40}, {1024, 1000, 1023}, {1024, 700, 700}}) {
    make(c.room);
    seal_.open(at(1), c.asked);
    at(1)[c.wrong] = 0;  // a string's end, too
    const std::string said = told([&] { EXPECT_EQ(seal_.close(at(1)), Finding::Damaged); });
    EXPECT_NE(said.find("(" + std::to_string(c.asked) + " bytes asked for)"), std::string::npos) << c.room << said;
    EXPECT_FALSE(seal_.is_out(at(1)));
  }
}

TEST_F(SealTest, a_size_that_was_overwritten_does_not_lead_anywhere) {
  make(4096);
  seal_.open(at(1), 100);
  memset(at(1) + 4096 - 24, 0x41, 8);
  EXPECT_EQ(seal_.asked(at(1)), 0u);
  EXPECT_NE(told([&] { EXPECT_EQ(seal_.close(at(1)), Finding::Damaged); }), "");
}

TEST_F(SealTest, only_what_is_out_can_be_freed) {
  make(64);
  EXPECT_EQ(seal_.close(at(1)), Finding::NotOut) << "never given";
  seal_.open(at(1), 60);
  EXPECT_EQ(seal_.close(at(2)), Finding::NotOut) << "its neighbour";
  EXPECT_EQ(seal_.close(at(1)), Finding::Whole);
  EXPECT_EQ(seal_.close(at(1)), Finding::NotOut) << "twice";
  EXPECT_EQ(seal_.asked(at(1)), 0u);
}

TEST_F(SealTest, a_write_to_a_free_object_is_seen_when_it_is_given_again) {
  for (const bool zeroes : {false, true}) {
    make(256, zeroes);
    seal_.open(at(1), 200);
    memset(at(1), 0x42, 200);
    EXPECT_EQ(seal_.close(at(1)), Finding::Whole);
    at(1)[zeroes ? 130 : 3] = 1;
    const std::string said = told([&] { seal_.open(at(1), 200); });
    EXPECT_NE(said.find("a free object of cache sealed (256 bytes), or beside it: found when it was allocated"),
              std::string::npos)
        << said;
    EXPECT_EQ(told([&] { EXPECT_EQ(seal_.close(at(1)), Finding::Whole); }), "");
    EXPECT_EQ(told([&] { seal_.open(at(1), 256); }), "");
  }
}

TEST_F(SealTest, a_look_says_what_is_wrong_once_and_puts_it_right) {
  make(64);
  seal_.open(at(1), 40);
  seal_.open(at(2), 40);
  seal_.close(at(2));
  at(1)[40] = 7;
  at(2)[0] = 7;
  EXPECT_NE(told([&] { EXPECT_FALSE(seal_.look(at(1))); }), "");
  EXPECT_NE(told([&] { EXPECT_FALSE(seal_.look(at(2))); }), "");
  EXPECT_EQ(told([&] { EXPECT_TRUE(seal_.look(at(1)) && seal_.look(at(2)) && seal_.look(at(3))); }), "");
}

// The quick ways must do what the thorough ones do, or nothing.
TEST_F(SealTest, the_quick_ways_and_the_thorough_ones_take_each_others_objects) {
  for (const bool zeroes : {false, true}) {
    for (const uint32_t room : {16u, 24u, 48u, 80u, 256u, 1024u, 4096u}) {
      make(room, zeroes);
      uint32_t quick = 0;
      const std::string said = told([&] {
        for (uint32_t asked = 1; asked <= room; ++asked) {
          if (open_quickly(asked)) ++quick;
          else seal_.open(at(1), asked);
          EXPECT_EQ(seal_.asked(at(1)), asked) << room;
          memset(at(1), 0xab, asked);
          EXPECT_TRUE(seal_.look(at(1))) << asked << " of " << room;
          const bool closed = asked % 2 && close_quickly();
          EXPECT_TRUE(closed || seal_.close(at(1)) == Finding::Whole);
          EXPECT_FALSE(seal_.is_out(at(1)));
          EXPECT_TRUE(seal_.look(at(1))) << asked << " of " << room;
        }
      });
      EXPECT_EQ(said, "");
      EXPECT_TRUE(zeroes || quick >= (room < 240 ? room - 1 : 239)) << quick << " of " << room;
    }
  }
}

TEST_F(SealTest, the_quick_ways_leave_a_damaged_canary_to_the_thorough_ones) {
  struct Case {
    bool zeroes;
    uint32_t asked;
    std::vector<uint32_t> watched;
  };
  for (const Case& c : {Case{false, 50, {50, 57, 58, 63}}, {false, 30, {30, 37, 48, 63}}, {true, 50, {50, 57, 58, 63}}}) {
    make(64, c.zeroes);
    EXPECT_FALSE(close_quickly()) << "never given";
    seal_.open(at(1), c.asked);
    EXPECT_FALSE(open_quickly(c.asked)) << "it is out";
    for (const uint32_t i : c.watched) {
      at(1)[i] ^= 1;
      EXPECT_FALSE(close_quickly()) << i;
      EXPECT_TRUE(seal_.is_out(at(1)));
      at(1)[i] ^= 1;
    }
    EXPECT_TRUE(close_quickly());
    EXPECT_FALSE(close_quickly()) << "twice";
  }
}

TEST_F(SealTest, the_quick_ways_leave_a_free_object_that_was_written_to_the_thorough_ones) {
  for (const bool zeroes : {false, true}) {
    for (const uint32_t asked : {30u, 50u}) {
      make(64, zeroes);
      seal_.open(at(1), asked);
      EXPECT_TRUE(close_quickly());
      for (const uint32_t i : {0u, 15u, 56u, 63u}) {
        if (i > 15 && !zeroes) continue;
        at(1)[i] ^= 1;
        EXPECT_FALSE(open_quickly(asked)) << i;
        EXPECT_FALSE(seal_.is_out(at(1)));
        at(1)[i] ^= 1;
      }
      EXPECT_TRUE(open_quickly(asked));
    }
  }
}

TEST_F(SealTest, a_write_to_the_last_mark_is_seen_by_the_next_free) {
  make(64);
  seal_.open(at(1), 50);
  EXPECT_TRUE(close_quickly());
  at(1)[60] ^= 1;
  EXPECT_TRUE(open_quickly(50));
  EXPECT_FALSE(close_quickly());
  EXPECT_NE(told([&] { EXPECT_EQ(seal_.close(at(1)), Finding::Damaged); }), "");
}

TEST_F(SealTest, a_write_to_an_object_that_was_never_given_is_seen_by_a_look) {
  for (const bool zeroes : {false, true}) {
    for (const uint32_t i : {0u, 63u}) {
      make(64, zeroes);
      at(1)[i] = 1;
      EXPECT_NE(told([&] { EXPECT_FALSE(seal_.look(at(1))); }), "") << i;
      EXPECT_EQ(told([&] { EXPECT_TRUE(seal_.look(at(1))); }), "") << i;
    }
  }
}

TEST_F(SealTest, the_words_of_two_caches_differ) {
  make(64);
  Seal other;
  other.init({.cache = "other", .states = seal_.state_at(nullptr), .room = 64, .number = 2, .fills = true});
  seal_.open(at(1), 50);
  EXPECT_FALSE(other.close_marked(at(1)));
  EXPECT_TRUE(seal_.close_marked(at(1)));
}

TEST_F(SealTest, an_object_in_two_places_is_not_given_twice) {
  for (const uint32_t asked : {512u, 500u, 300u}) {
    make(512);
    seal_.open(at(1), asked);
    EXPECT_EQ(seal_.close(at(1)), Finding::Whole);
    EXPECT_TRUE(open_quickly(asked)) << asked;
    EXPECT_FALSE(open_quickly(asked)) << asked;
    EXPECT_NE(told([&] { seal_.open(at(1), asked); }).find("to be given while it is out"), std::string::npos) << asked;
  }
}

TEST_F(SealTest, where_there_is_no_seal_no_path_is_quick) {
  const Seal none = Seal::none();
  EXPECT_FALSE(none.on());
  memset(memory_, 0, sizeof memory_);
  EXPECT_FALSE(none.open_marked(at(1), 1) || none.open_ample(at(1), 1) || none.open_zeroed(at(1), 1));
  EXPECT_FALSE(none.close_marked(at(1)) || none.close_ample(at(1)) || none.close_zeroed(at(1)));
  EXPECT_EQ(none.close(at(1)), Finding::NotOut);
}

TEST_F(SealTest, another_size_has_its_canary_elsewhere) {
  make(512);
  seal_.open(at(1), 100);
  seal_.resize(at(1), 512);
  memset(at(1), 1, 512);
  seal_.resize(at(1), 17);
  EXPECT_EQ(at(1)[16], 1);
  EXPECT_EQ(seal_.asked(at(1)), 17u);
  at(1)[17] = 1;
  EXPECT_NE(told([&] { seal_.resize(at(1), 18); }).find("found when it was resized"), std::string::npos);
  EXPECT_EQ(told([&] { EXPECT_EQ(seal_.close(at(1)), Finding::Whole); }), "");
}

TEST_F(SealTest, what_a_constructor_made_stays) {
  make(128, true, false);
  memset(at(1), 0x42, 120);
  seal_.open(at(1), 120);
  EXPECT_EQ(seal_.close(at(1)), Finding::Whole);
  EXPECT_EQ(at(1)[0], 0x42);
  EXPECT_EQ(told([&] { seal_.open(at(1), 120); }), "");
}

TEST_F(SealTest, objects_that_lie_next_to_each_other_have_states_apart) {
  for (const uint32_t room : {16u, 24u, 40u, 56u, 64u, 72u, 4096u}) {
    make(room);
    for (uint32_t i = 0; i < 10; ++i) seal_.open(at(i), room);
    for (uint32_t i = 0; i < 10; i += 2) EXPECT_EQ(seal_.close(at(i)), Finding::Whole);
    for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(seal_.is_out(at(i)), i % 2 == 1) << room;
  }
}

TEST(Shuffle, keeps_every_entry_and_gives_many_orders) {
  alignas(kSheafBytes) static uint64_t words[kSheafWords];
  Dice dice;
  dice.seed(7);
  std::set<std::vector<uint64_t>> orders;
  for (int round = 0; round < 1000; ++round) {
    Sheaf sheaf = Sheaf::cut(words, 6);
    std::set<uint64_t> put, got;
    for (uint64_t i = 1; i <= 6; ++i) sheaf.put(reinterpret_cast<void*>(8 * i)), put.insert(8 * i);
    shuffle(sheaf, dice.roll());
    std::vector<uint64_t> order;
    for (unsigned i = 0; i < 6; ++i) order.push_back(sheaf.words[sheaf.top + i]);
    got.insert(order.begin(), order.end());
    ASSERT_EQ(got, put);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 450u) << "of 720";
}

TEST(DealAndCut, keeps_every_entry_and_none_comes_after_its_neighbour) {
  constexpr unsigned kObjects = 40;
  alignas(kSheafBytes) static uint64_t words[kSheafWords];
  Dice dice;
  dice.seed(7);
  std::set<uint64_t> firsts;
  std::set<int64_t> steps;
  for (int round = 0; round < 2000; ++round) {
    Sheaf sheaf = Sheaf::empty(words, kObjects);
    for (uint64_t i = 1; i <= kObjects; ++i) sheaf.put(reinterpret_cast<void*>(8 * i));
    deal_and_cut(sheaf, dice.roll());
    std::set<uint64_t> got;
    for (unsigned i = 0; i < kObjects; ++i) got.insert(sheaf.words[sheaf.top + i]);
    ASSERT_EQ(got.size(), kObjects);
    ASSERT_EQ(*got.rbegin(), 8u * kObjects);
    firsts.insert(sheaf.words[sheaf.top]);
    for (unsigned i = 1; i < kObjects; ++i)
      steps.insert(static_cast<int64_t>(sheaf.words[sheaf.top + i] - sheaf.words[sheaf.top + i - 1]) / 8);
  }
  EXPECT_EQ(firsts.size(), kObjects);
  EXPECT_FALSE(steps.count(1) || steps.count(-1));
  for (const int64_t step : {2, 3, 4, 5}) EXPECT_TRUE(steps.count(step) && steps.count(-step)) << step;
}

}  // namespace
}  // namespace kmem
