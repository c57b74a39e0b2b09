// Registers by number: which there are, what the cache does, and in which order things reach the device.

#include "helpers.h"

#include <string>

#include <kmem/device.h>
#include <linux/regmap.h>

namespace {

constexpr phys_addr_t kPhys = 0xfd000000;
u32 registers[16];
std::string accesses;

const kmem_device_ops ops = {[](void*, size_t offset, unsigned bytes) -> unsigned long long {
                               accesses += "r" + std::to_string(offset) + "/" + std::to_string(bytes) + " ";
                               return registers[offset / 4];
                             },
                             [](void*, size_t offset, unsigned bytes, unsigned long long value) {
                               accesses += "w" + std::to_string(offset) + "/" + std::to_string(bytes) + " ";
                               registers[offset / 4] = static_cast<u32>(value);
                             }};

bool is_status(device*, unsigned reg) { return reg == 8; }
bool is_no_status(device*, unsigned reg) { return reg != 8; }

struct Regmap : testing::Test {
  Regmap() {
    kmem_set_sysfs(nullptr);
    memset(registers, 0, sizeof(registers));
    EXPECT_EQ(kmem_register_simulated_device("chip", kPhys, 64, &ops, nullptr), 0);
    dev.init_name = "chip";
    config.reg_bits = 32;
    config.val_bits = 32;
    config.reg_stride = 4;
    config.max_register = 60;
    mapped = devm_ioremap(&dev, kPhys, 64);
    accesses.clear();
  }
  ~Regmap() override {
    devres_release_all(&dev);
    EXPECT_EQ(kmem_unregister_device(kPhys), 0);
  }
  regmap* make() {
    regmap* map = devm_regmap_init_mmio(&dev, mapped, &config);
    EXPECT_FALSE(IS_ERR(map));
    return map;
  }
  device dev = {};
  regmap_config config = {};
  void* mapped;
};

TEST_F(Regmap, reads_and_writes_registers_that_there_are) {
  config.writeable_reg = is_no_status;
  regmap* map = make();
  unsigned value;
  EXPECT_EQ(regmap_write(map, 4, 77), 0);
  EXPECT_EQ(regmap_read(map, 4, &value), 0);
  EXPECT_EQ(value, 77u);
  EXPECT_EQ(accesses, "w4/4 r4/4 ");
  EXPECT_EQ(regmap_write(map, 8, 1), -EIO);
  EXPECT_EQ(regmap_write(map, 6, 1), -EINVAL);
  EXPECT_EQ(regmap_read(map, 64, &value), -EIO);
  EXPECT_EQ(regmap_get_max_register(map), 60);
}

TEST_F(Regmap, updates_bits_and_writes_only_what_changes) {
  regmap* map = make();
  bool changed;
  registers[3] = 0xf0;
  EXPECT_EQ(regmap_update_bits_check(map, 12, 0xff, 0x0f, &changed), 0);
  EXPECT_TRUE(changed);
  EXPECT_EQ(regmap_update_bits_check(map, 12, 0xff, 0x0f, &changed), 0);
  EXPECT_FALSE(changed);
  EXPECT_EQ(accesses, "r12/4 w12/4 r12/4 ");
  EXPECT_EQ(regmap_set_bits(map, 12, 0x100), 0);
  EXPECT_EQ(regmap_clear_bits(map, 12, 0x1), 0);
  EXPECT_EQ(registers[3], 0x10eu);
  EXPECT_EQ(regmap_test_bits(map, 12, 0x10e), 1);
  EXPECT_EQ(regmap_test_bits(map, 12, 0x1), 0);
}

TEST_F(Regmap, a_cache_keeps_values_but_not_those_of_volatile_registers) {
  const reg_default defaults[] = {{4, 5}};
  config.cache_type = REGCACHE_FLAT;
  config.volatile_reg = is_status;
  config.reg_defaults = defaults;
  config.num_reg_defaults = 1;
  regmap* map = make();
  unsigned value;
  EXPECT_EQ(regmap_read(map, 4, &value), 0);
  EXPECT_EQ(value, 5u);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(regmap_read(map, 8, &value), 0);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(regmap_read(map, 12, &value), 0);
  EXPECT_EQ(accesses, "r8/4 r8/4 r12/4 ");
  regcache_cache_only(map, true);
  EXPECT_EQ(regmap_write(map, 16, 9), 0);
  EXPECT_EQ(regmap_read(map, 8, &value), -EBUSY);
  regcache_cache_only(map, false);
  accesses.clear();
  EXPECT_EQ(regcache_sync(map), 0);
  EXPECT_EQ(accesses, "w16/4 ");
  regcache_mark_dirty(map);
  accesses.clear();
  EXPECT_EQ(regcache_sync(map), 0);
  EXPECT_EQ(accesses, "w4/4 w12/4 w16/4 ");
}

TEST_F(Regmap, several_at_once_and_fields) {
  regmap* map = make();
  const u32 three[] = {1, 2, 3};
  u32 back[3] = {};
  EXPECT_EQ(regmap_bulk_write(map, 20, three, 3), 0);
  EXPECT_EQ(regmap_bulk_read(map, 20, back, 3), 0);
  EXPECT_EQ(memcmp(back, three, sizeof(back)), 0);
  regmap_field* field = devm_regmap_field_alloc(&dev, map, reg_field{20, 4, 7, 0, 0});
  unsigned value;
  EXPECT_EQ(regmap_field_write(field, 0x1a), 0);
  EXPECT_EQ(registers[5], 0xa1u);
  EXPECT_EQ(regmap_field_read(field, &value), 0);
  EXPECT_EQ(value, 0xau);
  registers[6] = 1;
  EXPECT_EQ(regmap_read_poll_timeout(map, 24, value, value & 1, 0, 1000), 0);
  EXPECT_EQ(regmap_read_poll_timeout(map, 28, value, value & 4, 0, 1000), -ETIMEDOUT);
}

TEST_F(Regmap, widths_that_cannot_be_are_refused_and_functions_of_ones_own_serve) {
  config.reg_stride = 2;
  EXPECT_EQ(PTR_ERR(devm_regmap_init_mmio(&dev, mapped, &config)), -EINVAL);
  static unsigned last;
  const regmap_bus bus = {false, [](void*, unsigned reg, unsigned value) { return last = reg << 8 | value, 0; },
                          [](void*, unsigned reg, unsigned* value) { return *value = reg + 1, 0; }, nullptr};
  config.val_bits = 8;
  config.reg_stride = 0;
  regmap* map = devm_regmap_init(&dev, &bus, nullptr, &config);
  ASSERT_FALSE(IS_ERR(map));
  unsigned value;
  EXPECT_EQ(regmap_read(map, 7, &value), 0);
  EXPECT_EQ(value, 8u);
  EXPECT_EQ(regmap_write(map, 7, 0x1ff), 0);
  EXPECT_EQ(last, 0x7ffu);
}

}  // namespace
