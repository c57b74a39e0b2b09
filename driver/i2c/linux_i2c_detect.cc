// Chips that are looked for: by drivers with detect(), or at the addresses of a list.

#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "i2c/core.h"

namespace {

using namespace kmem_driver;

/// Does a chip acknowledge its address? Some chips are written to by a quick write, so those at their addresses are read.
bool answers(i2c_adapter* adapter, unsigned short address) {
  i2c_smbus_data data;
  const bool fragile = (address & ~0x07) == 0x30 || (address & ~0x0f) == 0x50;
  if (!fragile && i2c_check_functionality(adapter, I2C_FUNC_SMBUS_QUICK))
    return i2c_smbus_xfer(adapter, address, 0, I2C_SMBUS_WRITE, 0, I2C_SMBUS_QUICK, nullptr) >= 0;
  if (!i2c_check_functionality(adapter, I2C_FUNC_SMBUS_READ_BYTE)) return false;
  return i2c_smbus_xfer(adapter, address, 0, I2C_SMBUS_READ, 0, I2C_SMBUS_BYTE, &data) >= 0;
}

/// A client that is no device, for detect() to talk with.
struct Probe {
  i2c_client client = {};
  Probe(i2c_adapter* adapter, unsigned short address) {
    client.adapter = adapter;
    client.addr = address;
    client.dev.parent = &adapter->dev;
    client.dev.init_name = "detect";
  }
};

void try_address(i2c_adapter* adapter, i2c_driver* driver, unsigned short address) {
  if (!i2c::is_address(address) || i2c::is_free(adapter, address) || !answers(adapter, address)) return;
  Probe probe(adapter, address);
  i2c_board_info info = {};
  info.addr = address;
  if (driver->detect(&probe.client, &info)) return;
  if (!info.type[0]) {
    dev_err(&adapter->dev, "%s detection function provided no name for 0x%x\n", driver->driver.name, address);
    return;
  }
  i2c_client* client = i2c_new_client_device(adapter, &info);
  if (!IS_ERR(client)) client->kmem_found_by = driver;
}

int is_found_by(device* dev, const void* driver) {
  const i2c_client* client = i2c_verify_client(dev);
  return client && client->kmem_found_by == driver;
}

}  // namespace

namespace kmem_driver::i2c {

void detect(i2c_adapter* adapter, i2c_driver* driver) {
  if (!driver->detect || !driver->address_list || !(adapter->class_ & driver->class_)) return;
  for (const unsigned short* address = driver->address_list; *address != static_cast<unsigned short>(I2C_CLIENT_END); ++address)
    try_address(adapter, driver, *address);
}

void forget_detected(i2c_driver* driver) {
  while (device* dev = bus_find_device(&kmem_i2c_bus_type, nullptr, driver, is_found_by)) {
    device_unregister(dev);
    put_device(dev);
  }
}

}  // namespace kmem_driver::i2c

extern "C" {

i2c_client* i2c_new_scanned_device(i2c_adapter* adapter, i2c_board_info* info, const unsigned short* addresses,
                                   int (*probe)(i2c_adapter*, unsigned short)) noexcept {
  for (; *addresses != static_cast<unsigned short>(I2C_CLIENT_END); ++addresses) {
    if (!i2c::is_address(*addresses) || i2c::is_free(adapter, *addresses)) continue;
    if (!(probe ? probe(adapter, *addresses) != 0 : answers(adapter, *addresses))) continue;
    info->addr = *addresses;
    return i2c_new_client_device(adapter, info);
  }
  return static_cast<i2c_client*>(ERR_PTR(-ENODEV));
}

}  // extern "C"
