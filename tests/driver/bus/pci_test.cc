// The PCI bus: a simulated lamp, and its driver, which is a module (pci_driver.c).

#include "pci_test.h"
#include "helpers.h"

#include <fcntl.h>

#include <kmem/simulated.h>
#include <linux/delay.h>
#include <linux/pci.h>

namespace {

using test::logged;

std::string read_all(const std::string& path) {
  const int fd = kmem_driver_open(path.c_str(), O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  char text[2000] = {};
  const ssize_t n = kmem_driver_read(fd, text, sizeof(text) - 1);
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : text;
}

struct Lamp {
  std::atomic<u32> control{0}, status{0};
  std::atomic<unsigned> port{0};
  pci_dev* pdev = nullptr;

  void shine() {
    status = 1;
    kmem_pci_raise(pdev, 0);
  }
  static unsigned long long read(void* lamp, size_t offset, unsigned) {
    auto* l = static_cast<Lamp*>(lamp);
    return offset == LAMP_STATUS ? l->status : l->control;
  }
  static void write(void* lamp, size_t offset, unsigned, unsigned long long value) {
    auto* l = static_cast<Lamp*>(lamp);
    (offset == LAMP_STATUS ? l->status : l->control) = static_cast<u32>(value);
    if (offset == LAMP_STATUS) kmem_pci_lower(l->pdev);
  }
  static void write_port(void* lamp, size_t offset, unsigned bytes, unsigned long long value) {
    static_cast<Lamp*>(lamp)->port = static_cast<unsigned>(value << 8 | offset << 4 | bytes);
  }
};
const kmem_device_ops registers = {Lamp::read, Lamp::write}, ports = {nullptr, Lamp::write_port};

kmem_pci_function lamp_with(unsigned char nr_msi) {
  kmem_pci_function f = {};
  f.name = "lamp";
  f.vendor = LAMP_VENDOR;
  f.device = LAMP_DEVICE;
  f.class_code = 0x00ff00;
  f.revision = 0x10;
  f.interrupt_pin = 1;
  f.nr_msi = nr_msi;
  f.bars[0] = {0x1000, 0, &registers};
  f.bars[1] = {16, IORESOURCE_IO, &ports};
  f.bars[2] = {1 << 20, IORESOURCE_MEM_64 | IORESOURCE_PREFETCH, &registers};
  return f;
}

struct Pci : testing::Test {
  Pci() {
    kmem_set_sysfs(nullptr);
    kmem_driver_log_clear();
  }
  ~Pci() override {
    wait_for_device_probe();
    EXPECT_FALSE(logged("is missing"));
  }
  void plug(unsigned char nr_msi = 1) {
    what = lamp_with(nr_msi);
    lamp.pdev = kmem_pci_plug(&what, &lamp);
    ASSERT_FALSE(IS_ERR(lamp.pdev));
    folder = std::string("/sys/devices/pci0000:00/") + pci_name(lamp.pdev);
  }
  kmem_pci_function what = {};
  Lamp lamp;
  std::string folder;
};

TEST_F(Pci, a_driver_drives_its_function_by_registers_ports_and_messages) {
  plug();
  for (int round = 0; round < 3; ++round) {
    kmem_driver_log_clear();
    ASSERT_EQ(kmem_driver_insmod(""), 0);
    EXPECT_TRUE(logged("lamp a by message"));
    EXPECT_EQ(lamp.control, LAMP_ON);
    EXPECT_EQ(lamp.port, 0x5a31u);
    for (int i = 0; i < 5; ++i) {
      lamp.shine();
      kmem_irq_settle();
    }
    EXPECT_EQ(lamp.status, 0u);
    EXPECT_EQ(read_all(folder + "/interrupts"), "5\n");
    EXPECT_EQ(kmem_driver_rmmod(), 0);
    EXPECT_EQ(lamp.control, 0u);
    EXPECT_FALSE(pci_is_enabled(lamp.pdev));
  }
  kmem_pci_unplug(lamp.pdev);
}

TEST_F(Pci, without_messages_the_pin_serves_and_a_function_that_comes_later_is_driven_too) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  plug(0);
  EXPECT_TRUE(logged("lamp a by pin"));
  lamp.shine();
  kmem_irq_settle();
  EXPECT_EQ(read_all(folder + "/interrupts"), "1\n");
  kmem_pci_unplug(lamp.pdev);
  EXPECT_EQ(lamp.control, 0u);
  EXPECT_EQ(kmem_driver_rmmod(), 0);
}

TEST_F(Pci, functions_are_matched_by_number_subsystem_and_class) {
  ASSERT_EQ(kmem_driver_insmod(""), 0);
  struct {
    unsigned short device, subsystem;
    unsigned class_code;
    const char* driver;
  } const cases[] = {{LAMP_DEVICE, 0, 0xff00, "lamp"}, {1, 7, 0xff00, "lamp"}, {1, 8, 0xff00, "pci"}, {1, 8, 0xabcd01, "lamp"}};
  for (const auto& c : cases) {
    what = lamp_with(1);
    what.device = c.device;
    what.subsystem_vendor = LAMP_VENDOR;
    what.subsystem_device = c.subsystem;
    what.class_code = c.class_code;
    lamp.pdev = kmem_pci_plug(&what, &lamp);
    ASSERT_FALSE(IS_ERR(lamp.pdev));
    EXPECT_STREQ(dev_driver_string(&lamp.pdev->dev), c.driver) << c.class_code;
    kmem_pci_unplug(lamp.pdev);
  }
  EXPECT_EQ(kmem_driver_rmmod(), 0);
}

TEST_F(Pci, configuration_space_says_what_the_function_is_and_how_large_its_bars_are) {
  plug();
  u16 word;
  u32 dword;
  u8 byte;
  EXPECT_EQ(pci_read_config_word(lamp.pdev, PCI_VENDOR_ID, &word), 0);
  EXPECT_EQ(word, LAMP_VENDOR);
  pci_read_config_dword(lamp.pdev, PCI_CLASS_REVISION, &dword);
  EXPECT_EQ(dword, 0x00ff0010u);
  pci_write_config_word(lamp.pdev, PCI_VENDOR_ID, 0);
  pci_read_config_word(lamp.pdev, PCI_VENDOR_ID, &word);
  EXPECT_EQ(word, LAMP_VENDOR);
  pci_read_config_dword(lamp.pdev, PCI_BASE_ADDRESS_0, &dword);
  EXPECT_EQ(dword, pci_resource_start(lamp.pdev, 0));
  pci_write_config_dword(lamp.pdev, PCI_BASE_ADDRESS_0, ~0u);
  pci_read_config_dword(lamp.pdev, PCI_BASE_ADDRESS_0, &dword);
  EXPECT_EQ(dword, 0xfffff000u);
  EXPECT_EQ(pci_read_config_word(lamp.pdev, 1, &word), PCIBIOS_BAD_REGISTER_NUMBER);
  EXPECT_EQ(pci_read_config_byte(lamp.pdev, 256, &byte), PCIBIOS_BAD_REGISTER_NUMBER);
  EXPECT_NE(pci_find_capability(lamp.pdev, PCI_CAP_ID_MSI), 0);
  EXPECT_NE(pci_find_capability(lamp.pdev, PCI_CAP_ID_PM), 0);
  EXPECT_EQ(pci_find_capability(lamp.pdev, PCI_CAP_ID_MSIX), 0);
  EXPECT_EQ(pci_select_bars(lamp.pdev, IORESOURCE_MEM), 5);
  EXPECT_EQ(pci_resource_len(lamp.pdev, 2), 1u << 20);
  EXPECT_EQ(pci_resource_len(lamp.pdev, 4), 0u);
  EXPECT_EQ(read_all(folder + "/vendor"), "0x1234\n");
  EXPECT_EQ(read_all(folder + "/class"), "0x00ff00\n");
  kmem_pci_unplug(lamp.pdev);
}

TEST_F(Pci, registers_of_a_function_that_is_not_enabled_do_not_answer) {
  plug();
  void* mapped = pci_iomap(lamp.pdev, 0, 0);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(ioread32(mapped), ~0u);
  EXPECT_TRUE(logged("pci_enable_device() is missing"));
  kmem_driver_log_clear();
  ASSERT_EQ(pci_enable_device(lamp.pdev), 0);
  EXPECT_EQ(ioread32(mapped), 0u);
  pci_disable_device(lamp.pdev);
  pci_iounmap(lamp.pdev, mapped);
  kmem_pci_unplug(lamp.pdev);
}

TEST_F(Pci, a_message_of_a_function_that_is_not_master_is_lost) {
  plug();
  ASSERT_EQ(pci_alloc_irq_vectors(lamp.pdev, 1, 4, PCI_IRQ_MSI), 1);
  std::atomic<int> n{0};
  const irq_handler_t count = [](int, void* data) { return ++*static_cast<std::atomic<int>*>(data), IRQ_HANDLED; };
  ASSERT_EQ(pci_request_irq(lamp.pdev, 0, count, nullptr, &n, "lamp-%d", 0), 0);
  kmem_pci_raise(lamp.pdev, 0);
  kmem_irq_settle();
  EXPECT_EQ(n, 0);
  EXPECT_TRUE(logged("pci_set_master() is missing"));
  kmem_driver_log_clear();
  pci_set_master(lamp.pdev);
  kmem_pci_raise(lamp.pdev, 0);
  kmem_irq_settle();
  EXPECT_EQ(n, 1);
  pci_free_irq(lamp.pdev, 0, &n);
  pci_free_irq_vectors(lamp.pdev);
  kmem_pci_unplug(lamp.pdev);
}

TEST_F(Pci, vectors_are_given_by_kind_and_number) {
  what = lamp_with(4);
  what.nr_msix = 8;
  lamp.pdev = kmem_pci_plug(&what, &lamp);
  pci_dev* p = lamp.pdev;
  const unsigned pin = p->irq;
  EXPECT_EQ(pci_alloc_irq_vectors(p, 9, 16, PCI_IRQ_ALL_TYPES), -ENOSPC);
  EXPECT_EQ(pci_alloc_irq_vectors(p, 2, 1, PCI_IRQ_ALL_TYPES), -ERANGE);
  EXPECT_EQ(pci_alloc_irq_vectors(p, 2, 16, PCI_IRQ_ALL_TYPES), 8);
  EXPECT_TRUE(p->msix_enabled);
  EXPECT_GT(pci_irq_vector(p, 7), 0);
  EXPECT_EQ(pci_irq_vector(p, 8), -EINVAL);
  pci_free_irq_vectors(p);
  EXPECT_EQ(pci_alloc_irq_vectors(p, 1, 16, PCI_IRQ_MSI), 4);
  EXPECT_EQ(p->irq, static_cast<unsigned>(pci_irq_vector(p, 0)));
  pci_free_irq_vectors(p);
  EXPECT_EQ(pci_alloc_irq_vectors(p, 1, 16, PCI_IRQ_INTX), 1);
  EXPECT_EQ(pci_irq_vector(p, 0), static_cast<int>(pin));
  pci_free_irq_vectors(p);
  kmem_pci_unplug(p);
}

int careless(pci_dev* pdev, const pci_device_id*) {
  EXPECT_EQ(pci_enable_device(pdev), 0);
  EXPECT_EQ(pci_request_regions(pdev, "careless"), 0);
  EXPECT_EQ(pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI), 1);
  return 0;
}

TEST_F(Pci, what_a_driver_leaves_behind_is_reported_and_taken_back) {
  static const pci_device_id ids[] = {{LAMP_VENDOR, LAMP_DEVICE, ~0u, ~0u, 0, 0, 0, 0}, {}};
  static pci_driver driver = {};
  driver.name = "careless";
  driver.id_table = ids;
  driver.probe = careless;
  plug();
  ASSERT_EQ(pci_register_driver(&driver), 0);
  const std::string said = test::said_by([&] { pci_unregister_driver(&driver); });
  EXPECT_TRUE(test::has(said, "the driver is gone and has left 1 interrupt vectors")) << said;
  EXPECT_TRUE(test::has(said, "has left regions claimed")) << said;
  EXPECT_TRUE(test::has(said, "has left the function enabled")) << said;
  kmem_driver_log_clear();
  ASSERT_EQ(pci_request_regions(lamp.pdev, "again"), 0);
  pci_release_regions(lamp.pdev);
  kmem_pci_unplug(lamp.pdev);
}

TEST_F(Pci, a_function_is_found_by_its_numbers) {
  plug();
  EXPECT_EQ(pci_get_device(LAMP_VENDOR, 0x9999, nullptr), nullptr);
  pci_dev* found = pci_get_device(LAMP_VENDOR, LAMP_DEVICE, nullptr);
  EXPECT_EQ(found, lamp.pdev);
  EXPECT_EQ(pci_get_device(LAMP_VENDOR, PCI_ANY_ID, found), nullptr);
  Lamp second;
  second.pdev = kmem_pci_plug(&what, &second);
  ASSERT_FALSE(IS_ERR(second.pdev));
  int lamps = 0;
  pci_dev* each = nullptr;
  for_each_pci_dev(each) lamps += each == lamp.pdev || each == second.pdev;
  EXPECT_EQ(lamps, 2);
  EXPECT_EQ(each, nullptr);
  kmem_pci_unplug(second.pdev);
  EXPECT_EQ(pci_get_class(0x020000, nullptr), nullptr);
  found = pci_get_class(what.class_code, nullptr);
  EXPECT_EQ(found, lamp.pdev);
  EXPECT_EQ(pci_get_class(what.class_code, found), nullptr);
  u16 word;
  EXPECT_EQ(pcibios_err_to_errno(pci_read_config_word(lamp.pdev, PCI_VENDOR_ID, &word)), 0);
  EXPECT_EQ(pcibios_err_to_errno(pci_read_config_word(lamp.pdev, 1, &word)), -EFAULT);
  EXPECT_EQ(pcibios_err_to_errno(-EIO), -EIO);
  EXPECT_EQ(pcibios_err_to_errno(PCIBIOS_DEVICE_NOT_FOUND), -ENODEV);
  EXPECT_EQ(pcibios_err_to_errno(1), -ERANGE);
  kmem_pci_unplug(lamp.pdev);
}

u8 latch;
const kmem_device_ops latch_ops = {[](void*, size_t, unsigned) -> unsigned long long { return latch; },
                                   [](void*, size_t, unsigned, unsigned long long v) { latch = static_cast<u8>(v); }};

TEST(Ports, reach_their_device_and_have_one_owner) {
  kmem_set_sysfs(nullptr);
  EXPECT_EQ(inb(0x378), 0xff);
  ASSERT_EQ(kmem_register_simulated_ports("parport", 0x378, 3, &latch_ops, nullptr), 0);
  EXPECT_EQ(kmem_register_simulated_ports("twin", 0x37a, 3, &latch_ops, nullptr), -EBUSY);
  outb(0x33, 0x378);
  EXPECT_EQ(inb(0x378), 0x33);
  EXPECT_EQ(inl(0x378), ~0u) << "the last port is nobody's";
  void* mapped = ioport_map(0x378, 3);
  ASSERT_TRUE(mapped);
  iowrite8(0x44, mapped);
  EXPECT_EQ(inb(0x378), 0x44);
  EXPECT_EQ(kmem_unregister_simulated_ports(0x378), -EBUSY);
  ioport_unmap(mapped);
  ASSERT_NE(request_region(0x378, 3, "one"), nullptr);
  EXPECT_EQ(request_region(0x37a, 1, "two"), nullptr);
  release_region(0x378, 3);
  kmem_driver_log_clear();
  release_region(0x378, 3);
  EXPECT_TRUE(logged("Trying to free nonexistent resource"));
  device dev = {};
  ASSERT_NE(devm_request_region(&dev, 0x378, 3, "noted"), nullptr);
  EXPECT_EQ(devres_release_all(&dev), 1);
  EXPECT_EQ(kmem_unregister_simulated_ports(0x378), 0);
}

}  // namespace
