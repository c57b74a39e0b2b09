// Devices that QEMU has: ivshmem-plain, pci-testdev. What is not plugged in is skipped. For edu: ../driver/edu_test.cc.

#include <asm/io.h>
#include <gtest/gtest.h>
#include <linux/io.h>

#include "devices.h"
#include "kernel.h"

namespace {

using bare::PciFunction;

}  // namespace

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
