// FrameBits against the simplest model there is: one entry for every frame.

#include "page/frame_bits.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "steps.h"
#include "unit/page/small_machine.h"

namespace kmem {
namespace {

using test::Random;

struct Bits : FrameBits {
  explicit Bits(uint64_t nr_frames, Pfn first = {}) : memory(std::calloc(1, metadata_bytes(nr_frames) + 64), std::free) {
    init(first, nr_frames, reinterpret_cast<void*>(round_up(reinterpret_cast<uint64_t>(memory.get()), 64)));
  }
  std::unique_ptr<void, void (*)(void*)> memory;
};

// One thread against a model --------------------------------------------------------------------------------------------

enum class State : uint8_t { Held, Dirty, Clean };

class Walk {
 public:
  Walk(uint64_t seed, uint64_t nr_frames)
      : random_(seed), first_{1024 * random_.below(8)}, bits_(nr_frames, first_), model_(nr_frames) {}

  void step() {
    switch (random_.below(13)) {
      case 0:
      case 1:
      case 2: return claim_some();
      case 3:
      case 4: return claim_run();
      case 5: return claim_at();
      case 6:
      case 7:
      case 8:
      case 9: return give_back();
      case 10: return give_back_much();
      case 11: return claim_span();
      default: return give_to_host();
    }
  }

  void compare() {
    const Fault fault = bits_.check();
    ASSERT_FALSE(fault) << fault.rule << " at " << fault.where;
    uint64_t free = 0, clean = 0;
    for (size_t i = 0; i < model_.size(); ++i) {
      ASSERT_EQ(bits_.is_free(first_ + i), model_[i] != State::Held) << "frame " << i;
      free += model_[i] != State::Held;
      clean += model_[i] == State::Clean;
    }
    ASSERT_EQ(bits_.count_free(), free);
    ASSERT_EQ(bits_.count_clean(), clean);
  }

 private:
  State& at(Pfn p) { return model_[p - first_]; }
  bool any_free() const {
    for (const State s : model_)
      if (s != State::Held) return true;
    return false;
  }
  bool run_is_free(uint64_t from, uint64_t n) const {
    for (uint64_t i = from; i < from + n; ++i)
      if (i >= model_.size() || model_[i] == State::Held) return false;
    return true;
  }
  /// Takes n frames in the model, which must all be free; how many were clean.
  uint64_t take(Pfn p, uint64_t n) {
    uint64_t clean = 0;
    for (uint64_t i = 0; i < n; ++i) {
      EXPECT_NE(at(p + i), State::Held) << "frame handed out twice";
      clean += at(p + i) == State::Clean;
      at(p + i) = State::Held;
    }
    return clean;
  }

  void claim_some() {
    const unsigned n = 1 + static_cast<unsigned>(random_.below(64));
    const FrameSet set = bits_.claim_some(n);
    if (!set.mask) {
      EXPECT_FALSE(any_free());
      return;
    }
    EXPECT_LE(set.count(), n);
    EXPECT_EQ(set.clean & ~set.mask, 0u);
    for (unsigned i = 0; i < 64; ++i) {
      if (set.mask >> i & 1) {
        EXPECT_EQ(take(set.first + i, 1), set.clean >> i & 1);
      }
    }
  }
  void claim_run() {
    const Order order{static_cast<uint8_t>(random_.below(kMaxOrder + 1))};
    uint64_t clean = 0;
    const auto got = bits_.claim_run(order, clean);
    if (got) {
      EXPECT_EQ(got->value % order.pages(), 0u);
      EXPECT_EQ(take(*got, order.pages()), clean);
      return;
    }
    for (uint64_t i = 0; i < model_.size(); i += order.pages())
      ASSERT_FALSE(run_is_free(i, order.pages())) << "order " << unsigned{order.value} << " at " << i << " was not found";
  }
  void claim_at() {
    const uint64_t from = random_.below(model_.size() + 64), n = 1 + random_.below(random_.one_in(4) ? 1500 : 20);
    const bool can = run_is_free(from, n);
    uint64_t clean = 0;
    ASSERT_EQ(bits_.claim_at(first_ + from, n, clean), can);
    if (!can) return;
    EXPECT_EQ(take(first_ + from, n), clean);
  }
  void claim_span() {
    const uint64_t n = 2 + random_.below(random_.one_in(2) ? 600 : 70);
    uint64_t clean = 0;
    if (const auto got = bits_.claim_span(n, clean)) {
      EXPECT_EQ(take(*got, n), clean);
      return;
    }
    for (uint64_t i = 0; i < model_.size(); ++i) ASSERT_FALSE(run_is_free(i, n)) << n << " at " << i << " were not found";
  }
  void give_back() {
    const uint64_t i = random_.below(model_.size());
    FrameSet set{first_ + round_down(i, 64)};
    for (uint64_t bit = 0; bit < 64; ++bit) {
      const uint64_t frame = round_down(i, 64) + bit;
      if (frame >= model_.size() || model_[frame] != State::Held || random_.one_in(3)) continue;
      set.mask |= uint64_t{1} << bit;
      const bool clean = random_.one_in(4);
      if (clean) set.clean |= uint64_t{1} << bit;
      model_[frame] = clean ? State::Clean : State::Dirty;
    }
    if (!set.mask) return;
    EXPECT_EQ(bits_.give_back(set), 0u);
  }
  void give_back_much() {
    uint64_t i = random_.below(model_.size()), n = 0;
    for (; i + n < model_.size() && n < 1200 && model_[i + n] == State::Held; ++n) model_[i + n] = State::Dirty;
    if (n) bits_.give_back_run(first_ + i, n, Frames::Dirty);
  }
  void give_to_host() {
    const int64_t block = bits_.find_dirty(static_cast<int64_t>(random_.below(bits_.nr_blocks())),
                                           random_.one_in(2) ? Blocks::Whole : Blocks::Any);
    if (block < 0) return;
    uint64_t clean = 0;
    const Pfn start = bits_.block_start(static_cast<uint64_t>(block));
    if (bits_.claim_whole(static_cast<uint64_t>(block), clean)) {
      EXPECT_EQ(take(start, kBlockFrames), clean);
      bits_.give_back_run(start, kBlockFrames, Frames::Clean);
      for (uint64_t i = 0; i < kBlockFrames; ++i) at(start + i) = State::Clean;
    } else {
      unsigned word = 0;
      for (FrameSet set = bits_.claim_dirty(static_cast<uint64_t>(block), word); set.mask;
           set = bits_.claim_dirty(static_cast<uint64_t>(block), ++word)) {
        for (uint64_t rest = set.mask; rest; rest &= rest - 1) {
          EXPECT_EQ(at(set.first + lowest_bit(rest)), State::Dirty);
          at(set.first + lowest_bit(rest)) = State::Clean;
        }
        set.clean = set.mask;
        bits_.give_back(set);
      }
    }
    bits_.forget_dirty(static_cast<uint64_t>(block));
  }

  Random random_;
  Pfn first_;
  Bits bits_;
  std::vector<State> model_;
};

class FrameBitsModelTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(seed, FrameBitsModelTest, testing::Range(uint64_t{1}, uint64_t{9}));

TEST_P(FrameBitsModelTest, a_random_walk_agrees_with_an_entry_for_each_frame) {
  Walk walk(GetParam(), GetParam() % 2 ? 4096 : 3333);
  for (int i = 0; i < 100'000 && !HasFailure(); ++i) {
    walk.step();
    if (i % 256 == 0) walk.compare();
  }
  walk.compare();
}

// Many threads, and a quiet end ------------------------------------------------------------------------------------------

struct Held {
  Pfn first;
  uint64_t n;
};

/// Each thread claims and gives back at random, and remembers an owner for each frame: nobody else may have it.
class Crowd {
 public:
  Crowd(uint64_t seed, uint64_t nr_frames, unsigned nr_threads)
      : bits_(nr_frames), owner_(new Atomic<uint8_t>[nr_frames]), nr_frames_(nr_frames) {
    bits_.give_back_run({0}, nr_frames, Frames::Dirty);
    std::vector<std::thread> threads;
    for (unsigned id = 1; id <= nr_threads; ++id) threads.emplace_back([this, id, seed] { run(id, Random(seed * 64 + id)); });
    for (std::thread& t : threads) t.join();
  }
  FrameBits& bits() { return bits_; }
  uint64_t collisions() const { return collisions_.load(); }

 private:
  void own(unsigned id, Held held) {
    for (uint64_t i = 0; i < held.n; ++i)
      if (owner_[held.first.value + i].exchange(static_cast<uint8_t>(id))) collisions_.fetch_add(1);
  }
  void give(unsigned id, Held held, bool clean) {
    for (uint64_t i = 0; i < held.n; ++i)
      if (owner_[held.first.value + i].exchange(0) != id) collisions_.fetch_add(1);
    bits_.give_back_run(held.first, held.n, frames_are(clean));
  }
  void return_block(unsigned id, Random& random) {
    const int64_t block = bits_.find_dirty(static_cast<int64_t>(random.below(bits_.nr_blocks())), Blocks::Any);
    uint64_t clean;
    if (block < 0) return;
    const auto b = static_cast<uint64_t>(block);
    if (bits_.claim_whole(b, clean)) {
      own(id, {bits_.block_start(b), kBlockFrames});
      bits_.forget_dirty(b);
      return give(id, {bits_.block_start(b), kBlockFrames}, true);
    }
    unsigned word = 0;
    for (FrameSet set = bits_.claim_dirty(b, word); set.mask; set = bits_.claim_dirty(b, ++word)) {
      set.clean = set.mask;
      bits_.give_back(set);
    }
    bits_.forget_dirty(b);
  }
  void run(unsigned id, Random random) {
    std::vector<Held> held;
    for (int i = 0; i < 40'000; ++i) {
      const uint64_t what = random.below(8);
      if (held.size() > 100 || (what < 3 && !held.empty())) {
        const size_t at = random.below(held.size());
        give(id, held[at], random.one_in(4));
        held[at] = held.back();
        held.pop_back();
      } else if (what < 5) {
        const FrameSet set = bits_.claim_some(1);
        if (!set.mask) continue;
        held.push_back({set.first + lowest_bit(set.mask), 1});
        own(id, held.back());
      } else if (what < 6) {
        const Order order{static_cast<uint8_t>(random.below(kMaxOrder + 1))};
        uint64_t clean;
        const auto got = bits_.claim_run(order, clean);
        if (!got) continue;
        held.push_back({*got, order.pages()});
        own(id, held.back());
      } else if (what < 7) {
        const Held want{{random.below(nr_frames_)}, 1 + random.below(200)};
        uint64_t clean;
        if (!bits_.claim_at(want.first, want.n, clean)) continue;
        held.push_back(want);
        own(id, want);
      } else {
        return_block(id, random);
      }
    }
    for (const Held h : held) give(id, h, false);
  }

  Bits bits_;
  std::unique_ptr<Atomic<uint8_t>[]> owner_;
  uint64_t nr_frames_;
  Atomic<uint64_t> collisions_;
};

class FrameBitsThreadsTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(seed, FrameBitsThreadsTest, testing::Range(uint64_t{1}, uint64_t{6}));

TEST_P(FrameBitsThreadsTest, no_frame_has_two_owners_and_the_summaries_are_right_in_the_end) {
  Crowd crowd(GetParam(), 8 * kBlockFrames, 4);
  EXPECT_EQ(crowd.collisions(), 0u);
  const Fault fault = crowd.bits().check();
  EXPECT_FALSE(fault) << fault.rule << " at " << fault.where;
  EXPECT_EQ(crowd.bits().count_free(), 8 * kBlockFrames);
  EXPECT_EQ(crowd.bits().count_whole_blocks(), 8u);
  for (uint64_t i = 0; i < 8; ++i) {
    uint64_t clean;
    EXPECT_TRUE(crowd.bits().claim_run({kBlockOrder}, clean)) << "a block that is whole is found";
  }
}

// What the page layer promises ------------------------------------------------------------------------------------------

class MillionsOfFrames : public testing::Test {
 protected:
  // 8 GiB of them, but only their bits are real; fewer where each takes long
  static constexpr uint64_t kFrames = test::kOneStepOf == 1 ? 2'097'152 : 524'288;

  MillionsOfFrames() : bits_(kFrames) { bits_.give_back_run({0}, kFrames, Frames::Clean); }
  Pfn take() {
    const FrameSet set = bits_.claim_some(1);
    EXPECT_TRUE(set.mask);
    return set.first + lowest_bit(set.mask);
  }
  void give(Pfn p) { bits_.give_back({{round_down(p.value, 64)}, uint64_t{1} << (p.value % 64)}); }
  Pfn take_out(std::vector<Pfn>& from) {
    const size_t i = random_.below(from.size());
    const Pfn p = from[i];
    from[i] = from.back();
    from.pop_back();
    return p;
  }

  Random random_{1};
  Bits bits_;
};

TEST_F(MillionsOfFrames, allocated_and_freed_at_random_leave_every_block_whole) {
  std::vector<Pfn> held;
  held.reserve(kFrames);
  for (uint64_t i = 0; i < kFrames; ++i) held.push_back(take());
  ASSERT_EQ(bits_.count_free(), 0u);
  while (!held.empty()) give(take_out(held));
  EXPECT_EQ(bits_.count_whole_blocks(), kFrames / kBlockFrames);
  EXPECT_FALSE(bits_.check());
}

TEST_F(MillionsOfFrames, after_churn_at_half_occupancy_nearly_all_blocks_that_could_be_whole_are) {
  std::vector<Pfn> held;
  for (uint64_t i = 0; i < kFrames; ++i) held.push_back(take());
  while (held.size() > kFrames / 2) give(take_out(held));
  EXPECT_LT(bits_.count_whole_blocks(), kFrames / kBlockFrames / 100) << "freed at random, hardly a block is whole";
  for (int round = 0; round < 100; ++round) {
    for (uint64_t i = 0; i < kFrames / 20; ++i) give(take_out(held));
    for (uint64_t i = 0; i < kFrames / 20; ++i) held.push_back(take());
  }
  const uint64_t could = (kFrames - held.size()) / kBlockFrames;
  EXPECT_GE(bits_.count_whole_blocks() * 100, could * 95);
  EXPECT_FALSE(bits_.check());
}

TEST_F(MillionsOfFrames, cost_less_than_a_byte_each) { EXPECT_LT(FrameBits::metadata_bytes(kFrames), kFrames / 3); }

}  // namespace
}  // namespace kmem
