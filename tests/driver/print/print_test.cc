// printk: levels, the log, the kernel's conversions, limits, dynamic debug, hex dumps.

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include <kmem/driver.h>
#include <linux/dev_printk.h>
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/sprintf.h>

extern "C" void talk(int what);

namespace {

struct Print : testing::Test {
  Print() { kmem_driver_log_clear(); }
  static std::string log() {
    std::string text(1 << 17, 0);
    kmem_driver_log(text.data(), text.size());
    return text.c_str();
  }
};

template <typename... A>
std::string text(const char* format, A... a) {
  char buffer[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
  const int length = kmem_driver_snprintf(buffer, sizeof(buffer), format, a...);
#pragma GCC diagnostic pop
  EXPECT_EQ(static_cast<size_t>(length), std::string(buffer).size());
  return buffer;
}

TEST_F(Print, each_message_is_in_the_log_with_its_level_and_the_modules_prefix) {
  talk(0);
  talk(5);
  EXPECT_EQ(log(), "<6>talker: n = 7\n<4>no level\n");
}

TEST_F(Print, a_continued_line_is_one_line) {
  talk(2);
  EXPECT_EQ(log(), "<3>talker: begins, goes on\n");
}

TEST_F(Print, levels_at_or_above_the_console_loglevel_are_not_written_out) {
  kmem_console_loglevel = 5;
  testing::internal::CaptureStderr();
  talk(0);
  talk(5);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "no level\n");
  kmem_console_loglevel = LOGLEVEL_DEBUG;
}

TEST_F(Print, once_is_once_and_a_limit_suppresses_the_rest) {
  talk(3);
  EXPECT_EQ(log(), "<4>talker: only once\n");
  talk(4);
  EXPECT_TRUE(kmem_driver_log_has("limited 9\n"));
  EXPECT_FALSE(kmem_driver_log_has("limited 10\n"));
}

TEST_F(Print, debug_messages_are_off_until_a_command_switches_their_place_on) {
  talk(1);
  EXPECT_EQ(log(), "");
  EXPECT_EQ(kmem_driver_debug("module talker func nobody +p"), 0);
  EXPECT_EQ(kmem_driver_debug("file print_driver.c func talk format \"debug message\" +pmf"), 1);
  talk(1);
  EXPECT_EQ(log(), "<5>talker:talk: talker: a debug message 8\n");
  EXPECT_GE(kmem_driver_debug("module talk* -p"), 1);
  kmem_driver_log_clear();
  talk(1);
  EXPECT_EQ(log(), "");
  EXPECT_EQ(kmem_driver_debug("modul talker +p"), -EINVAL);
  EXPECT_EQ(kmem_driver_debug("module talker +q"), -EINVAL);
  EXPECT_EQ(kmem_driver_debug("module talker"), -EINVAL);
}

TEST_F(Print, pointers_print_what_they_point_to) {
  const unsigned char mac[] = {0, 0x1b, 0x21, 0xaa, 0xbb, 0xff}, ip[] = {10, 0, 200, 1};
  const unsigned char ip6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const unsigned long bits[] = {0x80f1};
  EXPECT_EQ(text("%pM", mac), "00:1b:21:aa:bb:ff");
  EXPECT_EQ(text("%pMF %pm", mac, mac), "00-1b-21-aa-bb-ff 001b21aabbff");
  EXPECT_EQ(text("%pI4 %pi4", ip, ip), "10.0.200.1 010.000.200.001");
  EXPECT_EQ(text("%pI6", ip6), "2001:0db8:0000:0000:0000:0000:0000:0001");
  EXPECT_EQ(text("%pI6c", ip6), "2001:db8::1");
  EXPECT_EQ(text("%pUb", ip6), "20010db8-0000-0000-0000-000000000001");
  EXPECT_EQ(text("%pUL", ip6), "B80D0120-0000-0000-0000-000000000001");
  EXPECT_EQ(text("%6ph|%*phC", mac, 3, mac), "00 1b 21 aa bb ff|00:1b:21");
  EXPECT_EQ(text("%*pbl %*pb", 16, bits, 16, bits), "0,4-7,15 80f1");
  EXPECT_EQ(text("%pe %pe", reinterpret_cast<void*>(-ENOMEM), reinterpret_cast<void*>(0x1234l)), "-ENOMEM 0000000000001234");
  EXPECT_EQ(text("%pM", static_cast<void*>(nullptr)), "(null)");
  EXPECT_EQ(text("%pS", reinterpret_cast<void*>(&kmem_driver_log)), "kmem_driver_log+0x0");
  const phys_addr_t address = 0x1000;
  EXPECT_EQ(text("%pa|%pad", &address, &address), "0x0000000000001000|0x0000000000001000");
  resource r{};
  r.start = 0x1000, r.end = 0x1fff, r.flags = IORESOURCE_MEM;
  EXPECT_EQ(text("%pR", &r), "[mem 0x00001000-0x00001fff]");
}

TEST_F(Print, the_ordinary_conversions_are_libcs) {
  EXPECT_EQ(
      text("%5d|%-5d|%05d|%+d|%#x|%lld|%hhu|%zu|%.3s|%-4s|%c%%", 1, 2, 3, 4, 0x1f, -5ll, 300, size_t{6}, "abcdef", "ab", 'z'),
      "    1|2    |00003|+4|0x1f|-5|44|6|abc|ab  |z%");
  char small[4];
  EXPECT_EQ(kmem_driver_snprintf(small, sizeof(small), "%d", 12345), 5);
  EXPECT_STREQ(small, "123");
  EXPECT_EQ(scnprintf(small, sizeof(small), "%d", 12345), 3);
}

TEST_F(Print, hex_dumps_are_the_kernels) {
  unsigned char bytes[20];
  for (int i = 0; i < 20; ++i) bytes[i] = static_cast<unsigned char>('A' + i);
  print_hex_dump(KERN_INFO, "x ", DUMP_PREFIX_OFFSET, 16, 1, bytes, sizeof(bytes), true);
  EXPECT_EQ(log(),
            "<6>x 00000000: 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP\n"
            "<6>x 00000010: 51 52 53 54                                      QRST\n");
  char line[128];
  EXPECT_EQ(hex_dump_to_buffer(bytes, 4, 16, 4, line, sizeof(line), false), 8);
  EXPECT_STREQ(line, "44434241");
}

TEST_F(Print, messages_about_a_device_name_it) {
  device dev{};
  dev.init_name = "thing0";
  dev_err(&dev, "broken: %d\n", 3);
  EXPECT_EQ(dev_err_probe(&dev, -EIO, "no answer\n"), -EIO);
  EXPECT_TRUE(kmem_driver_log_has("thing0: broken: 3\n"));
  EXPECT_TRUE(kmem_driver_log_has("thing0: error -EIO: no answer\n"));
}

}  // namespace
