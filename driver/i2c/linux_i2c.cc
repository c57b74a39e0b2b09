// Two-wire buses: adapters, the chips on them, and their drivers.

#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bus/devices.h"
#include "i2c/core.h"
#include "lock/mutex_hold.h"
#include "lock/queued.h"
#include "tree/xarray_nodes.h"

namespace {

using namespace kmem_driver;

DEFINE_MUTEX(list_lock);  // guards the next
DEFINE_IDR(adapters);
DEFINE_MUTEX(boards_lock);  // guards the next; probe() is called with it
LIST_HEAD(boards);

/// A chip of a bus that may come later.
struct Board {
  list_head list;
  int bus;
  i2c_board_info info;
};

// The bus ----------------------------------------------------------------------------------------------------------------

const device_type client_type = {
    .name = "i2c_client", .groups = nullptr, .uevent = nullptr, .devnode = nullptr, .release = nullptr};
const device_type adapter_type = {
    .name = "i2c_adapter", .groups = nullptr, .uevent = nullptr, .devnode = nullptr, .release = nullptr};

int match(device* dev, device_driver* driver) {
  const i2c_client* client = i2c_verify_client(dev);
  return client && i2c_match_id(to_i2c_driver(driver)->id_table, client) != nullptr;
}

int probe(device* dev) {
  i2c_client* client = to_i2c_client(dev);
  const i2c_driver* driver = to_i2c_driver(dev->driver);
  if (driver->probe_new) return driver->probe_new(client);
  return driver->probe ? driver->probe(client, i2c_match_id(driver->id_table, client)) : -EINVAL;
}
void remove(device* dev) {
  const i2c_driver* driver = to_i2c_driver(dev->driver);
  if (driver->remove) driver->remove(to_i2c_client(dev));
}

int uevent(device* dev, kobj_uevent_env* env) {
  const i2c_client* client = i2c_verify_client(dev);
  return client ? add_uevent_var(env, "MODALIAS=" I2C_MODULE_PREFIX "%s", client->name) : 0;
}

ssize_t name_show(device* dev, device_attribute*, char* page) {
  const i2c_client* client = i2c_verify_client(dev);
  return sysfs_emit(page, "%s\n", client ? client->name : to_i2c_adapter(dev)->name);
}
DEVICE_ATTR_RO(name);
ssize_t modalias_show(device* dev, device_attribute*, char* page) {
  return sysfs_emit(page, I2C_MODULE_PREFIX "%s\n", to_i2c_client(dev)->name);
}
DEVICE_ATTR_RO(modalias);
umode_t is_visible(kobject* kobj, attribute* attr, int n) {
  return n == 0 || i2c_verify_client(kobj_to_dev(kobj)) ? attr->mode : umode_t{0};
}
attribute* i2c_attrs[] = {&dev_attr_name.attr, &dev_attr_modalias.attr, nullptr};
const attribute_group i2c_group = {nullptr, is_visible, nullptr, i2c_attrs, nullptr};
const attribute_group* i2c_groups[] = {&i2c_group, nullptr};

constexpr bus_type make_bus() {
  bus_type bus = {};
  bus.name = "i2c";
  bus.match = match;
  bus.probe = probe;
  bus.remove = remove;
  bus.uevent = uevent;
  return bus;
}

bool i2c_is_there() { return bus_is_there(kmem_i2c_bus_type, i2c_groups); }

// Chips ------------------------------------------------------------------------------------------------------------------

void free_client(device* dev) { kfree(to_i2c_client(dev)); }

i2c_client* error_of(int error) { return static_cast<i2c_client*>(ERR_PTR(error)); }

int name_client(i2c_client* client, const i2c_board_info* info) {
  if (info->dev_name) return dev_set_name(&client->dev, "i2c-%s", info->dev_name);
  return dev_set_name(&client->dev, "%d-%04x", client->adapter->nr, client->addr);
}

i2c_client* make_client(i2c_adapter* adapter, const i2c_board_info* info) {
  auto* client = static_cast<i2c_client*>(kzalloc(sizeof(i2c_client), GFP_KERNEL));
  if (!client) return nullptr;
  device_initialize(&client->dev);
  client->adapter = adapter;
  client->addr = info->addr;
  client->flags = info->flags;
  client->irq = info->irq;
  strscpy(client->name, info->type, sizeof(client->name));
  client->dev.parent = &adapter->dev;
  client->dev.bus = &kmem_i2c_bus_type;
  client->dev.type = &client_type;
  client->dev.release = free_client;
  client->dev.platform_data = info->platform_data;
  client->dev.of_node = info->of_node;
  client->dev.fwnode = info->fwnode;
  return client;
}

void unregister_noted(void* client) { i2c_unregister_device(static_cast<i2c_client*>(client)); }
void delete_noted(void* adapter) { i2c_del_adapter(static_cast<i2c_adapter*>(adapter)); }

const i2c_device_id dummy_ids[] = {{"dummy", 0}, {}};
int probe_dummy(i2c_client*, const i2c_device_id*) { return 0; }
/// Keeps other drivers away from a chip's second address.
int add_dummy_driver() {
  static constinit unsigned guard_of_dummy = 0;
  static constinit bool made = false;
  static i2c_driver driver = {};
  Guard hold(guard_of_dummy);
  if (made) return 0;
  driver.driver.name = "dummy";
  driver.probe = probe_dummy;
  driver.id_table = dummy_ids;
  const int error = i2c_register_driver(nullptr, &driver);
  made = !error;
  return error;
}

// Adapters ---------------------------------------------------------------------------------------------------------------

int take_number(i2c_adapter* adapter, int nr) {
  MutexHold hold(list_lock);
  const int taken =
      nr < 0 ? idr_alloc(&adapters, adapter, 0, 0, GFP_KERNEL) : idr_alloc(&adapters, adapter, nr, nr + 1, GFP_KERNEL);
  if (taken >= 0) adapter->nr = taken;
  return taken == -ENOSPC ? -EBUSY : taken < 0 ? taken : 0;
}
void give_number(const i2c_adapter* adapter) {
  MutexHold hold(list_lock);
  idr_remove(&adapters, static_cast<unsigned long>(adapter->nr));
}

void add_boards_chips(i2c_adapter* adapter) {
  MutexHold hold(boards_lock);
  Board* board;
  list_for_each_entry(board, &boards, list) {
    if (board->bus != adapter->nr) continue;
    if (IS_ERR(i2c_new_client_device(adapter, &board->info)))
      dev_err(&adapter->dev, "Can't create device at 0x%02x\n", board->info.addr);
  }
}

int detect_by(device_driver* driver, void* adapter) {
  i2c::detect(static_cast<i2c_adapter*>(adapter), to_i2c_driver(driver));
  return 0;
}

/// The adapter belongs to its driver, which must not free it before i2c_del_adapter() has returned.
void release_adapter(device*) {}

int add(i2c_adapter* adapter, int nr) {
  if (!adapter->name[0] || !adapter->algo || (!adapter->algo->master_xfer && !adapter->algo->smbus_xfer)) return -EINVAL;
  if (!i2c_is_there()) return -ENOMEM;
  prepare_xarrays();
  if (const int error = take_number(adapter, nr)) return error;
  mutex_init(&adapter->kmem_bus);
  if (!adapter->timeout) adapter->timeout = HZ;
  adapter->dev.bus = &kmem_i2c_bus_type;
  adapter->dev.type = &adapter_type;
  adapter->dev.release = release_adapter;
  adapter->dev.kobj = {};
  adapter->dev.init_name = nullptr;
  device_initialize(&adapter->dev);
  int error = dev_set_name(&adapter->dev, "i2c-%d", adapter->nr);
  if (!error) error = device_add(&adapter->dev);
  if (error) {
    give_number(adapter);
    return error;
  }
  add_boards_chips(adapter);
  bus_for_each_drv(&kmem_i2c_bus_type, nullptr, adapter, detect_by);
  return 0;
}

int is_any(device* dev, void*) { return i2c_verify_client(dev) != nullptr; }
/// The last first, as each may have been made by one that was there before.
void remove_clients(i2c_adapter* adapter) {
  while (device* dev = device_find_child(&adapter->dev, nullptr, is_any)) {
    device_unregister(dev);
    put_device(dev);
  }
}

int has_address(device* dev, void* address) {
  const i2c_client* client = i2c_verify_client(dev);
  return client && client->addr == *static_cast<unsigned*>(address);
}

}  // namespace

namespace kmem_driver::i2c {

int is_free(i2c_adapter* adapter, unsigned address) {
  device* dev = device_find_child(&adapter->dev, &address, has_address);
  put_device(dev);
  return dev ? -EBUSY : 0;
}

void for_each_adapter(void (*f)(i2c_adapter*, void*), void* data) {
  for (int nr = 0;; ++nr) {
    i2c_adapter* adapter;
    {
      MutexHold hold(list_lock);
      adapter = static_cast<i2c_adapter*>(idr_get_next(&adapters, &nr));
      if (!adapter) return;
      get_device(&adapter->dev);
    }
    f(adapter, data);
    i2c_put_adapter(adapter);
  }
}

}  // namespace kmem_driver::i2c

extern "C" {

constinit bus_type kmem_i2c_bus_type = make_bus();

int i2c_add_adapter(i2c_adapter* adapter) noexcept { return add(adapter, -1); }
int i2c_add_numbered_adapter(i2c_adapter* adapter) noexcept { return add(adapter, adapter->nr); }
int devm_i2c_add_adapter(device* dev, i2c_adapter* adapter) noexcept {
  const int error = i2c_add_adapter(adapter);
  return error ? error : devm_add_action_or_reset(dev, delete_noted, adapter);
}
void i2c_del_adapter(i2c_adapter* adapter) noexcept {
  if (i2c_get_adapter(adapter->nr) != adapter) return;
  i2c_put_adapter(adapter);
  remove_clients(adapter);
  give_number(adapter);
  device_unregister(&adapter->dev);
}
i2c_adapter* i2c_get_adapter(int nr) noexcept {
  MutexHold hold(list_lock);
  auto* adapter = nr < 0 ? nullptr : static_cast<i2c_adapter*>(idr_find(&adapters, static_cast<unsigned long>(nr)));
  if (adapter) get_device(&adapter->dev);
  return adapter;
}
void i2c_put_adapter(i2c_adapter* adapter) noexcept {
  if (adapter) put_device(&adapter->dev);
}
int i2c_for_each_dev(void* data, int (*visit)(device*, void*)) noexcept {
  return i2c_is_there() ? bus_for_each_dev(&kmem_i2c_bus_type, nullptr, data, visit) : -ENOMEM;
}

int i2c_register_board_info(int bus, const i2c_board_info* info, unsigned n) noexcept {
  for (unsigned i = 0; i < n; ++i) {
    auto* board = static_cast<Board*>(kzalloc(sizeof(Board), GFP_KERNEL));
    if (!board) return -ENOMEM;
    board->bus = bus;
    board->info = info[i];
    MutexHold hold(boards_lock);
    list_add_tail(&board->list, &boards);
  }
  return 0;
}

i2c_client* i2c_new_client_device(i2c_adapter* adapter, const i2c_board_info* info) noexcept {
  if (!i2c::is_address(info->addr) || info->flags & I2C_CLIENT_TEN) {
    dev_err(&adapter->dev, "Invalid %s I2C address 0x%02x\n", info->flags & I2C_CLIENT_TEN ? "10-bit" : "7-bit", info->addr);
    return error_of(-EINVAL);
  }
  if (const int error = i2c::is_free(adapter, info->addr)) {
    dev_err(&adapter->dev, "Failed to register i2c client %s at 0x%02x (%d)\n", info->type, info->addr, error);
    return error_of(error);
  }
  i2c_client* client = make_client(adapter, info);
  if (!client) return error_of(-ENOMEM);
  int error = name_client(client, info);
  if (!error) error = device_add(&client->dev);
  if (!error) return client;
  put_device(&client->dev);
  return error_of(error);
}

i2c_client* i2c_new_dummy_device(i2c_adapter* adapter, u16 address) noexcept {
  i2c_board_info info = {};
  strscpy(info.type, "dummy", sizeof(info.type));
  info.addr = address;
  const int error = add_dummy_driver();
  return error ? error_of(error) : i2c_new_client_device(adapter, &info);
}
i2c_client* devm_i2c_new_dummy_device(device* dev, i2c_adapter* adapter, u16 address) noexcept {
  i2c_client* client = i2c_new_dummy_device(adapter, address);
  if (IS_ERR(client)) return client;
  const int error = devm_add_action_or_reset(dev, unregister_noted, client);
  return error ? error_of(error) : client;
}
void i2c_unregister_device(i2c_client* client) noexcept {
  if (!IS_ERR_OR_NULL(client)) device_unregister(&client->dev);
}
i2c_client* i2c_verify_client(device* dev) noexcept { return dev->type == &client_type ? to_i2c_client(dev) : nullptr; }

const i2c_device_id* i2c_match_id(const i2c_device_id* table, const i2c_client* client) noexcept {
  for (; table && table->name[0]; ++table)
    if (!strcmp(table->name, client->name)) return table;
  return nullptr;
}
const i2c_device_id* i2c_client_get_device_id(const i2c_client* client) noexcept {
  const device_driver* driver = client->dev.driver;
  return driver ? i2c_match_id(to_i2c_driver(driver)->id_table, client) : nullptr;
}

int i2c_register_driver(module* owner, i2c_driver* driver) noexcept {
  if (!i2c_is_there()) return -ENOMEM;
  driver->driver.owner = owner;
  driver->driver.bus = &kmem_i2c_bus_type;
  if (const int error = driver_register(&driver->driver)) return error;
  i2c::for_each_adapter([](i2c_adapter* adapter, void* of) { i2c::detect(adapter, static_cast<i2c_driver*>(of)); }, driver);
  return 0;
}
void i2c_del_driver(i2c_driver* driver) noexcept {
  i2c::forget_detected(driver);
  driver_unregister(&driver->driver);
}

}  // extern "C"
