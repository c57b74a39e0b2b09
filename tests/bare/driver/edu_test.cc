// examples/edu/edu.c on a machine of its own, unmodified, with QEMU's edu device: found by the PCI bus, its interrupt, its DMA.
// Without the device all is skipped.

#include <gtest/gtest.h>
#include <kmem/driver.h>
#include <kmem/fault.h>
#include <kmem/simulated.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <string.h>

#include "bare.h"
#include "devices.h"
#include "examples/edu/edu.h"
#include "program.h"

namespace {

/// QEMU's arm64 has no memory below 1 GiB: there the device is made with dma_mask=0xffffffff.
#ifdef __aarch64__
constexpr u64 kMask = DMA_BIT_MASK(32);
constexpr const char* kParameters = "dma_bits=32";
#else
constexpr u64 kMask = DMA_BIT_MASK(28);
constexpr const char* kParameters = "";
#endif

/// The driver is loaded and has its device.
class EduDriver : public testing::Test {
 protected:
  void SetUp() override {
    mistakes_ = kmem_driver_mistakes();
    ASSERT_EQ(kmem_driver_load(THIS_MODULE, kParameters), 0);
    device_ = pci_get_device(0x1234, 0x11e8, nullptr);
    if (!device_) GTEST_SKIP() << "no edu device";
    if (!bare::has_messages() && !device_->irq) GTEST_SKIP() << "no message interrupts, and the pin is not connected";
    fd_ = kmem_driver_open("/dev/edu", O_RDWR);
    EXPECT_GE(fd_, 0);
  }
  void TearDown() override {
    if (fd_ >= 0) {
      EXPECT_EQ(kmem_driver_close(fd_), 0);
    }
    pci_dev_put(device_);
    EXPECT_EQ(kmem_driver_unload(THIS_MODULE), 0);
    EXPECT_EQ(kmem_driver_mistakes(), mistakes_) << "what the driver left, its locks, its DMA";
  }

  device* dev() const { return &device_->dev; }
  u32 ask(unsigned command, u32 value) const {
    EXPECT_EQ(kmem_driver_ioctl(fd_, command, reinterpret_cast<unsigned long>(&value)), 0);
    return value;
  }

  pci_dev* device_ = nullptr;
  int fd_ = -1;
  unsigned long mistakes_ = 0;  // expected ones count
};

void fill(unsigned char* p, size_t bytes, unsigned seed) {
  for (size_t i = 0; i < bytes; ++i) p[i] = static_cast<unsigned char>(i * 31 + seed);
}
bool is_filled(const unsigned char* p, size_t bytes, unsigned seed) {
  for (size_t i = 0; i < bytes; ++i)
    if (p[i] != static_cast<unsigned char>(i * 31 + seed)) return false;
  return true;
}

/// The device's engine, without the driver: it polls.
class Engine {
 public:
  explicit Engine(pci_dev* device) : device_(device), registers_(static_cast<char*>(pci_iomap(device, 0, 0))) {}
  ~Engine() { pci_iounmap(device_, registers_); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  bool copy(dma_addr_t memory, size_t bytes, bool to_memory) {
    constexpr u64 kOwnMemory = 0x40000;
    bare::say("# edu is told %#llx\n", static_cast<unsigned long long>(memory));  // compared with QEMU's trace
    writeq(to_memory ? kOwnMemory : memory, registers_ + 0x80);
    writeq(to_memory ? memory : kOwnMemory, registers_ + 0x88);
    writeq(bytes, registers_ + 0x90);
    writeq(1 | (to_memory ? 2 : 0), registers_ + 0x98);
    for (const uint64_t until = bare::now_ns() + 30'000'000'000; bare::now_ns() < until;) {
      if (!(readq(registers_ + 0x98) & 1)) return true;
      bare::sleep_until(bare::now_ns() + 1'000'000);
    }
    return false;
  }

 private:
  pci_dev* device_;
  char* registers_;
};

/// A block beyond the mask, if there is memory there; kmalloc() takes lower memory until it comes to that.
class Far {
 public:
  static constexpr size_t kBytes = 4096;
  Far() {
    const bare::Ranges& ram = bare::firmware.ram;
    if (!ram.nr || ram.all[ram.nr - 1].end <= kMask) return;
    while (nr_ < kMost && (at = static_cast<unsigned char*>(kmalloc(kBytes, GFP_KERNEL))) && virt_to_phys(at) <= kMask) {
      held_[nr_++] = at;
      at = nullptr;
    }
  }
  ~Far() {
    kfree(at);
    while (nr_) kfree(held_[--nr_]);
  }
  Far(const Far&) = delete;
  Far& operator=(const Far&) = delete;
  unsigned char* at = nullptr;

 private:
  static constexpr unsigned kMost = 65536;
  inline static void* held_[kMost];
  unsigned nr_ = 0;
};

}  // namespace

TEST_F(EduDriver, the_bus_has_found_it_in_configuration_space) {
  EXPECT_TRUE(pci_resource_flags(device_, 0) & IORESOURCE_MEM);
  EXPECT_EQ(pci_resource_len(device_, 0), 1u << 20);
  u16 command = 0;
  EXPECT_EQ(pci_read_config_word(device_, PCI_COMMAND, &command), 0);
  EXPECT_EQ(command & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
  char path[96], text[16] = "";
  kmem_driver_snprintf(path, sizeof path, "/sys/devices/pci0000:00/%s/identification", pci_name(device_));
  const int fd = kmem_driver_open(path, O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(kmem_driver_read(fd, text, sizeof text - 1), 11);
  EXPECT_EQ(strcmp(text, "0x010000ed\n"), 0) << text;
  kmem_driver_close(fd);
}

TEST_F(EduDriver, a_program_does_with_it_what_it_does_in_a_process) { EXPECT_EQ(edu_exercise(), 0); }

TEST_F(EduDriver, each_request_is_one_message_interrupt) {
  if (!bare::has_messages()) GTEST_SKIP() << "no message interrupts: an ITS is not used";
  ASSERT_TRUE(pci_dev_msi_enabled(device_));
  const int irq = pci_irq_vector(device_, 0);
  const u32 before = ask(EDU_INTERRUPTS, 0);
  const unsigned long calls = kmem_irq_count(irq);
  EXPECT_EQ(ask(EDU_FACTORIAL, 10), 3628800u);
  EXPECT_EQ(ask(EDU_FACTORIAL, 5), 120u);
  EXPECT_EQ(ask(EDU_INTERRUPTS, 0), before + 2);
  EXPECT_EQ(kmem_irq_count(irq), calls + 2);
}

TEST_F(EduDriver, a_wrong_user_pointer_is_refused) {
  char* const nowhere = reinterpret_cast<char*>(64);
  EXPECT_EQ(kmem_driver_pread(fd_, nowhere, 16, 0), -EFAULT);
  EXPECT_EQ(kmem_driver_pwrite(fd_, nowhere, 16, 0), -EFAULT);
}

TEST_F(EduDriver, memory_within_the_mask_is_reached_where_it_is) {
  Engine engine(device_);
  auto* memory = static_cast<unsigned char*>(kmalloc(2048, GFP_KERNEL | GFP_DMA));
  ASSERT_NE(memory, nullptr);
  fill(memory, 2048, 3);
  dma_addr_t at = dma_map_single(dev(), memory, 2048, DMA_TO_DEVICE);
  ASSERT_FALSE(dma_mapping_error(dev(), at));
  EXPECT_EQ(at, virt_to_phys(memory));
  EXPECT_TRUE(engine.copy(at, 2048, false));
  dma_unmap_single(dev(), at, 2048, DMA_TO_DEVICE);
  memset(memory, 0, 2048);
  at = dma_map_single(dev(), memory, 2048, DMA_FROM_DEVICE);
  ASSERT_FALSE(dma_mapping_error(dev(), at));
  EXPECT_TRUE(engine.copy(at, 2048, true));
  dma_unmap_single(dev(), at, 2048, DMA_FROM_DEVICE);
  EXPECT_TRUE(is_filled(memory, 2048, 3));
  kfree(memory);
}

TEST_F(EduDriver, memory_can_be_mapped_twice_and_within_another_mapping) {
  auto* memory = static_cast<unsigned char*>(kmalloc(2048, GFP_KERNEL | GFP_DMA));
  ASSERT_NE(memory, nullptr);
  const dma_addr_t to = dma_map_single(dev(), memory, 2048, DMA_TO_DEVICE);
  const dma_addr_t from = dma_map_single(dev(), memory, 2048, DMA_FROM_DEVICE);
  const dma_addr_t within = dma_map_single(dev(), memory + 64, 64, DMA_TO_DEVICE);
  EXPECT_FALSE(dma_mapping_error(dev(), to) || dma_mapping_error(dev(), from) || dma_mapping_error(dev(), within));
  dma_sync_single_for_device(dev(), within, 64, DMA_TO_DEVICE);
  dma_sync_single_for_cpu(dev(), from + 64, 64, DMA_FROM_DEVICE);
  dma_unmap_single(dev(), to, 2048, DMA_TO_DEVICE);
  dma_unmap_single(dev(), within, 64, DMA_TO_DEVICE);
  dma_unmap_single(dev(), from, 2048, DMA_FROM_DEVICE);
  kfree(memory);
}

TEST_F(EduDriver, coherent_memory_lies_below_the_mask) {
  Engine engine(device_);
  dma_addr_t at = 0;
  auto* memory = static_cast<unsigned char*>(dma_alloc_coherent(dev(), 2048, &at, GFP_KERNEL));
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(at, virt_to_phys(memory));
  EXPECT_LE(at + 2047, kMask);
  fill(memory, 1024, 5);
  EXPECT_TRUE(engine.copy(at, 1024, false));
  EXPECT_TRUE(engine.copy(at + 1024, 1024, true));
  EXPECT_TRUE(is_filled(memory + 1024, 1024, 5)) << "both see it at once";
  dma_free_coherent(dev(), 2048, memory, at);
}

TEST_F(EduDriver, memory_beyond_the_mask_is_bounced) {
  const Far far;
  if (!far.at) GTEST_SKIP() << "all memory lies within the mask";
  Engine engine(device_);
  fill(far.at, 2048, 7);
  dma_addr_t at = dma_map_single(dev(), far.at, 2048, DMA_TO_DEVICE);
  ASSERT_FALSE(dma_mapping_error(dev(), at));
  EXPECT_LE(at + 2047, kMask);
  EXPECT_TRUE(engine.copy(at, 2048, false));
  dma_unmap_single(dev(), at, 2048, DMA_TO_DEVICE);
  memset(far.at, 0, 2048);
  at = dma_map_single(dev(), far.at, 2048, DMA_FROM_DEVICE);
  ASSERT_FALSE(dma_mapping_error(dev(), at));
  EXPECT_TRUE(engine.copy(at, 2048, true));
  EXPECT_FALSE(is_filled(far.at, 2048, 7)) << "it comes when it is unmapped or synced";
  dma_sync_single_for_cpu(dev(), at, 2048, DMA_FROM_DEVICE);
  EXPECT_TRUE(is_filled(far.at, 2048, 7));
  dma_unmap_single(dev(), at, 2048, DMA_FROM_DEVICE);
}

TEST_F(EduDriver, memory_beyond_the_mask_is_refused_where_there_is_none_for_a_copy) {
  const Far far;
  if (!far.at) GTEST_SKIP() << "all memory lies within the mask";
  const char* const its_own = sizeof(void*) == 8 ? "kmalloc-128" : "kmalloc-96";
  for (const char* cache : {"dma-kmalloc-2k", its_own}) {  // of the copy, and of the mapping
    char words[64];
    kmem_driver_snprintf(words, sizeof words, "failslab=1,100,0,-1,cache=%s,verbose=0", cache);
    ASSERT_EQ(kmem_fault_set(words), 0);
    const dma_addr_t at = dma_map_single(dev(), far.at, 2048, DMA_TO_DEVICE);
    kmem_fault_reset();
    EXPECT_EQ(at, DMA_MAPPING_ERROR) << cache;
  }
  const dma_addr_t at = dma_map_single(dev(), far.at, 2048, DMA_TO_DEVICE);
  ASSERT_FALSE(dma_mapping_error(dev(), at));
  EXPECT_LE(at + 2047, kMask);
  dma_unmap_single(dev(), at, 2048, DMA_TO_DEVICE);
}

TEST_F(EduDriver, what_has_no_physical_address_in_a_row_is_refused) {
  testing::internal::CaptureStderr();
  void* mapped = vmalloc(2048);
  ASSERT_NE(mapped, nullptr);
  EXPECT_EQ(dma_map_single(dev(), mapped, 2048, DMA_TO_DEVICE), DMA_MAPPING_ERROR);
  vfree(mapped);
  static char in_the_image[64];
  EXPECT_EQ(dma_map_single(dev(), in_the_image, sizeof in_the_image, DMA_TO_DEVICE), DMA_MAPPING_ERROR);
  char on_the_stack[64];
  EXPECT_EQ(dma_map_single(dev(), on_the_stack, sizeof on_the_stack, DMA_TO_DEVICE), DMA_MAPPING_ERROR);
  const std::string reports = testing::internal::GetCapturedStderr();
  EXPECT_NE(strstr(reports.c_str(), "rejecting DMA map of vmalloc memory"), nullptr);
  EXPECT_NE(strstr(reports.c_str(), "maps memory that is no allocated memory"), nullptr);
  EXPECT_NE(strstr(reports.c_str(), "maps memory from stack"), nullptr);
  mistakes_ += 3;
}

namespace {

/// The same where messages are switched off.
class EduPin : public EduDriver {
 protected:
  void SetUp() override {
    bare::forbid_messages(true);
    EduDriver::SetUp();
  }
  void TearDown() override {
    EduDriver::TearDown();
    bare::forbid_messages(false);
  }
};

/// The device without its driver, with two handlers at its pin: one makes the device lower it at the n-th call, and one is of
/// another device.
class PinUser {
 public:
  explicit PinUser(pci_dev* device) : device_(device) {
    EXPECT_EQ(pci_enable_device(device), 0);
    registers_ = static_cast<char*>(pci_iomap(device, 0, 0));
    EXPECT_EQ(pci_alloc_irq_vectors(device, 1, 1, PCI_IRQ_ALL_TYPES), 1);
    irq_ = static_cast<unsigned>(pci_irq_vector(device, 0));
    EXPECT_EQ(irq_, device->irq);
    EXPECT_EQ(request_irq(irq_, serve, IRQF_SHARED, "edu", this), 0);
    EXPECT_EQ(request_irq(irq_, look, IRQF_SHARED, "another", &nr_looks_), 0);
  }
  ~PinUser() {
    free_irq(irq_, &nr_looks_);
    free_irq(irq_, this);
    pci_free_irq_vectors(device_);
    pci_iounmap(device_, registers_);
    pci_disable_device(device_);
  }
  PinUser(const PinUser&) = delete;
  PinUser& operator=(const PinUser&) = delete;

  void raise(unsigned acknowledged_at) {
    at_ = __atomic_load_n(&nr_calls_, __ATOMIC_SEQ_CST) + acknowledged_at;
    writel(4, registers_ + 0x60);
  }
  bool is_held() const { return readl(registers_ + 0x24) != 0; }
  unsigned nr_calls() const { return __atomic_load_n(&nr_calls_, __ATOMIC_SEQ_CST); }
  unsigned nr_looks() const { return __atomic_load_n(&nr_looks_, __ATOMIC_SEQ_CST); }
  unsigned irq() const { return irq_; }
  bool comes_to(unsigned calls) const {
    for (const uint64_t until = bare::now_ns() + 30'000'000'000; bare::now_ns() < until;
         bare::sleep_until(bare::now_ns() + 1'000'000))
      if (nr_calls() >= calls && nr_looks() >= calls) return true;
    return false;
  }

 private:
  static irqreturn_t serve(int, void* p) {
    auto& self = *static_cast<PinUser*>(p);
    if (__atomic_add_fetch(&self.nr_calls_, 1, __ATOMIC_SEQ_CST) == self.at_) writel(4, self.registers_ + 0x64);
    return IRQ_HANDLED;
  }
  static irqreturn_t look(int, void* p) {
    __atomic_add_fetch(static_cast<unsigned*>(p), 1, __ATOMIC_SEQ_CST);
    return IRQ_NONE;
  }

  pci_dev* device_;
  char* registers_ = nullptr;
  unsigned irq_ = 0, at_ = 0, nr_calls_ = 0, nr_looks_ = 0;
};

}  // namespace

TEST_F(EduPin, a_program_does_with_it_what_it_does_in_a_process) { EXPECT_EQ(edu_exercise(), 0); }

TEST_F(EduPin, each_request_is_one_interrupt) {
  ASSERT_FALSE(pci_dev_msi_enabled(device_));
  const int irq = pci_irq_vector(device_, 0);
  ASSERT_GT(irq, 0);
  EXPECT_EQ(static_cast<unsigned>(irq), device_->irq);
  const u32 before = ask(EDU_INTERRUPTS, 0);
  const unsigned long calls = kmem_irq_count(irq);
  for (u32 i = 0; i < 50; ++i) ASSERT_EQ(ask(EDU_FACTORIAL, 5), 120u);
  EXPECT_EQ(ask(EDU_INTERRUPTS, 0), before + 50);
  EXPECT_EQ(kmem_irq_count(irq), calls + 50);
}

TEST_F(EduPin, it_interrupts_until_it_is_lowered_and_all_its_handlers_are_called) {
  ASSERT_EQ(kmem_driver_close(fd_), 0);
  fd_ = -1;
  ASSERT_EQ(kmem_driver_unload(THIS_MODULE), 0);
  {
    PinUser user(device_);
    user.raise(3);
    EXPECT_TRUE(user.comes_to(3)) << "it is held until the third call";
    EXPECT_FALSE(user.is_held());
    kmem_irq_settle();
    EXPECT_EQ(user.nr_calls(), 3u);
    EXPECT_EQ(user.nr_looks(), 3u) << "the other handler too, each time";

    disable_irq(user.irq());
    user.raise(1);
    bare::sleep_until(bare::now_ns() + 2'000'000);
    EXPECT_TRUE(user.is_held());
    EXPECT_EQ(user.nr_calls(), 3u) << "a disabled line waits";
    enable_irq(user.irq());
    EXPECT_TRUE(user.comes_to(4));

    pci_intx(device_, 0);
    user.raise(1);
    bare::sleep_until(bare::now_ns() + 2'000'000);
    EXPECT_EQ(user.nr_calls(), 4u) << "a function that must not use its pin";
    pci_intx(device_, 1);
    EXPECT_TRUE(user.comes_to(5));
    EXPECT_FALSE(user.is_held());
  }
  ASSERT_EQ(kmem_driver_load(THIS_MODULE, kParameters), 0);
}

TEST_F(EduPin, its_threaded_handler_keeps_it_masked) {
  ASSERT_EQ(kmem_driver_close(fd_), 0);
  fd_ = -1;
  ASSERT_EQ(kmem_driver_unload(THIS_MODULE), 0);
  struct Threaded {
    char* registers;
    unsigned runs;
    static irqreturn_t run(int, void* p) {
      auto& self = *static_cast<Threaded*>(p);
      bare::sleep_until(bare::now_ns() + 3'000'000);
      writel(4, self.registers + 0x64);
      __atomic_add_fetch(&self.runs, 1, __ATOMIC_SEQ_CST);
      return IRQ_HANDLED;
    }
  } threaded = {nullptr, 0};
  ASSERT_EQ(pci_enable_device(device_), 0);
  threaded.registers = static_cast<char*>(pci_iomap(device_, 0, 0));
  const unsigned irq = device_->irq;
  ASSERT_EQ(request_threaded_irq(irq, nullptr, Threaded::run, IRQF_ONESHOT, "edu", &threaded), 0);
  const unsigned long calls = kmem_irq_count(static_cast<int>(irq));
  for (unsigned n = 1; n <= 3; ++n) {
    writel(4, threaded.registers + 0x60);
    for (const uint64_t until = bare::now_ns() + 30'000'000'000; bare::now_ns() < until;) {
      if (__atomic_load_n(&threaded.runs, __ATOMIC_SEQ_CST) == n) break;
      bare::sleep_until(bare::now_ns() + 1'000'000);
    }
    kmem_irq_settle();
    EXPECT_EQ(__atomic_load_n(&threaded.runs, __ATOMIC_SEQ_CST), n);
    EXPECT_EQ(kmem_irq_count(static_cast<int>(irq)), calls + n) << "not called while the thread runs";
  }
  free_irq(irq, &threaded);
  pci_iounmap(device_, threaded.registers);
  pci_disable_device(device_);
  ASSERT_EQ(kmem_driver_load(THIS_MODULE, kParameters), 0);
}

TEST_F(EduDriver, it_can_be_loaded_again_and_again) {
  ASSERT_EQ(kmem_driver_close(fd_), 0);
  fd_ = -1;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(kmem_driver_unload(THIS_MODULE), 0);
    ASSERT_EQ(kmem_driver_open("/dev/edu", O_RDWR), -ENOENT);
    ASSERT_EQ(kmem_driver_load(THIS_MODULE, kParameters), 0);
    fd_ = kmem_driver_open("/dev/edu", O_RDWR);
    ASSERT_EQ(ask(EDU_FACTORIAL, 5), 120u);
    ASSERT_EQ(kmem_driver_close(fd_), 0);
    fd_ = -1;
  }
}
