// What realloc() does with a block: the policy alone, for exact sizes.

#include "slab/realloc.h"

#include <gtest/gtest.h>

namespace kmem {
namespace {

ReallocWay way(BlockKind kind, size_t room, size_t size, bool same_class = false) {
  return way_of({.kind = kind, .room = room, .size = size, .same_class = same_class});
}

TEST(Realloc, a_block_stays_while_it_keeps_half_of_its_room) {
  EXPECT_TRUE(keeps_place(16, 16) && keeps_place(16, 8));
  EXPECT_FALSE(keeps_place(16, 7) || keeps_place(16, 17));
  EXPECT_TRUE(keeps_place(7, 4));
  EXPECT_FALSE(keeps_place(7, 3));
}

TEST(Realloc, the_same_size_is_kept_whatever_the_block_is) {
  for (const BlockKind kind : {BlockKind::Object, BlockKind::Run, BlockKind::Mapped, BlockKind::Guarded})
    EXPECT_EQ(way(kind, 100, 100), ReallocWay::Keep);
}

TEST(Realloc, what_is_no_block_is_refused) {
  for (const BlockKind kind : {BlockKind::Foreign, BlockKind::Inside, BlockKind::Free, BlockKind::Pages}) {
    EXPECT_EQ(way(kind, 4096, 100), ReallocWay::Refuse);
    EXPECT_EQ(way(kind, 0, 0), ReallocWay::Refuse);
  }
  EXPECT_EQ(way(BlockKind::Guarded, 0, 100), ReallocWay::Refuse) << "an address in the pool, and no object";
}

TEST(Realloc, an_object_stays_if_it_is_used_to_half_or_a_new_one_would_be_of_the_same_cache) {
  EXPECT_EQ(way(BlockKind::Object, 112, 56), ReallocWay::Trim);
  EXPECT_EQ(way(BlockKind::Object, 112, 55), ReallocWay::Move);
  EXPECT_EQ(way(BlockKind::Object, 16, 1, true), ReallocWay::Keep);
  EXPECT_EQ(way(BlockKind::Object, 16, 17), ReallocWay::Move);
}

TEST(Realloc, a_run_changes_its_size_between_the_classes_and_the_mapped_blocks) {
  constexpr size_t kRoom = 400'000;
  EXPECT_EQ(way(BlockKind::Run, kRoom, MallocClasses::kMost), ReallocWay::Move);
  EXPECT_EQ(way(BlockKind::Run, kRoom, MallocClasses::kMost + 1), ReallocWay::Resize);
  EXPECT_EQ(way(BlockKind::Run, kRoom, kMappedFrom - 1), ReallocWay::Resize);
  EXPECT_EQ(way(BlockKind::Run, kRoom, kMappedFrom), ReallocWay::Move);
  EXPECT_EQ(way(BlockKind::Run, 40'000, 30'000), ReallocWay::Resize) << "it keeps more than half";
}

TEST(Realloc, a_mapped_block_stays_mapped_or_keeps_half) {
  constexpr size_t kRoom = 2 * kMappedFrom;
  EXPECT_EQ(way(BlockKind::Mapped, kRoom, kRoom + 1), ReallocWay::Resize);
  EXPECT_EQ(way(BlockKind::Mapped, kRoom, kRoom / 2), ReallocWay::Trim);
  EXPECT_EQ(way(BlockKind::Mapped, 4 * kMappedFrom, kMappedFrom), ReallocWay::Resize);
  EXPECT_EQ(way(BlockKind::Mapped, kRoom, kMappedFrom - 1), ReallocWay::Move);
}

TEST(Realloc, an_object_between_guard_pages_moves_when_it_grows) {
  EXPECT_EQ(way(BlockKind::Guarded, 100, 101), ReallocWay::Move);
  EXPECT_EQ(way(BlockKind::Guarded, 100, 50), ReallocWay::Trim);
  EXPECT_EQ(way(BlockKind::Guarded, 100, 49), ReallocWay::Move);
}

TEST(Realloc, kmallocs_block_stays_if_it_is_as_aligned_as_a_new_one) {
  EXPECT_TRUE(kmalloc_stays(96, 40, 0x1008));
  EXPECT_FALSE(kmalloc_stays(96, 64, 0x1008)) << "64 bytes are aligned to 64";
  EXPECT_TRUE(kmalloc_stays(96, 64, 0x1040));
  EXPECT_FALSE(kmalloc_stays(96, 97, 0x1000));
}

}  // namespace
}  // namespace kmem
