// ioremap() over trees of files that a test makes, files that it registers, and devices that it simulates.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <kmem/device.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/vmalloc.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "system/system.h"
#include "unit/kernel_face/log.h"

namespace kmem {
class IoSpaceTestPeer {
 public:
  static IoDevice& device(unsigned i) { return kmem::system().io.devices_[i]; }
  static IoSpace::Region& region(unsigned i) { return kmem::system().io.regions_[i]; }
};
}  // namespace kmem

namespace {

namespace fs = std::filesystem;

/// Answers the ioctls of VFIO as the kernel's documentation tells, for files of a test's own tree: no device is touched.
struct Vfio {
  bool viable = true, maps = true, has_iommu = true;
  unsigned long long bytes = 65536, offset = 0x10000;
  std::vector<std::string> calls{};
  static std::string path_of(int file) {
    std::error_code none;
    return fs::read_symlink("/proc/self/fd/" + std::to_string(file), none);
  }
  int called(int file, const char* what) {
    calls.push_back(fs::path(path_of(file)).filename().string() + " " + what);
    return 0;
  }
  int refused() {
    errno = EINVAL;
    return -1;
  }
  int answer(int file, unsigned long request, void* arg) {
    switch (request) {
      case VFIO_GET_API_VERSION: return VFIO_API_VERSION;
      case VFIO_CHECK_EXTENSION: return has_iommu && reinterpret_cast<intptr_t>(arg) == VFIO_TYPE1_IOMMU;
      case VFIO_GROUP_GET_STATUS:
        static_cast<vfio_group_status*>(arg)->flags = viable ? VFIO_GROUP_FLAGS_VIABLE : 0;
        return called(file, "status");
      case VFIO_GROUP_SET_CONTAINER:
        return called(file, ("into " + fs::path(path_of(*static_cast<int*>(arg))).filename().string()).c_str());
      case VFIO_SET_IOMMU: return called(file, "iommu");
      case VFIO_GROUP_GET_DEVICE_FD:
        called(file, (std::string("device ") + static_cast<const char*>(arg)).c_str());
        return open((fs::path(path_of(file)).parent_path() / "device").c_str(), O_RDWR | O_CLOEXEC);
      case VFIO_DEVICE_GET_REGION_INFO: {
        auto& info = *static_cast<vfio_region_info*>(arg);
        if (info.argsz < sizeof info) return refused();
        info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | (maps ? VFIO_REGION_INFO_FLAG_MMAP : 0u);
        info.size = bytes;
        info.offset = offset * info.index;
        return called(file, ("region " + std::to_string(info.index)).c_str());
      }
    }
    return refused();
  }
};
Vfio* vfio;
using kmem::test::log_of;
using kmem::test::mentions;

constexpr phys_addr_t kPhys = 0xfe000000;

}  // namespace

/// In place of libc's, for this program: what is not the stand-in's goes to the host.
extern "C" int ioctl(int file, unsigned long request, ...) noexcept {
  va_list args;
  va_start(args, request);
  void* arg = va_arg(args, void*);
  va_end(args);
  if (vfio) return vfio->answer(file, request, arg);
  return static_cast<int>(syscall(SYS_ioctl, file, request, arg));
}

namespace {

class Ioremap : public testing::Test {
 protected:
  Ioremap() {
    std::string name = fs::temp_directory_path() / "kmem-ioremap-XXXXXX";
    root_ = mkdtemp(name.data());
    fs::create_directories(root_ / "sys/bus/pci/devices");
    kmem_set_sysfs((root_ / "sys").c_str());
  }
  ~Ioremap() override {
    kmem_set_sysfs("/nowhere");
    fs::remove_all(root_);
    const kmem::Fault fault = kmem::check_system();
    EXPECT_FALSE(fault) << fault.rule;
  }

  static void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static void make_sized(const fs::path& path, uintmax_t bytes) {
    put(path, "");
    fs::resize_file(path, bytes);
  }

  /// A function with BAR 0, 64 KiB at kPhys, an I/O port BAR and BAR 2, 4 KiB above.
  fs::path add_function(const std::string& name) {
    const fs::path function = root_ / "sys/bus/pci/devices" / name;
    put(function / "resource",
        "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200\n"
        "0x000000000000e000 0x000000000000e03f 0x0000000000040101\n"
        "0x00000000fe100000 0x00000000fe100fff 0x000000000014220c\n"
        "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
    make_sized(function / "resource0", 65536);
    make_sized(function / "resource2", 4096);
    make_sized(function / "resource2_wc", 4096);
    return function;
  }

  static uint32_t word_in(const fs::path& path, size_t offset) {
    std::ifstream in(path, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offset));
    uint32_t value = 0;
    in.read(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  }

  fs::path root_;
};

// What the host shows ---------------------------------------------------------------------------------------------------

TEST_F(Ioremap, a_bar_is_found_by_its_physical_address) {
  const fs::path function = add_function("0000:00:1f.3");
  auto* registers = static_cast<char*>(ioremap(kPhys + 0x1234, 256));
  ASSERT_NE(registers, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(registers) % PAGE_SIZE, 0x234u);
  writel(0xcafe1234, registers + 4);
  EXPECT_EQ(readl(registers + 4), 0xcafe1234u);
  EXPECT_EQ(readb(registers + 4), 0x34u);
  EXPECT_EQ(word_in(function / "resource0", 0x1238), 0xcafe1234u);
  EXPECT_TRUE(is_vmalloc_addr(registers));
  iounmap(registers);
}

TEST_F(Ioremap, write_combining_goes_through_the_file_for_it) {
  const fs::path function = add_function("0000:00:1f.3");
  void* registers = ioremap_wc(kPhys + 0x100000, 4096);
  ASSERT_NE(registers, nullptr);
  writel(7, registers);
  EXPECT_EQ(word_in(function / "resource2_wc", 0), 7u);
  iounmap(registers);
  registers = ioremap(kPhys + 0x100000, 4096);
  writel(8, registers);
  EXPECT_EQ(word_in(function / "resource2", 0), 8u);
  iounmap(registers);
}

TEST_F(Ioremap, a_function_that_a_driver_has_is_refused) {
  const fs::path function = add_function("0000:00:1f.3");
  fs::create_directories(root_ / "sys/bus/pci/drivers/e1000e");
  fs::create_directory_symlink("../../drivers/e1000e", function / "driver");
  void* registers = nullptr;
  const std::string log = log_of([&] { registers = ioremap(kPhys, 4096); });
  EXPECT_EQ(registers, nullptr);
  EXPECT_TRUE(
      mentions(log,
               "ioremap of 0xfe000000, 4096 bytes (0000:00:1f.3 BAR 0, driver e1000e): a driver of the host has it, and "
               "reading its registers may act"))
      << log;
}

TEST_F(Ioremap, a_driver_that_leaves_registers_to_programs_is_none) {
  const fs::path function = add_function("0000:00:1f.3");
  fs::create_directory_symlink("../../drivers/vfio-pci", function / "driver");
  void* registers = ioremap(kPhys, 4096);
  EXPECT_NE(registers, nullptr);
  iounmap(registers);
}

TEST_F(Ioremap, a_uio_map_is_found) {
  put(root_ / "sys/class/uio/uio0/maps/map0/addr", "0xfd000000\n");
  put(root_ / "sys/class/uio/uio0/maps/map0/size", "0x1000\n");
  put(root_ / "sys/class/uio/uio0/maps/map1/addr", "0xfd100000\n");
  put(root_ / "sys/class/uio/uio0/maps/map1/size", "0x1000\n");
  make_sized(root_ / "dev/uio0", static_cast<uintmax_t>(2 * sysconf(_SC_PAGESIZE)));
  void* registers = ioremap(0xfd100010, 16);
  ASSERT_NE(registers, nullptr);
  writel(0x11, registers);
  EXPECT_EQ(word_in(root_ / "dev/uio0", static_cast<size_t>(sysconf(_SC_PAGESIZE)) + 0x10), 0x11u);
  iounmap(registers);
}

TEST_F(Ioremap, a_bar_that_begins_within_a_page_is_found_within_its_file) {
  const fs::path function = root_ / "sys/bus/pci/devices/0000:00:02.0";
  put(function / "resource", "0x00000000fe200100 0x00000000fe2001ff 0x0000000000040200\n");
  make_sized(function / "resource0", 4096);
  void* registers = ioremap(0xfe200110, 16);
  ASSERT_NE(registers, nullptr);
  writel(0x77, registers);
  EXPECT_EQ(word_in(function / "resource0", 0x110), 0x77u) << "the file shows the page around the BAR";
  iounmap(registers);
}

/// A function that the stand-in gives to programs: group 7, with the files of /dev/vfio in a tree of the test's own.
class IoremapByVfio : public Ioremap {
 protected:
  IoremapByVfio() {
    const fs::path function = add_function("0000:00:1f.3");
    fs::create_directory_symlink("../../drivers/vfio-pci", function / "driver");
    fs::create_directory_symlink("../../../kernel/iommu_groups/7", function / "iommu_group");
    put(root_ / "dev/vfio/7", "");
    put(root_ / "dev/vfio/vfio", "");
    make_sized(root_ / "dev/vfio/device", 0x40000);
    vfio = &host_;
  }
  ~IoremapByVfio() override {
    EXPECT_EQ(nr_open(), 0u) << "files are lost";
    vfio = nullptr;
  }
  /// Files of /dev/vfio that this process has open.
  size_t nr_open() const {
    size_t n = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code none;
      n += fs::read_symlink(entry.path(), none).string().find((root_ / "dev/vfio").string()) == 0;
    }
    return n;
  }
  /// What the report of a refusal has in brackets.
  std::string refusal() {
    kmem::IoFault fault;
    kmem::TextOf<128> who;
    EXPECT_EQ(kmem::system().io.map(kPhys, 64, kmem::IoWrites::Single, nullptr, fault, who), nullptr);
    EXPECT_EQ(fault, kmem::IoFault::Host);
    EXPECT_EQ(nr_open(), 0u);
    return who.data();
  }
  Vfio host_;
};

TEST_F(IoremapByVfio, a_region_is_mapped_from_the_device_of_its_group) {
  void* registers = ioremap(kPhys + 0x1234, 64);
  ASSERT_NE(registers, nullptr);
  writel(0xcafe, registers);
  EXPECT_EQ(word_in(root_ / "dev/vfio/device", 0x1234), 0xcafeu);
  const std::vector<std::string> want = {"7 status", "7 into vfio", "vfio iommu", "7 device 0000:00:1f.3", "device region 0"};
  EXPECT_EQ(host_.calls, want);
  iounmap(registers);
}

TEST_F(IoremapByVfio, a_group_is_opened_once_for_all_its_regions) {
  void *first = ioremap(kPhys, 64), *second = ioremap(kPhys + 0x100000, 64);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(nr_open(), 4u) << "the group, its container, the device for each region";
  EXPECT_EQ(std::count(host_.calls.begin(), host_.calls.end(), "7 status"), 1);
  writel(5, second);
  EXPECT_EQ(word_in(root_ / "dev/vfio/device", 0x20000), 5u) << "region 2";
  iounmap(first);
  writel(6, second);
  EXPECT_EQ(word_in(root_ / "dev/vfio/device", 0x20000), 6u);
  iounmap(second);
}

TEST_F(IoremapByVfio, what_stands_against_it_is_told) {
  host_.viable = false;
  EXPECT_EQ(refusal(), "0000:00:1f.3 BAR 0, other devices of its VFIO group are bound to drivers of the host");
  EXPECT_TRUE(mentions(log_of([] { EXPECT_EQ(ioremap(kPhys, 64), nullptr); }),
                       "bound to drivers of the host): the host does not map it"));
  host_ = Vfio{.maps = false};
  EXPECT_TRUE(mentions(refusal(), "VFIO lets this region be read and written, but not mapped"));
  host_ = Vfio{.has_iommu = false};
  EXPECT_TRUE(mentions(refusal(), "VFIO_SET_IOMMU (error "));
  host_ = Vfio{.bytes = 4096};
  EXPECT_TRUE(mentions(refusal(), "VFIO's region is shorter than the BAR"));
  host_ = Vfio{};
  fs::remove(root_ / "dev/vfio/vfio");
  EXPECT_TRUE(mentions(refusal(), "/dev/vfio/vfio cannot be opened (error 2)"));
}

TEST_F(IoremapByVfio, without_a_group_the_function_has_its_file_in_sysfs) {
  fs::remove(root_ / "dev/vfio/7");
  void* registers = ioremap(kPhys, 64);
  ASSERT_NE(registers, nullptr);
  writel(9, registers);
  EXPECT_EQ(word_in(root_ / "sys/bus/pci/devices/0000:00:1f.3/resource0", 0), 9u);
  EXPECT_TRUE(host_.calls.empty());
  iounmap(registers);
}

TEST_F(Ioremap, what_is_not_there_is_refused) {
  add_function("0000:00:1f.3");
  const auto refusal = [](phys_addr_t phys, size_t bytes) {
    void* p = &p;
    std::string log = log_of([&] { p = ioremap(phys, bytes); });
    EXPECT_EQ(p, nullptr);
    return log;
  };
  EXPECT_TRUE(mentions(refusal(0xfc000000, 4096), "no device is known there"));
  EXPECT_TRUE(mentions(refusal(0xe000, 64), "there is memory of kmem's")) << "below 16 MiB is the DMA zone";
  EXPECT_TRUE(mentions(refusal(kPhys + 0xf000, 0x2000), "(0000:00:1f.3 BAR 0): it goes beyond the end of the device"));
  EXPECT_TRUE(mentions(refusal(kPhys, 0), "the size is 0"));
  EXPECT_TRUE(mentions(refusal(kPhys, ~size_t{0}), "the end is beyond all addresses"));
  void* memory = kmalloc(64, GFP_KERNEL);
  EXPECT_TRUE(mentions(refusal(virt_to_phys(memory), 64), "there is memory of kmem's; nothing of it is a device's"));
  kfree(memory);
}

// Files that a program registers ------------------------------------------------------------------------------------------

TEST_F(Ioremap, a_registered_file_region_is_mapped) {
  const int file = memfd_create("device", 0);
  ASSERT_EQ(ftruncate(file, 65536), 0);
  ASSERT_EQ(kmem_register_device_region("card", kPhys, 0x4000, file, 0x8000), 0);
  auto* registers = static_cast<char*>(ioremap(kPhys + 0x2008, 8));
  ASSERT_NE(registers, nullptr);
  writeq(0x1122334455667788, registers);
  uint64_t seen = 0;
  EXPECT_EQ(pread(file, &seen, 8, 0xa008), 8);
  EXPECT_EQ(seen, 0x1122334455667788u);
  close(file);
  EXPECT_EQ(ioread32be(registers), 0x88776655u);
  EXPECT_TRUE(mentions(log_of([] { EXPECT_EQ(kmem_unregister_device(kPhys), -16); }), "it is mapped"));
  iounmap(registers);
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

TEST_F(Ioremap, registrations_that_make_no_sense_are_refused) {
  const int file = memfd_create("device", 0);
  ASSERT_EQ(kmem_register_device_region("card", kPhys, 0x4000, file, 0), 0);
  const kmem_device_ops ops{nullptr, nullptr};
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(kmem_register_device_region("two", kPhys + 0x3000, 0x4000, file, 0), -16); }),
                       "kmem_register_device_region(two) at 0xfe003000: it overlaps a device that is known already"));
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(kmem_register_simulated_device("two", kPhys - 4, 8, &ops, nullptr), -16); }),
                       "overlaps"));
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(kmem_register_device_region("x", 0xfd000004, 8, file, 0), -22); }),
                       "differ within a page"));
  EXPECT_TRUE(
      mentions(log_of([&] { EXPECT_EQ(kmem_register_device_region("x", 0x1000, 8, file, 0), -16); }), "memory of kmem's"));
  EXPECT_TRUE(
      mentions(log_of([&] { EXPECT_EQ(kmem_register_device_region("x", 0xfd000000, 8, -1, 0), -5); }), "does not map it"));
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(kmem_unregister_device(kPhys + 4), -19); }), "no device is known there"));
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
  close(file);
}

// Devices that are simulated -----------------------------------------------------------------------------------------------

struct Access {
  char kind;
  size_t offset;
  unsigned bytes;
  unsigned long long value;
  bool operator==(const Access&) const = default;
};

struct Card {
  std::vector<Access> seen;
  unsigned long long answer = 0;
  static unsigned long long read(void* card, size_t offset, unsigned bytes) {
    auto& self = *static_cast<Card*>(card);
    self.seen.push_back({'r', offset, bytes, 0});
    return self.answer;
  }
  static void write(void* card, size_t offset, unsigned bytes, unsigned long long value) {
    static_cast<Card*>(card)->seen.push_back({'w', offset, bytes, value});
  }
};
constexpr kmem_device_ops kCardOps{Card::read, Card::write};

TEST_F(Ioremap, a_simulated_devices_functions_are_called) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x3000, &kCardOps, &card), 0);
  auto* registers = static_cast<char*>(ioremap(kPhys + 0x1010, 0x100));
  ASSERT_NE(registers, nullptr);
  card.answer = 0x1122334455667788;
  EXPECT_EQ(readb(registers), 0x88u);
  EXPECT_EQ(readw(registers + 2), 0x7788u);
  EXPECT_EQ(ioread32(registers + 4), 0x55667788u);
  EXPECT_EQ(readq_relaxed(registers + 8), 0x1122334455667788u);
  writeb(1, registers);
  iowrite16(2, registers + 2);
  writel(3, registers + 4);
  writeq(4, registers + 8);
  iowrite32be(0x01020304, registers + 16);
  const std::vector<Access> want = {{'r', 0x1010, 1, 0}, {'r', 0x1012, 2, 0}, {'r', 0x1014, 4, 0},
                                    {'r', 0x1018, 8, 0}, {'w', 0x1010, 1, 1}, {'w', 0x1012, 2, 2},
                                    {'w', 0x1014, 4, 3}, {'w', 0x1018, 8, 4}, {'w', 0x1020, 4, 0x04030201}};
  EXPECT_EQ(card.seen, want);
  iounmap(registers);
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

TEST_F(Ioremap, blocks_and_strings_are_accesses_of_their_width) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x1000, &kCardOps, &card), 0);
  auto* registers = static_cast<char*>(ioremap(kPhys, 0x1000));
  const uint16_t words[3] = {1, 2, 3};
  writesw(registers + 6, words, 3);
  EXPECT_EQ(card.seen, (std::vector<Access>{{'w', 6, 2, 1}, {'w', 6, 2, 2}, {'w', 6, 2, 3}}));
  card.seen.clear();
  memcpy_toio(registers + 6, "0123456789", 11);
  EXPECT_EQ(card.seen,
            (std::vector<Access>{{'w', 6, 1, '0'}, {'w', 7, 1, '1'}, {'w', 8, 8, 0x3938373635343332}, {'w', 16, 1, 0}}));
  card.seen.clear();
  memset_io(registers + 8, 0x5a, 9);
  EXPECT_EQ(card.seen, (std::vector<Access>{{'w', 8, 8, 0x5a5a5a5a5a5a5a5a}, {'w', 16, 1, 0x5a}}));
  card.answer = 0x42;
  char bytes[3];
  readsb(registers, bytes, 3);
  EXPECT_EQ(std::string(bytes, 3), "BBB");
  memcpy_fromio(bytes, registers + 1, 3);
  EXPECT_EQ(std::string(bytes, 3), "BBB");
  iounmap(registers);
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

TEST_F(Ioremap, one_device_may_be_mapped_twice_and_in_parts) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x3000, &kCardOps, &card), 0);
  void *all = ioremap(kPhys, 0x3000), *part = ioremap(kPhys + 0x2ffc, 4);
  readl(static_cast<char*>(all) + 0x2ffc);
  readl(part);
  EXPECT_EQ(card.seen, (std::vector<Access>{{'r', 0x2ffc, 4, 0}, {'r', 0x2ffc, 4, 0}}));
  iounmap(all);
  readl(part);
  iounmap(part);
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

// Mistakes ------------------------------------------------------------------------------------------------------------------

TEST_F(Ioremap, an_access_after_the_unmap_gets_ones_and_a_report) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x1000, &kCardOps, &card), 0);
  void* registers = ioremap(kPhys, 16);
  iounmap(registers);
  u32 value = 0;
  EXPECT_TRUE(mentions(log_of([&] { value = readl(registers); }), "read of 4 bytes at "));
  EXPECT_EQ(value, ~u32{0});
  EXPECT_TRUE(mentions(log_of([&] { writel(1, registers); }), "where nothing is mapped: after iounmap?"));
  EXPECT_TRUE(mentions(log_of([&] { iounmap(registers); }), "where nothing is mapped: unmapped before?"));
  EXPECT_TRUE(card.seen.empty());
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

TEST_F(Ioremap, the_wrong_function_for_an_area_is_reported) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x2000, &kCardOps, &card), 0);
  void* registers = ioremap(kPhys, 0x2000);
  void* memory = vmalloc(8192);
  EXPECT_TRUE(mentions(log_of([&] { iounmap(memory); }), "in vmalloc area 0x"));
  EXPECT_TRUE(mentions(log_of([&] { vfree(registers); }), "in ioremap area 0x"));
  EXPECT_TRUE(mentions(log_of([&] { iounmap(static_cast<char*>(registers) + 4096); }),
                       "which does not begin there; nothing was unmapped"));
  EXPECT_TRUE(mentions(log_of([&] { iounmap(&card); }), "which is not in the window"));
  readl(registers);  // all of it changed nothing
  EXPECT_EQ(card.seen.size(), 1u);
  vfree(memory);
  iounmap(registers);
  iounmap(nullptr);
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

// The child has one thread; the other was anywhere in mapping, and counts for nothing any more.
TEST_F(Ioremap, a_child_of_a_fork_in_the_middle_maps_and_unmaps) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x1000, &kCardOps, &card), 0);
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done)
      if (void* p = ioremap(kPhys, 16)) iounmap(p);
  });
  for (int n = 0; n < 30; ++n) {
    const pid_t child = fork();
    if (!child) {
      alarm(300);
      void* p = ioremap(kPhys, 16);
      if (!p) _exit(1);
      readl(p);
      iounmap(p);
      _exit(kmem::system().io.check() ? 2 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_EQ(status, 0) << "child " << n;
  }
  done = true;
  other.join();
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

TEST_F(Ioremap, a_simulated_device_cannot_be_touched_without_the_functions) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x1000, &kCardOps, &card), 0);
  auto* registers = static_cast<volatile u32*>(ioremap(kPhys, 0x1000));
  const pid_t child = fork();
  if (!child) {
    signal(SIGSEGV, SIG_DFL);
    _exit(static_cast<int>(*registers & 0));
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_NE(status, 0);
  iounmap(registers);
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

// Regions -------------------------------------------------------------------------------------------------------------------

TEST_F(Ioremap, a_region_is_one_drivers) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x2000, &kCardOps, &card), 0);
  ASSERT_NE(request_mem_region(kPhys, 0x1000, "first"), nullptr);
  EXPECT_EQ(request_mem_region(kPhys + 0xfff, 2, "second"), nullptr);
  ASSERT_NE(request_mem_region(kPhys + 0x1000, 0x1000, "second"), nullptr);
  char text[2048];
  kmem_iomem(text, sizeof text);
  const char* devices = strstr(text, "fe000000-");  // behind the machine's memory
  ASSERT_TRUE(devices) << text;
  EXPECT_STREQ(devices,
               "fe000000-fe001fff : card\n"
               "  fe000000-fe000fff : first\n"
               "  fe001000-fe001fff : second\n");
  release_mem_region(kPhys, 0x1000);
  release_mem_region(kPhys + 0x1000, 0x1000);
  EXPECT_TRUE(mentions(log_of([] { release_mem_region(kPhys, 0x1000); }),
                       "Trying to free nonexistent resource <00000000fe000000-00000000fe000fff>"));
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
}

TEST_F(Ioremap, the_walker_sees_what_is_broken) {
  Card card;
  ASSERT_EQ(kmem_register_simulated_device("card", kPhys, 0x1000, &kCardOps, &card), 0);
  ASSERT_EQ(kmem_register_simulated_device("other", kPhys + 0x1000, 0x1000, &kCardOps, &card), 0);
  kmem::IoSpace& io = kmem::system().io;
  EXPECT_FALSE(io.check());
  kmem::IoSpaceTestPeer::device(0).bytes = 0x1001;
  EXPECT_TRUE(io.check().is("I1"));
  kmem::IoSpaceTestPeer::device(0).bytes = 0x1000;
  kmem::IoSpaceTestPeer::device(1).nr_mapped.store(1);
  EXPECT_TRUE(io.check().is("I2"));
  kmem::IoSpaceTestPeer::device(1).nr_mapped.store(0);
  request_mem_region(kPhys, 0x1000, "a");
  request_mem_region(kPhys + 0x1000, 0x1000, "b");
  kmem::IoSpaceTestPeer::region(0).bytes = 0x1001;
  EXPECT_TRUE(io.check().is("I3"));
  kmem::IoSpaceTestPeer::region(0).bytes = 0x1000;
  release_mem_region(kPhys, 0x1000);
  release_mem_region(kPhys + 0x1000, 0x1000);
  EXPECT_EQ(kmem_unregister_device(kPhys), 0);
  EXPECT_EQ(kmem_unregister_device(kPhys + 0x1000), 0);
}

}  // namespace
