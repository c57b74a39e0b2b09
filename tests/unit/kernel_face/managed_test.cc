// What a driver takes for the time that it has its device.

#include <gtest/gtest.h>
#include <kmem/device.h>
#include <linux/device.h>
#include <linux/slab.h>

#include <cstring>
#include <thread>
#include <vector>

#include "system/system.h"
#include "unit/kernel_face/log.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;

constexpr phys_addr_t kPhys = 0xfd000000;

class Managed : public testing::Test {
 protected:
  Managed() {
    device.init_name = "card0";
    kmem_set_sysfs(nullptr);
    EXPECT_EQ(kmem_register_simulated_device("card", kPhys, 0x1000, &ops, nullptr), 0);
  }
  ~Managed() override {
    devres_release_all(&device);
    EXPECT_EQ(kmem_unregister_device(kPhys), 0) << "a mapping was left";
    EXPECT_NE(request_mem_region(kPhys, 0x1000, "after"), nullptr) << "a region was left";
    release_mem_region(kPhys, 0x1000);
    const kmem::Fault fault = kmem::check_system();
    EXPECT_FALSE(fault) << fault.rule;
  }
  static constexpr kmem_device_ops ops{nullptr, nullptr};
  struct device device = {};
};

std::vector<int> order;
void note_one(void* n) { order.push_back(static_cast<int>(reinterpret_cast<intptr_t>(n))); }
void* number(intptr_t n) { return reinterpret_cast<void*>(n); }

TEST_F(Managed, all_is_given_back_the_last_first) {
  order.clear();
  for (int i = 1; i <= 4; ++i) ASSERT_EQ(devm_add_action(&device, note_one, number(i)), 0);
  devm_remove_action(&device, note_one, number(3));
  devm_release_action(&device, note_one, number(2));
  EXPECT_EQ(devres_release_all(&device), 2);
  EXPECT_EQ(order, (std::vector<int>{2, 4, 1}));
  EXPECT_EQ(devres_release_all(&device), 0);
}

void note_block(struct device* dev, void* block) {
  EXPECT_STREQ(dev_name(dev), "card0");
  order.push_back(*static_cast<int*>(block));
}
void other_kind(struct device*, void*) {}
int has_number(struct device*, void* block, void* n) { return *static_cast<int*>(block) == *static_cast<int*>(n); }

TEST_F(Managed, a_block_of_ones_own_is_found_by_its_kind_and_released_in_its_turn) {
  order.clear();
  int* blocks[3];
  for (int i = 0; i < 3; ++i) {
    blocks[i] = static_cast<int*>(devres_alloc(note_block, sizeof(int), GFP_KERNEL));
    ASSERT_TRUE(blocks[i]);
    EXPECT_EQ(*blocks[i], 0);
    *blocks[i] = i + 1;
    devres_add(&device, blocks[i]);
    ASSERT_EQ(devm_add_action(&device, note_one, number(10 * (i + 1))), 0);
  }
  int two = 2;
  EXPECT_EQ(devres_find(&device, note_block, nullptr, nullptr), blocks[2]);
  EXPECT_EQ(devres_find(&device, note_block, has_number, &two), blocks[1]);
  EXPECT_EQ(devres_find(&device, other_kind, nullptr, nullptr), nullptr);
  EXPECT_EQ(devres_release(&device, note_block, has_number, &two), 0);
  EXPECT_EQ(devres_destroy(&device, note_block, has_number, &two), -2);
  int* again = static_cast<int*>(devres_alloc(note_block, sizeof(int), GFP_KERNEL));
  *again = 7;
  EXPECT_EQ(devres_get(&device, again, nullptr, nullptr), blocks[2]);
  EXPECT_EQ(devres_release_all(&device), 5);
  EXPECT_EQ(order, (std::vector<int>{2, 30, 3, 20, 10, 1}));
  volatile size_t too_large = SIZE_MAX - 4;
  EXPECT_EQ(devres_alloc(note_block, too_large, GFP_KERNEL), nullptr);
}

TEST_F(Managed, memory_is_what_kmalloc_gives) {
  auto* zeros = static_cast<char*>(devm_kcalloc(&device, 10, 30, GFP_KERNEL));
  ASSERT_TRUE(zeros);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(zeros[i], 0);
  EXPECT_GE(ksize(zeros), 300u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(devm_kmalloc(&device, 4096, GFP_KERNEL)) % 4096, 0u) << "aligned as kmalloc's";
  EXPECT_STREQ(devm_kstrdup(&device, "a name", GFP_KERNEL), "a name");
  EXPECT_EQ(memcmp(devm_kmemdup(&device, zeros, 300, GFP_KERNEL), zeros, 300), 0);
  EXPECT_EQ(devm_kstrdup(&device, nullptr, GFP_KERNEL), nullptr);
  EXPECT_EQ(devm_kmalloc(&device, 0, GFP_KERNEL), ZERO_SIZE_PTR);
  EXPECT_EQ(devm_kmalloc_array(&device, ~size_t{0} / 2, 3, GFP_KERNEL), nullptr);
  EXPECT_EQ(devm_kmalloc(&device, ~size_t{0} / 2, GFP_KERNEL | __GFP_NOWARN), nullptr);
  EXPECT_EQ(devres_release_all(&device), 4);
}

TEST_F(Managed, what_is_freed_early_is_not_freed_again) {
  void* p = devm_kmalloc(&device, 100, GFP_KERNEL);
  devm_kfree(&device, p);
  EXPECT_TRUE(mentions(log_of([&] { devm_kfree(&device, p); }), "devm_kfree(card0): "));
  void* other = kmalloc(100, GFP_KERNEL);
  EXPECT_TRUE(mentions(log_of([&] { devm_kfree(&device, other); }), "is not noted with this device; nothing was done"));
  kfree(other);
  devm_kfree(&device, nullptr);
  devm_kfree(&device, ZERO_SIZE_PTR);
  EXPECT_EQ(devres_release_all(&device), 0);
}

TEST_F(Managed, a_resource_is_claimed_and_mapped_or_neither) {
  const struct resource registers = DEFINE_RES_MEM_NAMED(kPhys, 0x1000, "registers");
  void* p = devm_ioremap_resource(&device, &registers);
  ASSERT_FALSE(IS_ERR(p));
  EXPECT_EQ(readl(p), ~0u);
  EXPECT_EQ(request_mem_region(kPhys, 4, "another"), nullptr);
  struct device second = {};
  EXPECT_EQ(PTR_ERR(devm_ioremap_resource(&second, &registers)), -EBUSY);
  EXPECT_EQ(devres_release_all(&second), 0);
  EXPECT_EQ(devres_release_all(&device), 2);

  const struct resource nowhere = DEFINE_RES_MEM(kPhys + 0x100000, 16);
  log_of([&] { EXPECT_EQ(PTR_ERR(devm_ioremap_resource(&device, &nowhere)), -ENOMEM); });
  EXPECT_EQ(devres_release_all(&device), 0);
  struct resource ports = registers;
  ports.flags = IORESOURCE_IO;
  EXPECT_EQ(PTR_ERR(devm_ioremap_resource(&device, &ports)), -EINVAL);
  EXPECT_EQ(PTR_ERR(devm_ioremap_resource(&device, nullptr)), -EINVAL);
}

TEST_F(Managed, a_claimed_region_says_what_it_is) {
  const struct resource* mine = request_mem_region(kPhys, 0x10, "mine");
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->start, kPhys);
  EXPECT_EQ(resource_size(mine), 0x10u);
  EXPECT_STREQ(mine->name, "mine");
  EXPECT_EQ(mine->flags, static_cast<unsigned long>(IORESOURCE_MEM | IORESOURCE_BUSY));
  release_mem_region(kPhys, 0x10);
}

TEST_F(Managed, a_mapping_may_be_given_back_early) {
  void *first = devm_ioremap(&device, kPhys, 16), *second = devm_ioremap_wc(&device, kPhys, 16);
  ASSERT_TRUE(first && second);
  devm_iounmap(&device, first);
  EXPECT_TRUE(mentions(log_of([&] { devm_iounmap(&device, first); }), "devm_iounmap(card0)"));
  EXPECT_EQ(readl(second), ~0u);
  EXPECT_EQ(devres_release_all(&device), 1);
}

TEST_F(Managed, threads_may_share_a_device) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this] {
      for (int i = 0; i < 500; ++i) {
        auto* p = static_cast<char*>(devm_kmalloc(&device, 40, GFP_KERNEL));
        *p = 1;
        if (i % 3) devm_kfree(&device, p);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(devres_release_all(&device), 4 * 167);
}

}  // namespace
