// Platform devices, and a driver for them that is a module (platform_driver.c).

#include "helpers.h"

#include <fcntl.h>

#include <kmem/device.h>
#include <linux/platform_device.h>

namespace {

std::string read_all(const char* path) {
  const int fd = kmem_driver_open(path, O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  char text[512] = {};
  const ssize_t n = kmem_driver_read(fd, text, sizeof(text) - 1);
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : text;
}

constexpr phys_addr_t kPhys = 0xfd000000;

struct Platform : testing::Test {
  Platform() {
    kmem_set_sysfs(nullptr);
    kmem_driver_log_clear();
    EXPECT_EQ(kmem_register_simulated_device("counter", kPhys, 0x100, &ops, nullptr), 0);
  }
  ~Platform() override { EXPECT_EQ(kmem_unregister_device(kPhys), 0) << "a mapping was left"; }
  static unsigned long long read(void*, size_t, unsigned) { return 7; }
  static constexpr kmem_device_ops ops{read, nullptr};
  const resource registers = DEFINE_RES_MEM(kPhys, 0x100);
};

TEST_F(Platform, a_driver_has_its_device_from_load_to_unload) {
  const u32 limit = 99;
  platform_device* pdev = platform_device_register_resndata(nullptr, "counter-b", 3, &registers, 1, &limit, sizeof(limit));
  ASSERT_FALSE(IS_ERR(pdev));
  EXPECT_EQ(read_all("/sys/devices/platform/counter-b.3/modalias"), "platform:counter-b\n");
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(kmem_driver_insmod(""), 0);
    EXPECT_TRUE(test::logged("counter counter-b.3: bound by entry counter-b"));
    EXPECT_EQ(read_all("/sys/devices/platform/counter-b.3/value"), "7 of 99\n");
    EXPECT_EQ(kmem_driver_rmmod(), 0);
    EXPECT_TRUE(test::logged("counter counter-b.3: gone"));
    EXPECT_EQ(platform_get_drvdata(pdev), nullptr);
    EXPECT_EQ(read_all("/sys/devices/platform/counter-b.3/value"), std::to_string(-ENOENT));
  }
  platform_device_unregister(pdev);
}

TEST_F(Platform, a_device_that_comes_later_is_bound_too_and_one_of_another_name_is_not) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  platform_device* other = platform_device_register_simple("other", PLATFORM_DEVID_NONE, nullptr, 0);
  platform_device* pdev = platform_device_register_simple("counter-a", PLATFORM_DEVID_AUTO, &registers, 1);
  EXPECT_STREQ(dev_name(&pdev->dev), "counter-a.0.auto");
  EXPECT_STREQ(dev_driver_string(&pdev->dev), "counter");
  EXPECT_EQ(other->dev.driver, nullptr);
  EXPECT_STREQ(dev_driver_string(&other->dev), "platform");
  EXPECT_EQ(pdev->id_entry->driver_data, 1u);
  platform_device_unregister(pdev);
  EXPECT_TRUE(test::logged("counter-a.0.auto: gone"));
  platform_device_unregister(other);
  EXPECT_EQ(kmem_driver_rmmod(), 0);
}

TEST_F(Platform, a_probe_that_fails_gives_back_what_it_had) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  ASSERT_NE(request_mem_region(kPhys, 0x100, "somebody else"), nullptr);
  platform_device* pdev = platform_device_register_simple("counter-a", 1, &registers, 1);
  EXPECT_TRUE(test::logged("counter: probe of counter-a.1 failed with error -16"));
  EXPECT_EQ(pdev->dev.driver, nullptr);
  EXPECT_EQ(pdev->dev.devres_last, nullptr);
  release_mem_region(kPhys, 0x100);
  EXPECT_EQ(device_attach(&pdev->dev), 1);
  platform_device_unregister(pdev);
  EXPECT_EQ(kmem_driver_rmmod(), 0);
}

TEST_F(Platform, resources_are_found_by_kind_number_and_name) {
  const resource all[] = {DEFINE_RES_MEM_NAMED(0x1000, 16, "first"), DEFINE_RES_IRQ_NAMED(5, "tx"),
                          DEFINE_RES_MEM_NAMED(0x2000, 16, "second"), DEFINE_RES_IRQ(6)};
  platform_device* pdev = platform_device_register_simple("unbound", 0, all, 4);
  EXPECT_EQ(platform_get_resource(pdev, IORESOURCE_MEM, 1)->start, 0x2000u);
  EXPECT_EQ(platform_get_resource(pdev, IORESOURCE_MEM, 2), nullptr);
  EXPECT_EQ(platform_get_resource_byname(pdev, IORESOURCE_MEM, "first")->start, 0x1000u);
  EXPECT_EQ(platform_get_irq(pdev, 0), 5);
  EXPECT_EQ(platform_get_irq(pdev, 1), 6);
  EXPECT_EQ(platform_get_irq_byname(pdev, "tx"), 5);
  EXPECT_EQ(platform_irq_count(pdev), 2);
  EXPECT_EQ(platform_get_irq_optional(pdev, 2), -ENXIO);
  EXPECT_FALSE(test::logged("not found"));
  EXPECT_EQ(platform_get_irq(pdev, 2), -ENXIO);
  EXPECT_TRUE(test::logged("IRQ index 2 not found"));
  platform_device_unregister(pdev);
}

}  // namespace
