#include "page/zone.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <vector>

#include "unit/page/small_machine.h"
#include "watch/fault_injection.h"

namespace kmem {

/// Puts the counters wrong.
class ZoneTestPeer {
 public:
  static Atomic<int64_t>& nr_free(Zone& z) { return z.counts().free_; }
  static Atomic<int64_t>& nr_dirty(Zone& z) { return z.counts().dirty_; }
  static Atomic<uint8_t>* sections(Zone& z) { return z.sections_.states_; }
  /// A give_to_host() is under way.
  static void begin_giving(Zone& z) { z.reporting_.running_.store(1); }
};

namespace {

using test::kMiB;
using test::Reservation;

constexpr uint64_t kMiBFrames = kMiB >> kPageShift;

/// A zone over address space of its own; the machine behind it is never asked for anything else.
class ZoneTest : public testing::Test {
 protected:
  ZoneTest() { make(100); }
  void make(uint64_t mib) {
    (void)test::host_facts();
    nr_ = mib * kMiBFrames;
    frames_ = Reservation(mib * kMiB + 4 * kMiB);
    direct_map_ = reinterpret_cast<char*>(round_up(reinterpret_cast<uint64_t>(frames_.at()), 4 * kMiB));
    descriptors_ = Reservation(nr_ * sizeof(Page));
    metadata_ = Reservation(Zone::metadata_bytes(nr_), PROT_READ | PROT_WRITE);
    zone_.~Zone();
    new (&zone_) Zone;
    zone_.init({ZoneKind::Normal,
                {0},
                3,
                first_,
                nr_,
                metadata_.at(),
                direct_map_ - (first_.value << kPageShift),
                reinterpret_cast<Page*>(descriptors_.at()) - first_.value});
  }
  Maybe<Pfn> run(unsigned order) {
    bool clean;
    return zone_.claim_run({static_cast<uint8_t>(order)}, Use::Unknown, clean);
  }
  /// Claims n MiB, writes to every frame and gives all back.
  void use(uint64_t mib) {
    std::vector<Pfn> blocks;
    for (uint64_t i = 0; i < mib / 2; ++i) {
      const auto at = run(kBlockOrder);
      ASSERT_TRUE(at);
      memset(zone_.address(*at), 0xaa, kBlockBytes);
      blocks.push_back(*at);
    }
    for (const Pfn p : blocks) zone_.give_back_run(p, kBlockFrames);
  }
  ~ZoneTest() override {
    if (!broken_) {
      EXPECT_FALSE(zone_.check()) << zone_.check().rule;
    }
  }

  static constexpr Pfn kFirst{2048};
  Pfn first_ = kFirst;
  uint64_t nr_ = 0;
  bool broken_ = false;
  Reservation frames_, descriptors_, metadata_;
  char* direct_map_ = nullptr;
  Zone zone_;
};

TEST_F(ZoneTest, what_it_was_made_of_is_what_it_says) {
  EXPECT_EQ(zone_.kind(), ZoneKind::Normal);
  EXPECT_EQ(zone_.index(), 3u);
  EXPECT_EQ(zone_.first(), kFirst);
  EXPECT_EQ(zone_.nr_frames(), 100 * kMiBFrames);
  EXPECT_TRUE(zone_.contains(kFirst));
  EXPECT_FALSE(zone_.contains(kFirst + zone_.nr_frames()));
  EXPECT_EQ(zone_.address(kFirst), direct_map_);
}

TEST_F(ZoneTest, metadata_is_below_a_byte_a_frame) { EXPECT_LT(Zone::metadata_bytes(1 << 21), uint64_t{1} << 21); }

// Sections --------------------------------------------------------------------------------------------------------------

TEST_F(ZoneTest, nothing_is_online_until_it_is_asked_for) {
  EXPECT_EQ(zone_.counts().nr_online(), 0u);
  EXPECT_EQ(zone_.nr_free(), 0u);
  EXPECT_FALSE(zone_.is_online(kFirst));
  EXPECT_EQ(zone_.nr_available(), 100 * kMiBFrames) << "frames to come can be had";
}

TEST_F(ZoneTest, one_section_comes_at_a_time_the_lowest_first) {
  ASSERT_TRUE(zone_.claim_some(1).mask);
  EXPECT_EQ(zone_.counts().nr_online(), kSectionFrames);
  EXPECT_TRUE(zone_.is_online(kFirst + (kSectionFrames - 1)));
  EXPECT_FALSE(zone_.is_online(kFirst + kSectionFrames));
  EXPECT_EQ(zone_.nr_free(), kSectionFrames - 1);
  EXPECT_EQ(zone_.nr_in_use(), 1u);
  EXPECT_EQ(zone_.nr_available(), 100 * kMiBFrames - 1);
}

TEST_F(ZoneTest, the_last_section_may_be_short) {
  uint64_t n = 0;
  while (zone_.claim_some(64).mask) ++n;
  EXPECT_EQ(n * 64, nr_);
  EXPECT_EQ(zone_.counts().nr_online(), nr_);
  EXPECT_EQ(zone_.nr_available(), 0u);
}

TEST_F(ZoneTest, new_frames_read_as_zero_and_say_so) {
  bool clean = false;
  const auto at = zone_.claim_run({4}, Use::Unknown, clean);
  ASSERT_TRUE(at && clean);
  for (size_t i = 0; i < 16 * kPageSize; ++i) ASSERT_EQ(zone_.address(*at)[i], 0);
  EXPECT_EQ(zone_.nr_dirty(), 0u);
}

TEST_F(ZoneTest, a_host_that_has_no_more_is_an_empty_zone) {
  constexpr uint64_t kSectionBytes = kSectionFrames << kPageShift;
  munmap(direct_map_ + kSectionBytes, 100 * kMiB - kSectionBytes);  // so that the second section cannot come
  uint64_t n = 0;
  while (zone_.claim_some(64).mask) ++n;
  EXPECT_EQ(n * 64, kSectionFrames);
  EXPECT_FALSE(run(0));
  EXPECT_EQ(zone_.counts().nr_online(), kSectionFrames);
}

TEST_F(ZoneTest, frames_of_boot_memory_stay_taken_when_their_section_comes) {
  const Pfn reserved = kFirst + (kSectionFrames + 100);
  ASSERT_TRUE(zone_.online_reserved(reserved, 50));
  EXPECT_TRUE(zone_.is_online(reserved));
  EXPECT_FALSE(zone_.is_online(kFirst)) << "the first section has not come yet";
  EXPECT_EQ(zone_.nr_free(), kSectionFrames - 50);
  EXPECT_FALSE(zone_.claim_at(reserved + 49, 1));
  uint64_t n = 0;
  for (FrameSet set = zone_.claim_some(64); set.mask; set = zone_.claim_some(64)) n += set.count();
  EXPECT_EQ(n, nr_ - 50);
}

TEST_F(ZoneTest, reserved_frames_may_span_sections) {
  ASSERT_TRUE(zone_.online_reserved(kFirst + (kSectionFrames - 10), 20));
  EXPECT_EQ(zone_.counts().nr_online(), 2 * kSectionFrames);
  EXPECT_EQ(zone_.nr_free(), 2 * kSectionFrames - 20);
}

// Counting --------------------------------------------------------------------------------------------------------------

TEST_F(ZoneTest, what_is_given_back_is_dirty_unless_it_says_that_it_is_clean) {
  FrameSet set = zone_.claim_some(8);
  EXPECT_EQ(set.clean, set.mask) << "new frames";
  set.clean = set.mask & 0x3;
  zone_.give_back(set);
  EXPECT_EQ(zone_.nr_dirty(), 6u);
  const auto at = run(6);
  ASSERT_TRUE(at);
  EXPECT_EQ(zone_.nr_dirty(), at->value == kFirst.value ? 0u : 6u);
  const uint64_t dirty = zone_.nr_dirty();
  zone_.give_back_run(*at, 64, Frames::Clean);
  EXPECT_EQ(zone_.nr_dirty(), dirty);
  const auto again = run(6);
  ASSERT_TRUE(again);
  const uint64_t before = zone_.nr_dirty();
  zone_.give_back_run(*again, 64);
  EXPECT_EQ(zone_.nr_dirty(), before + 64);
  EXPECT_EQ(zone_.nr_free(), kSectionFrames);
}

TEST_F(ZoneTest, claiming_by_number_counts_too) {
  ASSERT_TRUE(zone_.claim_some(1).mask);
  EXPECT_TRUE(zone_.claim_at(kFirst + 1000, 500));
  EXPECT_FALSE(zone_.claim_at(kFirst + 1499, 2));
  EXPECT_EQ(zone_.nr_free(), kSectionFrames - 501);
  EXPECT_FALSE(zone_.claim_at(kFirst + kSectionFrames, 1)) << "a section that has not come has no free frames";
}

TEST_F(ZoneTest, runs_of_order_10_are_found_across_sections_that_came_one_by_one) {
  unsigned n = 0;
  while (run(10)) ++n;
  EXPECT_EQ(n, 25u);
}

// Free-page reporting ---------------------------------------------------------------------------------------------------

TEST_F(ZoneTest, what_goes_to_the_host_reads_as_zero_afterwards_and_is_free_as_before) {
  use(8);
  EXPECT_EQ(zone_.nr_dirty(), 8 * kMiBFrames);
  EXPECT_EQ(zone_.reporting().give_to_host(0), 8 * kMiBFrames);
  EXPECT_EQ(zone_.nr_dirty(), 0u);
  EXPECT_EQ(zone_.nr_free(), kSectionFrames);
  EXPECT_EQ(zone_.reporting().nr_returned(), 8 * kMiBFrames);
  EXPECT_EQ(zone_.reporting().nr_calls(), 4u) << "a block at a time";
  bool clean = false;
  const auto at = zone_.claim_run({kBlockOrder}, Use::Unknown, clean);
  ASSERT_TRUE(at && clean);
  for (size_t i = 0; i < kBlockBytes; ++i) ASSERT_EQ(zone_.address(*at)[i], 0);
}

TEST_F(ZoneTest, what_is_to_be_kept_stays_and_the_highest_goes_first) {
  use(8);
  EXPECT_EQ(zone_.reporting().give_to_host(4 * kMiBFrames), 4 * kMiBFrames);
  EXPECT_EQ(zone_.nr_dirty(), 4 * kMiBFrames);
  bool clean = true;
  ASSERT_TRUE(zone_.claim_run({kBlockOrder}, Use::Unknown, clean));
  EXPECT_FALSE(clean) << "the lowest block was kept";
}

TEST_F(ZoneTest, parts_of_blocks_go_too_and_what_is_in_use_is_left_alone) {
  const auto at = run(kBlockOrder);
  ASSERT_TRUE(at);
  memset(zone_.address(*at), 0x77, kBlockBytes);
  zone_.give_back_run(*at, 100);
  zone_.give_back_run(*at + 101, 411);  // frame 100 stays ours
  EXPECT_EQ(zone_.reporting().give_to_host(0), 511u);
  EXPECT_EQ(zone_.nr_dirty(), 0u);
  EXPECT_EQ(zone_.address(*at + 100)[0], 0x77);
  EXPECT_EQ(zone_.address(*at + 100)[kPageSize - 1], 0x77);
  EXPECT_EQ(zone_.address(*at + 99)[0], 0);
  EXPECT_EQ(zone_.address(*at + 101)[0], 0);
}

TEST_F(ZoneTest, clean_frames_are_not_given_again) {
  use(4);
  EXPECT_EQ(zone_.reporting().give_to_host(0), 4 * kMiBFrames);
  EXPECT_EQ(zone_.reporting().give_to_host(0), 0u);
  EXPECT_EQ(zone_.reporting().nr_returned(), 4 * kMiBFrames);
}

TEST_F(ZoneTest, two_MiB_are_kept_and_a_surplus_goes_below_that) {
  const uint64_t floor = 2 * kMiBFrames;
  EXPECT_EQ(zone_.reporting().limit(), floor);
  use(2);
  zone_.reporting().return_surplus();
  EXPECT_EQ(zone_.nr_dirty(), floor) << "no more than the limit is no reason";
  EXPECT_EQ(zone_.reporting().nr_returned(), 0u);
  use(8);
  zone_.reporting().return_surplus();
  EXPECT_EQ(zone_.nr_dirty(), 0u) << "whole blocks, until no more than 1.75 MiB are left";
  EXPECT_EQ(zone_.reporting().nr_returned(), 8 * kMiBFrames);
}

TEST_F(ZoneTest, of_much_in_use_a_quarter_is_kept_and_it_falls_with_what_is_in_use) {
  if (sizeof(void*) == 4) GTEST_SKIP() << "there are too few addresses";
  make(400);
  std::vector<Pfn> blocks;
  for (int i = 0; i < 160; ++i) {
    const auto at = run(kBlockOrder);
    ASSERT_TRUE(at);
    blocks.push_back(*at);
  }
  EXPECT_EQ(zone_.reporting().limit(), 160 * kBlockFrames / 4);
  for (const Pfn p : blocks) zone_.give_back_run(p, kBlockFrames, Frames::Clean);
  EXPECT_EQ(zone_.reporting().limit(), 2 * kMiBFrames);
}

// A steady base of 8 MiB, and 20 MiB more that come and go.
TEST_F(ZoneTest, what_swings_above_what_is_in_use_stays_after_the_first_time) {
  bool clean;
  const auto base = zone_.claim_span(8 * kMiBFrames, clean);
  ASSERT_TRUE(base);
  const auto swing = [this] {
    std::vector<Pfn> blocks;
    for (int i = 0; i < 10; ++i) blocks.push_back(*run(kBlockOrder));
    for (const Pfn p : blocks) zone_.give_back_run(p, kBlockFrames);
    zone_.reporting().return_surplus();
  };
  swing();
  const uint64_t first = zone_.reporting().nr_returned();
  EXPECT_EQ(first, 20 * kMiBFrames) << "all whole blocks, until no more than 1.75 MiB are left";
  for (int turn = 0; turn < 20; ++turn) swing();
  EXPECT_LE(zone_.reporting().nr_returned(), 2 * first) << "once more at most, if this takes longer than demand is remembered";
  zone_.give_back_run(*base, 8 * kMiBFrames);
  EXPECT_LE(zone_.reporting().limit(), 8 * kMiBFrames) << "nothing is in use that it could swing above";
}

namespace {
/// The host takes nothing back.
class Refusing {
 public:
  Refusing() {
    FaultSettings always;
    always.on = true;
    always.probability = 100;
    always.times = -1;
    always.verbose = 0;
    set_fault(FaultPoint::Discard, always);
  }
  ~Refusing() { reset_faults(); }
};
}  // namespace

TEST_F(ZoneTest, a_host_that_refuses_is_not_asked_for_everything_at_each_free) {
  if (sizeof(void*) == 4) GTEST_SKIP() << "there are too few addresses";
  make(400);
  std::vector<Pfn> runs;
  while (const auto at = run(5)) runs.push_back(*at);
  {
    const Refusing host;
    for (const Pfn p : runs) {
      zone_.give_back_run(p, 32);
      zone_.reporting().return_surplus();
    }
  }
  EXPECT_EQ(zone_.nr_dirty(), 400 * kMiBFrames) << "it has taken nothing";
  EXPECT_GT(zone_.reporting().nr_calls(), 0u);
  EXPECT_LE(zone_.reporting().nr_calls(), 10 * runs.size()) << "the calls grow with the frees, not with their square";
  zone_.reporting().return_surplus();
  EXPECT_EQ(zone_.nr_dirty(), 400 * kMiBFrames) << "nothing new to ask for";
  EXPECT_EQ(zone_.reporting().give_to_host(0), 400 * kMiBFrames) << "who wants all back asks always";
  use(40);
  zone_.reporting().return_surplus();
  EXPECT_LE(zone_.nr_dirty(), 8 * kMiBFrames) << "the refusal is forgotten";
}

// Resident memory ahead of use --------------------------------------------------------------------------------------------

namespace {
uint64_t nr_resident(const char* at, uint64_t nr) {
  std::vector<unsigned char> in_core(nr);
  EXPECT_EQ(mincore(const_cast<char*>(at), nr * kPageSize, in_core.data()), 0);
  uint64_t sum = 0;
  for (const unsigned char byte : in_core) sum += byte & 1;
  return sum;
}

bool host_populates() {
  Reservation page(kPageSize, PROT_READ | PROT_WRITE);
  kmem_port_populate(page.at(), kPageSize);
  return nr_resident(static_cast<char*>(page.at()), 1) == 1;
}

bool host_makes_huge() {
  Reservation block(2 * kBlockBytes, PROT_READ | PROT_WRITE);
  const uint64_t at = round_up(reinterpret_cast<uint64_t>(block.at()), kBlockBytes);
  return kmem_port_huge(reinterpret_cast<void*>(at), kBlockBytes);
}
}  // namespace

TEST_F(ZoneTest, single_frames_begin_a_fresh_block_with_a_huge_page) {
  if (!host_makes_huge()) GTEST_SKIP() << "the host cannot";
  zone_.set_huge(HugePages::WhereDense);
  bool clean;
  const auto base = zone_.claim_span(4 * kMiBFrames, clean);
  ASSERT_TRUE(base);
  EXPECT_EQ(zone_.nr_dirty(), 0u);
  const FrameSet set = zone_.claim_some(63);
  EXPECT_EQ(set.count(), 63u);
  EXPECT_TRUE(zone_.frames().is_filling((set.first - kFirst) / kBlockFrames));
  EXPECT_EQ(zone_.nr_dirty(), kBlockFrames - 63) << "the host holds memory for all of it";
}

// A host that is short of huge pages says nothing: memory that is counted as resident, and is not, is counted twice by
// processes that share a limit.
TEST_F(ZoneTest, what_a_block_is_counted_as_the_host_holds_though_it_had_no_huge_page) {
  if (sysconf(_SC_PAGESIZE) != static_cast<long>(kPageSize) || !host_makes_huge() || !host_populates())
    GTEST_SKIP() << "the host cannot";
  const int before = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
  ASSERT_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  zone_.set_huge(HugePages::WhereDense);
  bool clean;
  ASSERT_TRUE(zone_.claim_span(4 * kMiBFrames, clean));
  const FrameSet set = zone_.claim_some(63);
  const uint64_t block = (set.first - kFirst) / kBlockFrames;
  const uint64_t resident = nr_resident(zone_.address(kFirst + block * kBlockFrames), kBlockFrames);
  EXPECT_EQ(prctl(PR_SET_THP_DISABLE, before, 0, 0, 0), 0);
  EXPECT_EQ(zone_.nr_dirty(), kBlockFrames - 63);
  EXPECT_EQ(resident, kBlockFrames);
}

TEST_F(ZoneTest, with_little_in_use_no_block_is_begun_with_a_huge_page) {
  zone_.set_huge(HugePages::WhereDense);
  bool clean;
  ASSERT_TRUE(zone_.claim_span(4 * kMiBFrames - 64, clean));
  ASSERT_EQ(zone_.claim_some(63).count(), 63u);
  EXPECT_EQ(zone_.nr_dirty(), 0u);
}

TEST_F(ZoneTest, fresh_single_frames_become_resident_together_a_sixteenth_of_the_use) {
  if (sysconf(_SC_PAGESIZE) != static_cast<long>(kPageSize) || !host_populates()) GTEST_SKIP() << "the host cannot";
  const FrameSet first = zone_.claim_some(64);
  EXPECT_EQ(nr_resident(zone_.address(first.first), 64), 0u) << "with so little in use, page by page";
  bool clean;
  ASSERT_TRUE(zone_.claim_span(448, clean));
  const FrameSet set = zone_.claim_some(64);
  ASSERT_EQ(set.count(), 64u);
  EXPECT_EQ(nr_resident(zone_.address(set.first), 64), 36u) << "a 16th of 576";
  EXPECT_EQ(nr_resident(zone_.address(set.first), 36), 36u) << "the lowest";
}

TEST_F(ZoneTest, the_most_that_was_ever_in_use_is_remembered) {
  use(8);
  EXPECT_EQ(zone_.nr_in_use(), 0u);
  EXPECT_EQ(zone_.counts().most_in_use(), 8 * kMiBFrames);
  bool clean = false;
  const auto span = zone_.claim_span(9 * kMiBFrames + 1, clean);
  ASSERT_TRUE(span);
  EXPECT_EQ(zone_.counts().most_in_use(), 9 * kMiBFrames + 1) << "spans are in use too";
  zone_.give_back_run(*span, 9 * kMiBFrames + 1);
  uint64_t nr_clean = 0;
  const auto bare = zone_.claim_bare_run({2}, nr_clean);
  ASSERT_TRUE(bare);
  zone_.give_back_run(*bare, 4);
  EXPECT_EQ(zone_.counts().most_in_use(), 9 * kMiBFrames + 1);
}

TEST_F(ZoneTest, spans_of_any_length_are_taken_and_bring_sections_online) {
  bool clean = false;
  const auto a = zone_.claim_span(1100, clean), b = zone_.claim_span(1500, clean);
  ASSERT_TRUE(a && b && clean);
  EXPECT_EQ(zone_.nr_in_use(), 2600u);
  EXPECT_TRUE(*b - *a >= 1100 || *a - *b >= 1500);
  EXPECT_FALSE(zone_.claim_span(100 * kMiBFrames, clean)) << "so many are not left";
  zone_.give_back_run(*a, 1100);
  zone_.give_back_run(*b, 1500);
}

TEST_F(ZoneTest, the_frame_at_address_zero_is_never_given) {
  first_ = {0};
  make(16);
  EXPECT_FALSE(zone_.claim_at({0}, 1));
  EXPECT_EQ(zone_.claim_some(1).mask, 2u);
}

TEST_F(ZoneTest, a_return_that_a_fork_cut_off_does_not_block_the_child) {
  use(8);
  ZoneTestPeer::begin_giving(zone_);
  EXPECT_EQ(zone_.reporting().give_to_host(0), 0u) << "another thread is at it";
  zone_.after_fork();
  EXPECT_EQ(zone_.reporting().give_to_host(0), 8 * kMiBFrames);
}

// The walker ------------------------------------------------------------------------------------------------------------

class ZoneWalkerTest : public ZoneTest {
 protected:
  ZoneWalkerTest() {
    EXPECT_TRUE(zone_.claim_some(3).mask);
    EXPECT_FALSE(zone_.check());
    broken_ = true;
  }
};

TEST_F(ZoneWalkerTest, Z1_a_free_frame_is_counted_that_is_not) {
  ZoneTestPeer::nr_free(zone_).fetch_add(1);
  EXPECT_TRUE(zone_.check().is("Z1")) << zone_.check().rule;
}

TEST_F(ZoneWalkerTest, Z2_a_dirty_frame_is_counted_that_is_not) {
  ZoneTestPeer::nr_dirty(zone_).fetch_add(1);
  EXPECT_TRUE(zone_.check().is("Z2")) << zone_.check().rule;
}

TEST_F(ZoneWalkerTest, Z3_a_frame_is_free_without_memory_behind_it) {
  ZoneTestPeer::sections(zone_)[0].store(0);
  EXPECT_TRUE(zone_.check().is("Z3")) << zone_.check().rule;
  EXPECT_EQ(zone_.check().where, kFirst.value + 3);
}

}  // namespace
}  // namespace kmem
