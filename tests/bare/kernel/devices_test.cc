// Devices that QEMU has, and memory that they reach: edu with its DMA of 28 bits, ivshmem-plain, pci-testdev.  What is not
// plugged in is skipped.

#include <asm/io.h>
#include <gtest/gtest.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <string.h>

#include "kernel.h"
#include "x86_64/x86.h"

namespace {

using bare::PciFunction;

// edu (QEMU, docs/specs/edu): registers, and 4 KiB of its own memory that its engine copies from and to.
class Edu {
 public:
  static constexpr uint64_t kMask = (uint64_t{1} << 28) - 1, kOwnMemory = 0x40000;

  bool attach() {
    pci_ = bare::find_pci(0x1234, 0x11e8);
    if (!pci_) return false;
    registers_ = static_cast<char __iomem*>(ioremap(pci_->bars[0].phys, pci_->bars[0].bytes));
    static unsigned vector = 0;
    if (!vector) vector = bare::take_vector(interrupt, nullptr);
    current = this;
    has_interrupt_ = bare::enable_messages(*pci_, vector);
    return registers_ != nullptr;
  }
  ~Edu() {
    current = nullptr;
    if (registers_) iounmap(registers_);
  }
  uint32_t read(unsigned at) const { return readl(registers_ + at); }
  void write(unsigned at, uint32_t value) const { writel(value, registers_ + at); }
  bool has_interrupt() const { return has_interrupt_; }

  uint32_t factorial(uint32_t n) {
    seen = 0;
    write(0x20, has_interrupt_ ? 0x80 : 0);
    write(0x08, n);
    wait_until([this] { return has_interrupt_ ? (seen & 1) != 0 : !(read(0x20) & 1); });
    return read(0x08);
  }

  /// What the device may be told of memory; 0: its mask does not reach there, and it must be copied.
  static uint64_t address_for_device(const void* p, size_t bytes) {
    const uint64_t phys = virt_to_phys(p);
    return phys + bytes - 1 <= kMask ? phys : 0;
  }
  bool copy(void* p, size_t bytes, bool to_memory) {
    const uint64_t phys = address_for_device(p, bytes);
    if (!phys) return false;
    seen = 0;
    writeq(to_memory ? kOwnMemory : phys, registers_ + 0x80);
    writeq(to_memory ? phys : kOwnMemory, registers_ + 0x88);
    writeq(bytes, registers_ + 0x90);
    writeq(1 | (to_memory ? 2 : 0) | (has_interrupt_ ? 4 : 0), registers_ + 0x98);
    return wait_until([this] { return has_interrupt_ ? (seen & 0x100) != 0 : !(readq(registers_ + 0x98) & 1); });
  }
  /// With a copy in memory that the device reaches, where the caller's it does not.
  bool copy_bounced(void* p, size_t bytes, bool to_memory) {
    if (address_for_device(p, bytes)) return copy(p, bytes, to_memory);
    void* bounce = kmalloc(bytes, GFP_KERNEL | GFP_DMA);
    if (!bounce) return false;
    if (!to_memory) memcpy(bounce, p, bytes);
    const bool done = copy(bounce, bytes, to_memory);
    if (to_memory) memcpy(p, bounce, bytes);
    kfree(bounce);
    return done;
  }

 private:
  static void interrupt(void*) {
    if (!current) return;
    const uint32_t why = current->read(0x24);
    current->write(0x64, why);
    seen = seen | why;
  }
  template <typename Done>
  static bool wait_until(Done done) {
    for (const uint64_t until = bare::now_ns() + 10000000000; bare::now_ns() < until;) {
      if (done()) return true;
      bare::sleep_until(bare::now_ns() + 1000000);
    }
    return false;
  }
  static inline Edu* volatile current = nullptr;
  static inline volatile uint32_t seen = 0;
  const PciFunction* pci_ = nullptr;
  char __iomem* registers_ = nullptr;
  bool has_interrupt_ = false;
};

void fill(unsigned char* p, size_t bytes, unsigned seed) {
  for (size_t i = 0; i < bytes; ++i) p[i] = static_cast<unsigned char>(i * 31 + seed);
}

}  // namespace

TEST(Edu, it_is_there_and_alive) {
  Edu edu;
  if (!edu.attach()) GTEST_SKIP() << "no edu device";
  EXPECT_EQ(edu.read(0) & 0xff, 0xedu);
  edu.write(4, 0x12345678);
  EXPECT_EQ(edu.read(4), ~0x12345678u);
}

TEST(Edu, it_computes_and_its_interrupt_comes) {
  Edu edu;
  if (!edu.attach()) GTEST_SKIP() << "no edu device";
  EXPECT_TRUE(edu.has_interrupt());
  EXPECT_EQ(edu.factorial(5), 120u);
  EXPECT_EQ(edu.factorial(10), 3628800u);
}

TEST(Edu, dma_from_kmems_memory_arrives_and_comes_back) {
  Edu edu;
  if (!edu.attach()) GTEST_SKIP() << "no edu device";
  for (const size_t bytes : {size_t{64}, size_t{1000}, size_t{2048}}) {
    auto* from = static_cast<unsigned char*>(kmalloc(bytes, GFP_KERNEL | GFP_DMA));
    auto* to = static_cast<unsigned char*>(kzalloc(bytes, GFP_KERNEL | GFP_DMA));
    ASSERT_TRUE(from && to);
    EXPECT_LT(virt_to_phys(from), uint64_t{16} << 20) << "the DMA zone";
    fill(from, bytes, static_cast<unsigned>(bytes));
    EXPECT_TRUE(edu.copy(from, bytes, false));
    EXPECT_TRUE(edu.copy(to, bytes, true));
    EXPECT_EQ(memcmp(from, to, bytes), 0);
    kfree(from);
    kfree(to);
  }
}

TEST(Edu, memory_beyond_its_mask_is_refused_and_a_bounce_buffer_reaches_it) {
  Edu edu;
  if (!edu.attach()) GTEST_SKIP() << "no edu device";
  constexpr size_t kBytes = 2048;  // of all 4096, QEMU 7.2 says that they are out of bounds
  unsigned char* far = nullptr;
  void* held[4096];
  unsigned nr = 0;  // until one lies beyond 256 MiB
  while (nr < 4096 && (far = static_cast<unsigned char*>(kmalloc(4096, GFP_KERNEL))) && Edu::address_for_device(far, kBytes)) {
    held[nr++] = far;
    far = nullptr;
  }
  if (far) {
    EXPECT_FALSE(edu.copy(far, kBytes, false)) << "the mask is looked at before the device is told";
    fill(far, kBytes, 7);
    EXPECT_TRUE(edu.copy_bounced(far, kBytes, false));
    memset(far, 0, kBytes);
    EXPECT_TRUE(edu.copy_bounced(far, kBytes, true));
    unsigned char want[kBytes];
    fill(want, kBytes, 7);
    EXPECT_EQ(memcmp(far, want, kBytes), 0);
    kfree(far);
  }
  while (nr) kfree(held[--nr]);
  if (!far) GTEST_SKIP() << "all memory lies within the mask";
}

TEST(PciTestdev, its_registers_count_what_is_written) {
  const PciFunction* pci = bare::find_pci(0x1b36, 0x0005);
  if (!pci) GTEST_SKIP() << "no pci-testdev";
  auto __iomem* at = static_cast<char __iomem*>(ioremap(pci->bars[0].phys, pci->bars[0].bytes));
  ASSERT_NE(at, nullptr);
  writeb(0, at);  // the first of its tests
  const uint8_t width = readb(at + 1);
  const uint32_t offset = readl(at + 4);
  const uint8_t data = readb(at + 8);
  ASSERT_TRUE(width == 1 || width == 2 || width == 4);
  const uint32_t before = readl(at + 12);
  for (int i = 0; i < 10; ++i)
    width == 4 ? writel(data, at + offset) : width == 2 ? writew(data, at + offset) : writeb(data, at + offset);
  EXPECT_EQ(readl(at + 12), before + 10);
  iounmap(at);
}

TEST(Ivshmem, a_combining_mapping_and_an_uncached_one_show_the_same_memory) {
  const PciFunction* pci = bare::find_pci(0x1af4, 0x1110);
  if (!pci) GTEST_SKIP() << "no ivshmem-plain";
  const bare::PciBar& memory = pci->bars[2];
  auto __iomem* at = static_cast<char __iomem*>(ioremap_wc(memory.phys, memory.bytes));
  ASSERT_NE(at, nullptr);
  for (uint64_t off = 0; off < memory.bytes; off += 4096) writel(static_cast<uint32_t>(off ^ 0x5aa5), at + off);
  wmb();
  iounmap(at);
  at = static_cast<char __iomem*>(ioremap(memory.phys, memory.bytes));
  ASSERT_NE(at, nullptr);
  for (uint64_t off = 0; off < memory.bytes; off += 4096) ASSERT_EQ(readl(at + off), static_cast<uint32_t>(off ^ 0x5aa5));
  iounmap(at);
}
