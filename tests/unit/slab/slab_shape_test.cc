#include <gtest/gtest.h>

#include "slab/size_class.h"
#include "slab/slab.h"
#include "slab/tables.h"

namespace kmem {
namespace {

constexpr uint32_t kLargest = 65536;

SlabShape shape_of(uint32_t size, bool shared = false) { return SlabShape::choose({.size = size, .shared = shared}); }

/// As a cache rounds the size of its objects.
uint32_t rounded(uint32_t size) { return static_cast<uint32_t>(round_up(size, 8)); }

TEST(SlabShapeTest, every_size_up_to_64_KiB_has_a_slab) {
  for (uint32_t size = 8; size <= kLargest; size += 8) {
    for (const bool one_descriptor : {false, true}) {
      const SlabShape shape = shape_of(size, one_descriptor);
      ASSERT_GT(shape.nr_objects, 0u) << size;
      ASSERT_LE(shape.nr_objects * size, shape.bytes()) << size;
      ASSERT_EQ(shape.size, size);
    }
  }
}

TEST(SlabShapeTest, so_has_every_size_up_to_the_largest_block) {
  for (uint32_t size = kLargest; size <= 4 * kLargest; size += 8) {
    const SlabShape shape = shape_of(size);
    ASSERT_GT(shape.nr_objects, 0u) << size;
    ASSERT_GE(shape.size, size);
    ASSERT_LE(shape.nr_objects * shape.size, shape.bytes()) << size;
    const Divisor divisor = make_divisor(shape.bytes(), shape.size, shape.nr_objects);
    for (uint32_t i = 0; i < shape.nr_objects; ++i) ASSERT_TRUE(divisor.fits(shape.waste() + i * shape.size)) << size;
  }
}

TEST(SlabShapeTest, the_free_bits_fit_into_the_descriptors) {
  for (uint32_t size = 8; size <= kLargest; size += 8) {
    const SlabShape shape = shape_of(size);
    ASSERT_LE(shape.nr_words(), SlabShape::room_for_words(shape.order)) << size;
    ASSERT_LE(shape_of(size, true).nr_words(), SlabShape::room_for_words({0})) << size;
  }
}

TEST(SlabShapeTest, at_most_an_eighth_of_a_slab_is_lost_for_the_sizes_of_malloc_and_kmalloc) {
  const auto check = [](uint32_t size) {
    const SlabShape shape = shape_of(rounded(size));
    EXPECT_LE(shape.waste(), shape.bytes() / 8) << size;
  };
  for (unsigned i = 0; i < kNrMallocClasses; ++i) check(malloc_class_size(i));
  for (const uint32_t size : kKmallocSizes) check(size);
}

TEST(SlabShapeTest, at_most_a_quarter_is_lost_for_any_size_up_to_24_KiB) {
  for (uint32_t size = 8; size <= 24576; size += 8) {
    const SlabShape shape = shape_of(size);
    ASSERT_LE(shape.waste(), shape.bytes() / 4) << size;
  }
}

TEST(SlabShapeTest, small_objects_with_one_descriptor_waste_half_a_page_at_most) {
  for (uint32_t size = 8; size <= 64; size += 8) {
    const SlabShape shape = shape_of(size, true);
    EXPECT_LE(shape.waste(), shape.bytes() / 2) << size;
  }
}

TEST(SlabShapeTest, a_size_larger_than_any_slab_has_none) {
  EXPECT_EQ(shape_of((4 << 20) + 8).nr_objects, 0u);
  EXPECT_EQ(SlabShape::choose({.size = 4 << 20, .lead = 8}).nr_objects, 0u);
}

TEST(SlabShapeTest, larger_objects_than_fit_into_the_usual_blocks_have_the_smallest_block_that_holds_one) {
  for (uint32_t size = 256 << 10; size <= 4 << 20; size += 4096 + 8) {
    const SlabShape shape = shape_of(size, true);
    ASSERT_EQ(shape.nr_objects, 1u) << size;
    ASSERT_EQ(shape.bytes(), 1u << log2_ceil(size));
    ASSERT_EQ(shape.index_of(0), 0u);
  }
}

TEST(SlabShapeTest, objects_lie_behind_what_is_kept_free_in_front) {
  for (const uint32_t lead : {64u, 4032u, 8128u, 262080u})
    for (uint32_t size = 64; size <= 512 << 10; size = size * 3 / 2 / 8 * 8) {
      const SlabShape shape = SlabShape::choose({.size = size, .lead = lead, .shared = true});
      ASSERT_GT(shape.nr_objects, 0u) << size;
      ASSERT_LE(lead + shape.nr_objects * size, shape.bytes()) << size << " behind " << lead;
    }
}

TEST(SlabShapeTest, the_index_of_every_object_is_exact) {
  for (uint32_t size = 8; size <= kLargest; size += 8) {
    const SlabShape shape = shape_of(size);
    for (uint32_t i = 0; i < shape.nr_objects; ++i) ASSERT_EQ(shape.index_of(i * size), i) << size;
  }
}

TEST(SlabShapeTest, an_offset_inside_an_object_has_an_index_that_does_not_lead_back_to_it) {
  for (uint32_t size = 8; size <= kLargest; size += 8) {
    const SlabShape shape = shape_of(size);
    for (uint32_t offset = 0; offset < shape.bytes(); offset += size < 1024 ? 1 : 7) {
      const bool multiple = offset % size == 0;
      ASSERT_EQ(shape.index_of(offset) * size == offset, multiple) << size << " at " << offset;
    }
  }
}

/// Every size that malloc() and kmalloc() have caches for.
template <typename F>
void for_each_class(F f) {
  for (unsigned i = 0; i < kNrMallocClasses; ++i) f(malloc_class_size(i));
  for (const uint32_t size : kKmallocSizes) f(size);
}

TEST(SlabShapeTest, the_index_of_every_offset_where_an_object_could_lie_is_exact) {
  for_each_class([](uint32_t size) {
    const SlabShape shape = shape_of(size);
    for (uint32_t offset = 0; offset < shape.bytes(); offset += 8) ASSERT_EQ(shape.index_of(offset), offset / size) << size;
  });
}

/// Where the objects of a slab begin: the last ends where the slab does.
struct Places {
  SlabShape shape;
  uint32_t first = shape.waste();
  Divisor divisor = make_divisor(shape.bytes(), shape.size, shape.nr_objects);
  explicit Places(uint32_t size) : shape{shape_of(size)} {}
  bool begins_at(uint32_t offset) const { return offset >= first && (offset - first) % shape.size == 0; }
};

//   0        first                                       bytes
//   ├─ rest ─┼── object 0 ──┼── object 1 ──┼── object 2 ──┤        no address has room for an object that there is not
TEST(DivisorTest, knows_the_objects_of_every_class_from_all_other_addresses_where_one_could_lie) {
  for_each_class([](uint32_t size) {
    const Places places{size};
    for (uint32_t offset = 0; offset < places.shape.bytes(); offset += 8)
      ASSERT_EQ(places.divisor.fits(offset), places.begins_at(offset)) << size << " at " << offset;
  });
}

// 32 bits are a few too short for sizes of more than 16 KiB: then one odd address of a whole slab passes.  So does the
// last byte of 8 that have no bit.
TEST(DivisorTest, knows_them_from_every_address_and_beyond_16_KiB_is_wrong_once_at_most) {
  for_each_class([](uint32_t size) {
    const Places places{size};
    unsigned wrong = 0, odd = 0;
    for (uint32_t offset = 0; offset < places.shape.bytes(); ++offset)
      if (places.divisor.fits(offset) != places.begins_at(offset))
        ++(size == 8 && offset % 8 == 7 && offset < places.first ? odd : wrong);
    EXPECT_LE(wrong, size <= 16384 ? 0u : 1u) << size;
    EXPECT_LE(odd, 256u);
  });
}

TEST(DivisorTest, lets_every_object_through_whatever_its_size) {
  for (uint32_t size = 8; size <= kLargest; size += 8) {
    const Places places{size};
    for (uint32_t i = 0; i < places.shape.nr_objects; ++i)
      ASSERT_TRUE(places.divisor.fits(places.first + i * size)) << size << " object " << i;
  }
}

TEST(DivisorTest, lets_no_object_through_that_has_no_bit_whatever_its_size) {
  for (uint32_t size = 8; size <= kLargest; size += 8) {
    const Places places{size};
    for (uint32_t to_end = (places.shape.nr_objects + 1) * size; to_end <= places.shape.bytes(); to_end += size)
      ASSERT_FALSE(places.divisor.fits(places.shape.bytes() - to_end)) << size << " " << to_end;
  }
}

TEST(DivisorTest, of_no_cache_lets_everything_through) {
  for (uint32_t offset : {0u, 1u, 4095u, ~0u}) EXPECT_TRUE(Divisor{}.fits(offset));
}

// Size classes ----------------------------------------------------------------------------------------------------------

TEST(SizeClassTest, malloc_classes_grow_and_are_multiples_of_16) {
  for (unsigned i = 0; i < kNrMallocClasses; ++i) {
    EXPECT_EQ(malloc_class_size(i) % 16, 0u);
    if (i) {
      EXPECT_GT(malloc_class_size(i), malloc_class_size(i - 1));
    }
  }
  EXPECT_EQ(malloc_class_size(kNrMallocClasses - 1), MallocClasses::kMost);
}

TEST(SizeClassTest, at_most_an_eighth_is_lost_inside_a_class_beyond_the_16_bytes_that_alignment_takes) {
  uint32_t previous = 0;
  for (unsigned i = 0; i < kNrMallocClasses; ++i) {
    const uint32_t size = malloc_class_size(i), lost = size - (previous + 1);
    EXPECT_TRUE(lost < 16 || lost * 8 <= size) << size;
    previous = size;
  }
}

TEST(SizeClassTest, natural_alignment_is_the_largest_power_of_two_that_divides) {
  EXPECT_EQ(natural_alignment(8), 8u);
  EXPECT_EQ(natural_alignment(96), 32u);
  EXPECT_EQ(natural_alignment(192), 64u);
  EXPECT_EQ(natural_alignment(1024), 1024u);
  EXPECT_EQ(natural_alignment(8192), 8192u);
  EXPECT_EQ(natural_alignment(28672), 4096u);
}

}  // namespace
}  // namespace kmem
