// The frame bitmaps, each operation disturbed at every step by each other.  What is free and what is clean is kept a
// second time, as plain sets: no frame may have two owners, and no dirty frame may be called clean.

#include <map>

#include "page/frame_bits.h"
#include "sim/world.h"

namespace sim {
namespace {

using kmem::FrameBits;
using kmem::FrameSet;

constexpr uint64_t kFirst = 1024, kFrames = 4 * kmem::kBlockFrames;

/// Three blocks, and who has what of them.
struct Field {
  Field() : metadata(FrameBits::metadata_bytes(kFrames) / sizeof(uint64_t) + 8) {
    auto at = reinterpret_cast<uint64_t>(metadata.data());
    bits.init({kFirst}, kFrames, reinterpret_cast<void*>((at + 63) / 64 * 64));
    bits.give_back_run({kFirst}, kFrames, kmem::Frames::Clean);
  }

  void own(Pfn first, uint64_t n) {
    for (uint64_t i = 0; i < n; ++i)
      EXPECT_TRUE(owned.insert(first.value + i).second) << "frame " << first.value + i << " has two owners";
  }
  void disown(Pfn first, uint64_t n) {
    for (uint64_t i = 0; i < n; ++i) EXPECT_EQ(owned.erase(first.value + i), 1u);
  }
  uint64_t count_clean(Pfn first, uint64_t n) const {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; ++i) sum += !dirty.contains(first.value + i);
    return sum;
  }

  std::vector<uint64_t> metadata;
  FrameBits bits;
  std::set<uint64_t> owned, dirty;
};

/// Somebody who claims and gives back.
class Actor {
 public:
  explicit Actor(Field& field) : field_(field) {}

  void claim_some(unsigned n) {
    const FrameSet set = field_.bits.claim_some(n);
    for (uint64_t rest = set.mask; rest; rest &= rest - 1) {
      const Pfn p = set.first + kmem::lowest_bit(rest);
      const bool clean = set.clean >> kmem::lowest_bit(rest) & 1;
      took(p, 1, clean);
    }
  }
  void claim_run(unsigned order) {
    uint64_t clean = 0;
    const Order o{static_cast<uint8_t>(order)};
    if (const auto at = field_.bits.claim_run(o, clean)) took(*at, o.pages(), clean);
  }
  void claim_span(uint64_t n) {
    uint64_t clean = 0;
    if (const auto at = field_.bits.claim_span(n, clean)) took(*at, n, clean);
  }
  void claim_at(uint64_t offset, uint64_t n) {
    uint64_t clean = 0;
    if (field_.bits.claim_at({kFirst + offset}, n, clean)) took({kFirst + offset}, n, clean);
  }
  /// Gives back what was claimed last, written to.
  void give_last() {
    if (runs_.empty()) return;
    const auto [first, n] = runs_.back();
    runs_.pop_back();
    field_.disown(first, n);
    for (uint64_t i = 0; i < n; ++i) field_.dirty.insert(first.value + i);
    field_.bits.give_back_run(first, n, kmem::Frames::Dirty);
  }
  void give_all() {
    while (!runs_.empty()) give_last();
  }
  /// What Zone::give_to_host() does, with a host that always agrees.
  void discard_all() {
    for (int64_t b = 3; (b = field_.bits.find_dirty(b, kmem::Blocks::Whole)) >= 0; --b) discard_block(static_cast<uint64_t>(b));
    for (int64_t b = 3; (b = field_.bits.find_dirty(b, kmem::Blocks::Any)) >= 0; --b) discard_parts(static_cast<uint64_t>(b));
  }
  /// Keeps these frames for good.
  void keep(uint64_t offset, uint64_t n) { claim_at(offset, n); }

 private:
  void took(Pfn first, uint64_t n, uint64_t clean) {
    field_.own(first, n);
    EXPECT_EQ(clean, field_.count_clean(first, n)) << "of " << n << " frames from " << first.value;
    runs_.push_back({first, n});
  }
  void discard_block(uint64_t block) {
    uint64_t clean = 0;
    if (!field_.bits.claim_whole(block, clean)) return;
    const Pfn first = field_.bits.block_start(block);
    field_.own(first, kmem::kBlockFrames);
    for (uint64_t i = 0; i < kmem::kBlockFrames; ++i) field_.dirty.erase(first.value + i);
    field_.bits.forget_dirty(block);
    field_.disown(first, kmem::kBlockFrames);
    field_.bits.give_back_run(first, kmem::kBlockFrames, kmem::Frames::Clean);
  }
  void discard_parts(uint64_t block) {
    unsigned word = 0;
    for (FrameSet set = field_.bits.claim_dirty(block, word); set.mask; set = field_.bits.claim_dirty(block, word)) {
      for (unsigned i = 0; i < 64; ++i) {
        if (!(set.mask >> i & 1)) continue;
        field_.own(set.first + i, 1);
        field_.dirty.erase(set.first.value + i);
        field_.disown(set.first + i, 1);
      }
      set.clean = set.mask;
      field_.bits.give_back(set);
      ++word;
    }
    field_.bits.forget_dirty(block);
  }

  Field& field_;
  struct Run {
    Pfn first;
    uint64_t n;
  };
  std::vector<Run> runs_;
};

struct Operation {
  const char* name;
  void (*run)(Actor&);
};
const Operation kOperations[] = {
    {"claim one frame", [](Actor& a) { a.claim_some(1); }},       {"claim up to 64", [](Actor& a) { a.claim_some(64); }},
    {"claim 8 in a row", [](Actor& a) { a.claim_run(3); }},       {"claim 256 in a row", [](Actor& a) { a.claim_run(8); }},
    {"claim a block", [](Actor& a) { a.claim_run(9); }},          {"claim two blocks", [](Actor& a) { a.claim_run(10); }},
    {"claim a span of 100", [](Actor& a) { a.claim_span(100); }}, {"claim these 130", [](Actor& a) { a.claim_at(448, 130); }},
    {"give the last back", [](Actor& a) { a.give_last(); }},      {"discard what is dirty", [](Actor& a) { a.discard_all(); }},
};

/// What is claimed before: by the first actor, and by the second.
using Start = void (*)(Actor&, Actor&);
const Start kStarts[] = {
    [](Actor&, Actor&) {},
    // One frame of the first block is the second's, so the block is partly used.
    [](Actor&, Actor& b) { b.claim_some(1); },
    // The first block has been used and is dirty; each has a frame of it.
    [](Actor& a, Actor& b) { a.keep(0, 512), a.give_last(), a.claim_some(1), b.claim_some(1); },
    // Only 16 frames are left, in two places, in blocks that were dirty before.
    [](Actor& a, Actor& b) {
      a.keep(0, 2048), a.give_all();
      a.keep(0, 8), a.keep(16, 1100), a.keep(1124, 924);
      b.keep(0, 8);
    },
    // Blocks 0 and 2 are full, 1 and 3 free but for the second's frame.
    [](Actor& a, Actor& b) { a.keep(0, 512), a.keep(1024, 512), b.keep(512, 1), b.keep(1536, 64), a.claim_some(1); },
};

/// Blocks that exist are found: the hints that lead the search have not been lost.
void expect_runs_are_found(Field& field) {
  uint64_t nr[kmem::kMaxOrder + 1];
  field.bits.count_by_order(nr);
  int largest = kmem::kMaxOrder;
  while (largest >= 0 && !nr[largest]) --largest;
  for (int order = largest; order >= 0; --order) {
    uint64_t clean;
    const Order o{static_cast<uint8_t>(order)};
    const auto at = field.bits.claim_run(o, clean);
    EXPECT_TRUE(at) << "there is a free block of order " << largest << ", and one of " << order << " is not found";
    if (at) field.bits.give_back_run(*at, o.pages(), kmem::frames_are(clean == o.pages()));
  }
  if (largest < 0) return;
  const FrameSet set = field.bits.claim_some(1);
  EXPECT_NE(set.mask, 0u) << "there is a free frame, and none is found";
  if (set.mask) field.bits.give_back(set);
}

void expect_consistent(Field& field) {
  expect_sound(field.bits.check());
  EXPECT_EQ(field.bits.count_free() + field.owned.size(), kFrames) << "frames are lost";
  expect_runs_are_found(field);
}

Outcome disturbed(const Operation& operation, const Operation& intruder, Start start, bool interrupt, const Script& script) {
  Field field;
  Actor first(field), second(field);
  start(first, second);
  Tasks tasks;
  tasks.add(0, [&] { operation.run(first); });
  if (interrupt) tasks.add_handler([&] { intruder.run(second); });
  else tasks.add(1, [&] { intruder.run(second); });
  const Outcome outcome = tasks.run(script);
  if (!outcome) return outcome;
  expect_consistent(field);
  first.give_all();
  second.give_all();
  expect_consistent(field);
  return outcome;
}

TEST(Frames, every_operation_may_come_between_at_every_step_of_every_other) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations)
      for (size_t s = 0; s < std::size(kStarts); ++s) {
        SCOPED_TRACE(std::string("'") + operation.name + "' disturbed by '" + intruder.name + "', start " + std::to_string(s));
        runs += at_every_step(
            {Event::Interrupt, 0},
            [&](const Script& script) { return disturbed(operation, intruder, kStarts[s], true, script); }, Steps::MayBeNone);
        if (HasFailure()) return;
      }
  EXPECT_GT(runs, 5000u);
}

// Each goes so far, then the other: at every two steps of the operations that are short, at some of the others.
TEST(Frames, two_operations_may_alternate_at_two_steps) {
  uint64_t runs = 0;
  for (const Operation& operation : kOperations)
    for (const Operation& intruder : kOperations)
      for (size_t s = 1; s < std::size(kStarts); ++s) {
        SCOPED_TRACE(std::string("'") + operation.name + "' and '" + intruder.name + "', start " + std::to_string(s));
        runs += at_every_two_steps(
            {Event::Switch, 1}, {Event::Switch, 0},
            [&](const Script& script) { return disturbed(operation, intruder, kStarts[s], false, script); }, 7);
        if (HasFailure()) return;
      }
  EXPECT_GT(runs, 500u);
}

}  // namespace
}  // namespace sim
