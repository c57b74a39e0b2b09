// Two-wire buses: chips that a test makes, i2c_driver.c, and what goes over the wire.

#include "helpers.h"

#include <fcntl.h>

#include <vector>

#include <kmem/simulated.h>
#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/regmap.h>

namespace {

const std::string kNone = std::to_string(-ENOENT);

/// A chip of bytes: the first that is written is the place of the next.  What goes over the wire is noted: S and W or R for a
/// message, bytes, P for the end.
struct Chip {
  u8 bytes[256] = {};
  u8 at = 0;
  bool first = true;
  int refuse_after = -1;  // so many bytes
  std::string wire;

  void set_word(unsigned reg, unsigned value) { bytes[reg * 2] = u8(value >> 8), bytes[reg * 2 + 1] = u8(value); }
  unsigned word(unsigned reg) const { return unsigned(bytes[reg * 2]) << 8 | bytes[reg * 2 + 1]; }
};
/// A register of this chip has `scale` bytes.
template <int scale>
const kmem_i2c_chip chip_of = {[](void* d, bool read) {
                                 auto* c = static_cast<Chip*>(d);
                                 c->first = !read;
                                 c->wire += read ? "SR" : "SW";
                               },
                               [](void* d, unsigned char byte) {
                                 auto* c = static_cast<Chip*>(d);
                                 c->wire += " " + std::to_string(byte);
                                 if (c->refuse_after >= 0 && c->refuse_after-- == 0) return 1;
                                 if (c->first) c->at = u8(byte * scale);
                                 else c->bytes[c->at++] = byte;
                                 c->first = false;
                                 return 0;
                               },
                               [](void* d) {
                                 auto* c = static_cast<Chip*>(d);
                                 c->wire += " " + std::to_string(c->bytes[c->at]);
                                 return c->bytes[c->at++];
                               },
                               [](void* d) { static_cast<Chip*>(d)->wire += " P "; }};

struct Bus : testing::Test {
  Bus() {
    kmem_driver_log_clear();
    bus = kmem_i2c_bus("test bus");
    EXPECT_FALSE(IS_ERR(bus));
  }
  ~Bus() override { kmem_i2c_bus_remove(bus); }
  i2c_client* client_at(unsigned short address, const char* name = "nobodys") {
    i2c_board_info info = {};
    strcpy(info.type, name);
    info.addr = address;
    return i2c_new_client_device(bus, &info);
  }
  std::string sent() { return std::exchange(chip.wire, ""); }
  i2c_adapter* bus;
  Chip chip;
};

struct Thermometer : Bus {
  Thermometer() {
    chip.set_word(0, 0xffd0);
    chip.set_word(7, 0x7500);
    EXPECT_EQ(kmem_i2c_attach(bus, 0x4f, &chip_of<2>, &chip), 0);
    EXPECT_EQ(kmem_driver_insmod(""), 0);
  }
  ~Thermometer() override { EXPECT_EQ(kmem_driver_rmmod(), 0); }
};

TEST_F(Thermometer, a_driver_is_bound_by_name_and_its_registers_are_read_over_the_bus) {
  i2c_client* client = client_at(0x4f, "coarse75");
  ASSERT_FALSE(IS_ERR(client));
  EXPECT_STREQ(dev_driver_string(&client->dev), "thermometer");
  EXPECT_EQ(std::string(dev_name(&client->dev)), std::to_string(bus->nr) + "-004f");
  EXPECT_EQ(i2c_client_get_device_id(client)->driver_data, 500u);
  EXPECT_EQ(reinterpret_cast<unsigned long>(i2c_get_match_data(client)), 500u);
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon0/temp1_input"), "-24000\n");
  EXPECT_EQ(test::write_file("/sys/class/hwmon/hwmon0/temp1_max", "80000"), 5);
  EXPECT_EQ(chip.word(3), 160u);
  EXPECT_EQ(kmem_i2c_detach(bus, 0x4f), 0);
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon0/temp1_input"), std::to_string(-ENXIO)) << "the chip is gone";
  i2c_unregister_device(client);
  EXPECT_TRUE(test::logged("gone, step 500"));
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon0/temp1_input"), kNone);
}

TEST_F(Thermometer, a_chip_that_is_another_is_refused_and_names_are_in_sys) {
  chip.set_word(7, 0x1234);
  i2c_client* client = client_at(0x4f, "fine75");
  EXPECT_EQ(client->dev.driver, nullptr);
  const std::string path = "/sys/devices/i2c-" + std::to_string(bus->nr);
  EXPECT_EQ(test::read_file(path + "/name"), "test bus\n");
  EXPECT_EQ(test::read_file(path + "/modalias"), kNone);
  EXPECT_EQ(test::read_file(path + "/" + dev_name(&client->dev) + "/name"), "fine75\n");
  EXPECT_EQ(test::read_file(path + "/" + dev_name(&client->dev) + "/modalias"), "i2c:fine75\n");
}

TEST_F(Thermometer, a_driver_that_looks_for_its_chips_finds_them_on_buses_that_come) {
  Chip other;
  EXPECT_EQ(kmem_driver_rmmod(), 0);
  EXPECT_EQ(kmem_i2c_attach(bus, 0x49, &chip_of<2>, &chip), 0);
  EXPECT_EQ(kmem_i2c_attach(bus, 0x4a, &chip_of<2>, &other), 0);
  EXPECT_EQ(kmem_driver_insmod(""), 0);
  const std::string path = "/sys/devices/i2c-" + std::to_string(bus->nr) + "/" + std::to_string(bus->nr);
  EXPECT_EQ(test::read_file(path + "-0049/name"), "fine75\n");
  EXPECT_EQ(test::read_file("/sys/class/hwmon/hwmon0/temp1_input"), "-6000\n");
  EXPECT_EQ(test::read_file(path + "-004a/name"), kNone) << "its detect() says that this is none";
  EXPECT_EQ(test::read_file(path + "-0048/name"), kNone) << "nothing answers";
  EXPECT_EQ(kmem_driver_rmmod(), 0);
  EXPECT_EQ(test::read_file(path + "-0049/name"), kNone) << "found chips go with their driver";
  EXPECT_EQ(kmem_driver_insmod(""), 0);
}

TEST_F(Bus, messages_of_a_transfer_go_one_after_another) {
  EXPECT_EQ(kmem_i2c_attach(bus, 0x50, &chip_of<1>, &chip), 0);
  chip.bytes[9] = 77;
  u8 out[] = {9}, in[2] = {};
  i2c_msg both[] = {{0x50, 0, 1, out}, {0x50, I2C_M_RD, 2, in}};
  EXPECT_EQ(i2c_transfer(bus, both, 2), 2);
  EXPECT_EQ(in[0], 77);
  EXPECT_EQ(sent(), "SW 9SR 77 0 P ");
  both[1].addr = 0x51;
  EXPECT_EQ(i2c_transfer(bus, both, 2), -ENXIO);
  EXPECT_EQ(sent(), "SW 9 P ");
  i2c_client* client = client_at(0x50);
  EXPECT_EQ(i2c_master_send(client, "\x05\x06", 2), 2);
  EXPECT_EQ(chip.bytes[5], 6);
  char back[3];
  EXPECT_EQ(i2c_master_recv(client, back, 3), 3);
  chip.refuse_after = 1;
  EXPECT_EQ(i2c_master_send(client, "\x05\x07", 2), -EIO);
  EXPECT_EQ(chip.bytes[5], 6);
}

TEST_F(Bus, each_protocol_of_smbus_is_made_of_messages) {
  EXPECT_EQ(kmem_i2c_attach(bus, 0x50, &chip_of<1>, &chip), 0);
  i2c_client* c = client_at(0x50);
  EXPECT_EQ(i2c_smbus_write_quick(c, I2C_SMBUS_WRITE), 0);
  EXPECT_EQ(sent(), "SW P ");
  EXPECT_EQ(i2c_smbus_write_byte(c, 3), 0);
  EXPECT_EQ(sent(), "SW 3 P ");
  chip.bytes[3] = 8;
  EXPECT_EQ(i2c_smbus_read_byte(c), 8);
  EXPECT_EQ(sent(), "SR 8 P ");
  EXPECT_EQ(i2c_smbus_write_byte_data(c, 4, 200), 0);
  EXPECT_EQ(sent(), "SW 4 200 P ");
  EXPECT_EQ(i2c_smbus_read_byte_data(c, 4), 200);
  EXPECT_EQ(sent(), "SW 4SR 200 P ");
  EXPECT_EQ(i2c_smbus_write_word_data(c, 6, 0x0201), 0);
  EXPECT_EQ(sent(), "SW 6 1 2 P ");
  EXPECT_EQ(i2c_smbus_read_word_data(c, 6), 0x0201);
  EXPECT_EQ(i2c_smbus_read_word_swapped(c, 6), 0x0102);
  EXPECT_EQ(i2c_smbus_write_word_swapped(c, 6, 0x0304), 0);
  sent();
  EXPECT_EQ(i2c_smbus_read_word_data(c, 6), 0x0403);
  EXPECT_EQ(sent(), "SW 6SR 3 4 P ");
}

TEST_F(Bus, blocks_say_their_length_or_are_told_it) {
  EXPECT_EQ(kmem_i2c_attach(bus, 0x50, &chip_of<1>, &chip), 0);
  i2c_client* c = client_at(0x50);
  const u8 three[] = {7, 8, 9};
  u8 back[I2C_SMBUS_BLOCK_MAX] = {};
  EXPECT_EQ(i2c_smbus_write_block_data(c, 20, 3, three), 0);
  EXPECT_EQ(sent(), "SW 20 3 7 8 9 P ");
  EXPECT_EQ(i2c_smbus_read_block_data(c, 20, back), 3);
  EXPECT_EQ(memcmp(back, three, 3), 0);
  EXPECT_EQ(i2c_smbus_write_i2c_block_data(c, 40, 3, three), 0);
  sent();
  EXPECT_EQ(i2c_smbus_read_i2c_block_data(c, 40, 2, back), 2);
  EXPECT_EQ(sent(), "SW 40SR 7 8 P ");
  EXPECT_EQ(i2c_smbus_read_i2c_block_data(c, 40, 200, back), I2C_SMBUS_BLOCK_MAX) << "no more than a block";
  EXPECT_EQ(i2c_smbus_read_i2c_block_data_or_emulated(c, 40, 3, back), 3);
  EXPECT_EQ(memcmp(back, three, 3), 0);
  chip.bytes[20] = 33;
  EXPECT_EQ(i2c_smbus_read_block_data(c, 20, back), -EPROTO) << "a length that cannot be";
  i2c_smbus_data call;
  call.word = 0x0506;
  chip.bytes[52] = 0x11;
  EXPECT_EQ(i2c_smbus_xfer(bus, 0x50, 0, I2C_SMBUS_WRITE, 50, I2C_SMBUS_PROC_CALL, &call), 0);
  EXPECT_EQ(call.word, 0x0011);
  call.block[0] = 33;
  EXPECT_EQ(i2c_smbus_xfer(bus, 0x50, 0, I2C_SMBUS_WRITE, 50, I2C_SMBUS_BLOCK_DATA, &call), -EINVAL);
}

TEST_F(Bus, checksums_are_sent_and_compared) {
  EXPECT_EQ(kmem_i2c_attach(bus, 0x50, &chip_of<1>, &chip), 0);
  i2c_client* c = client_at(0x50);
  c->flags |= I2C_CLIENT_PEC;
  u8 check[] = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(i2c_smbus_pec(0, check, sizeof(check)), 0xf4) << "the check value of CRC-8";
  u8 written[] = {0xa0, 4, 200};
  EXPECT_EQ(i2c_smbus_write_byte_data(c, 4, 200), 0);
  EXPECT_EQ(sent(), "SW 4 200 " + std::to_string(i2c_smbus_pec(0, written, 3)) + " P ");
  u8 wire[] = {0xa0, 4, 0xa1, 200};
  chip.bytes[5] = i2c_smbus_pec(0, wire, 4);
  EXPECT_EQ(i2c_smbus_read_byte_data(c, 4), 200);
  chip.bytes[5] ^= 1;
  EXPECT_EQ(i2c_smbus_read_byte_data(c, 4), -EBADMSG);
}

TEST_F(Bus, an_address_has_one_client_and_the_buss_own_have_none) {
  i2c_client* client = client_at(0x50);
  ASSERT_FALSE(IS_ERR(client));
  EXPECT_EQ(PTR_ERR(client_at(0x50)), -EBUSY);
  EXPECT_EQ(PTR_ERR(client_at(0x07)), -EINVAL);
  EXPECT_EQ(PTR_ERR(client_at(0x78)), -EINVAL);
  EXPECT_TRUE(test::logged("Invalid 7-bit I2C address 0x78"));
  i2c_client* dummy = devm_i2c_new_dummy_device(&client->dev, bus, 0x51);
  ASSERT_FALSE(IS_ERR(dummy));
  EXPECT_STREQ(dummy->name, "dummy");
  EXPECT_STREQ(dev_driver_string(&dummy->dev), "dummy");
  EXPECT_EQ(i2c_verify_client(&dummy->dev), dummy);
  EXPECT_EQ(i2c_verify_client(&bus->dev), nullptr);
  int n = 0;
  EXPECT_EQ(i2c_for_each_dev(&n, [](device*, void* count) { return ++*static_cast<int*>(count), 0; }), 0);
  EXPECT_EQ(n, 3);
  i2c_unregister_device(client);
  EXPECT_FALSE(IS_ERR(client_at(0x51))) << "the second address has gone with the first";
  i2c_unregister_device(nullptr);
}

TEST_F(Bus, chips_of_a_board_wait_for_their_bus_and_lists_are_scanned) {
  i2c_board_info info = {};
  strcpy(info.type, "boards");
  info.addr = 0x22;
  EXPECT_EQ(i2c_register_board_info(bus->nr + 1, &info, 1), 0);
  i2c_adapter* next = kmem_i2c_bus("next");
  EXPECT_EQ(next->nr, bus->nr + 1);
  strcpy(info.type, "again");
  EXPECT_EQ(PTR_ERR(i2c_new_client_device(next, &info)), -EBUSY);
  EXPECT_EQ(kmem_i2c_attach(next, 0x31, &chip_of<1>, &chip), 0);
  const unsigned short list[] = {0x30, 0x22, 0x31, I2C_CLIENT_END}, none[] = {0x30, I2C_CLIENT_END};
  i2c_client* found = i2c_new_scanned_device(next, &info, list, nullptr);
  ASSERT_FALSE(IS_ERR(found));
  EXPECT_EQ(found->addr, 0x31);
  EXPECT_EQ(PTR_ERR(i2c_new_scanned_device(next, &info, none, nullptr)), -ENODEV);
  kmem_i2c_bus_remove(next);
}

// An adapter of a driver's own --------------------------------------------------------------------------------------------

int nr_tries, nr_again;
int busy_at_first(i2c_adapter*, i2c_msg*, int n) { return ++nr_tries <= nr_again ? -EAGAIN : n; }
u32 only_bytes(i2c_adapter*) { return I2C_FUNC_SMBUS_BYTE_DATA; }
int smbus_bytes(i2c_adapter*, u16, unsigned short, char read_write, u8 command, int size, i2c_smbus_data* data) {
  if (size != I2C_SMBUS_BYTE_DATA) return -EOPNOTSUPP;
  if (read_write == I2C_SMBUS_READ) data->byte = u8(command + 1);
  return 0;
}

struct Own : testing::Test {
  Own() {
    strcpy(adapter.name, "own");
    nr_tries = 0;
  }
  i2c_algorithm algorithm = {};
  i2c_adapter adapter = {};
  u8 bytes[8] = {};
};

TEST_F(Own, a_transfer_that_lost_the_bus_is_tried_again_so_often_and_no_more) {
  algorithm.master_xfer = busy_at_first;
  algorithm.functionality = only_bytes;
  EXPECT_EQ(i2c_add_adapter(&adapter), -EINVAL);
  adapter.algo = &algorithm;
  adapter.retries = 2;
  adapter.timeout = 3600 * HZ;
  ASSERT_EQ(i2c_add_adapter(&adapter), 0);
  i2c_msg message = {0x40, 0, 1, bytes};
  nr_again = 2;
  EXPECT_EQ(i2c_transfer(&adapter, &message, 1), 1);
  EXPECT_EQ(nr_tries, 3);
  nr_again = 9;
  nr_tries = 0;
  EXPECT_EQ(i2c_transfer(&adapter, &message, 1), -EAGAIN);
  EXPECT_EQ(nr_tries, 3);
  i2c_del_adapter(&adapter);
}

TEST_F(Own, what_an_adapter_cannot_do_is_refused) {
  const i2c_adapter_quirks quirks = {I2C_AQ_COMB_WRITE_THEN_READ | I2C_AQ_NO_ZERO_LEN, 0, 4, 4, 2, 0};
  algorithm.master_xfer = busy_at_first;
  algorithm.functionality = only_bytes;
  adapter.algo = &algorithm;
  adapter.quirks = &quirks;
  nr_again = 0;
  ASSERT_EQ(i2c_add_adapter(&adapter), 0);
  i2c_msg m[3] = {{0x40, 0, 2, bytes}, {0x40, I2C_M_RD, 4, bytes}, {0x40, 0, 1, bytes}};
  EXPECT_EQ(i2c_transfer(&adapter, m, 2), 2);
  EXPECT_EQ(i2c_transfer(&adapter, m, 3), -EOPNOTSUPP) << "too many";
  m[0].len = 3;
  EXPECT_EQ(i2c_transfer(&adapter, m, 2), -EOPNOTSUPP) << "the first of two is too long";
  EXPECT_EQ(i2c_transfer(&adapter, m, 1), 1);
  m[0].len = 0;
  EXPECT_EQ(i2c_transfer(&adapter, m, 1), -EOPNOTSUPP) << "empty";
  m[1].len = 5;
  EXPECT_EQ(i2c_transfer(&adapter, m + 1, 1), -EOPNOTSUPP) << "too long";
  EXPECT_TRUE(test::logged("adapter quirk: msg too long (addr 0x0040)"));
  i2c_del_adapter(&adapter);
}

TEST_F(Own, an_adapter_of_smbus_alone_serves_what_it_can) {
  algorithm.smbus_xfer = smbus_bytes;
  algorithm.functionality = only_bytes;
  adapter.algo = &algorithm;
  adapter.nr = 44;
  ASSERT_EQ(i2c_add_numbered_adapter(&adapter), 0);
  i2c_adapter twin = {};
  strcpy(twin.name, "twin");
  twin.algo = &algorithm;
  twin.nr = 44;
  EXPECT_EQ(i2c_add_numbered_adapter(&twin), -EBUSY);
  EXPECT_EQ(i2c_get_adapter(44), &adapter);
  i2c_put_adapter(&adapter);
  EXPECT_EQ(i2c_get_adapter(45), nullptr);
  i2c_board_info info = {};
  strcpy(info.type, "chip");
  info.addr = 0x40;
  i2c_client* c = i2c_new_client_device(&adapter, &info);
  EXPECT_EQ(i2c_smbus_read_byte_data(c, 7), 8);
  EXPECT_EQ(i2c_smbus_read_word_data(c, 7), -EOPNOTSUPP);
  EXPECT_EQ(i2c_master_recv(c, reinterpret_cast<char*>(bytes), 1), -EOPNOTSUPP);
  EXPECT_EQ(i2c_smbus_read_i2c_block_data_or_emulated(c, 7, 3, bytes), 3);
  EXPECT_EQ(bytes[2], 10);
  regmap_config config = {};
  config.reg_bits = config.val_bits = 8;
  regmap* map = devm_regmap_init_i2c(c, &config);
  unsigned value;
  EXPECT_EQ(regmap_read(map, 9, &value), 0);
  EXPECT_EQ(value, 10u);
  config.val_bits = 16;
  EXPECT_EQ(PTR_ERR(devm_regmap_init_i2c(c, &config)), -ENOTSUPP);
  config.val_bits = 12;
  EXPECT_EQ(PTR_ERR(regmap_init_i2c(c, &config)), -EINVAL);
  i2c_del_adapter(&adapter);
  EXPECT_EQ(i2c_get_adapter(44), nullptr);
}

}  // namespace
