// Pools of addresses.

#include "helpers.h"

#include <linux/err.h>
#include <linux/genalloc.h>

namespace {

using test::has;
using test::said_by;

struct Genalloc : testing::Test {
  Genalloc() {
    EXPECT_EQ(gen_pool_add_virt(pool, kFirst, 0x5000, 1024, -1), 0);
    EXPECT_EQ(gen_pool_add_virt(pool, kSecond, 0x9000, 2048, -1), 0);
  }
  static constexpr unsigned long kFirst = 0x100000, kSecond = 0x200000;
  gen_pool* pool = gen_pool_create(6, -1);
};

TEST_F(Genalloc, the_first_that_fits_is_taken_in_pieces_of_the_order) {
  EXPECT_EQ(gen_pool_size(pool), 3072u);
  const unsigned long a = gen_pool_alloc(pool, 65), b = gen_pool_alloc(pool, 1), c = gen_pool_alloc(pool, 1000);
  EXPECT_EQ(a, kFirst);
  EXPECT_EQ(b, kFirst + 128);
  EXPECT_EQ(c, kSecond) << "the first stretch has too few in a row";
  EXPECT_EQ(gen_pool_avail(pool), 3072u - 128 - 64 - 1024);
  gen_pool_free(pool, a, 65);
  EXPECT_EQ(gen_pool_alloc(pool, 128), kFirst);
  EXPECT_EQ(gen_pool_alloc(pool, 4096), 0u);
  EXPECT_EQ(gen_pool_virt_to_phys(pool, kSecond + 100), 0x9064u);
  EXPECT_EQ(gen_pool_virt_to_phys(pool, 5), ~phys_addr_t{0});
  EXPECT_TRUE(gen_pool_has_addr(pool, kFirst, 1024));
  EXPECT_FALSE(gen_pool_has_addr(pool, kFirst, 1025));
  gen_pool_free(pool, kFirst, 128);
  gen_pool_free(pool, b, 1);
  gen_pool_free(pool, c, 1000);
  EXPECT_EQ(gen_pool_avail(pool), 3072u);
  gen_pool_destroy(pool);
}

TEST_F(Genalloc, wrong_frees_and_pieces_that_are_out_are_reported) {
  const unsigned long a = gen_pool_alloc(pool, 64);
  EXPECT_TRUE(has(said_by([&] { gen_pool_free(pool, a, 128); }), "not all of it is out"));
  EXPECT_TRUE(has(said_by([&] { gen_pool_free(pool, 1, 64); }), "it is not in the pool"));
  EXPECT_TRUE(has(said_by([&] { gen_pool_destroy(pool); }), "still out; it stays"));
  gen_pool_free(pool, a, 64);
  gen_pool_destroy(pool);
}

TEST(GenallocOfMemory, gives_the_physical_address_and_zeros_and_goes_with_its_device) {
  alignas(64) static char memory[256];
  memset(memory, 1, sizeof(memory));
  device dev = {};
  gen_pool* pool = devm_gen_pool_create(&dev, 5, -1, "sram");
  ASSERT_FALSE(IS_ERR(pool));
  ASSERT_EQ(gen_pool_add_virt(pool, reinterpret_cast<unsigned long>(memory), 0x7000, sizeof(memory), -1), 0);
  dma_addr_t at = 0;
  gen_pool_alloc(pool, 32);
  auto* block = static_cast<char*>(gen_pool_dma_zalloc(pool, 32, &at));
  EXPECT_EQ(block, memory + 32);
  EXPECT_EQ(at, 0x7020u);
  EXPECT_EQ(block[31], 0);
  EXPECT_EQ(memory[64], 1);
  gen_pool_free(pool, reinterpret_cast<unsigned long>(memory), 64);
  EXPECT_EQ(devres_release_all(&dev), 1);
}

}  // namespace
