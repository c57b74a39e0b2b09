// A two-wire bus whose chips are functions, byte by byte.

#include <kmem/simulated.h>
#include <linux/err.h>
#include <linux/i2c.h>
#include <linux/slab.h>
#include <linux/string.h>

namespace {

struct Chip {
  const kmem_i2c_chip* ops;
  void* device;
};
struct Bus {
  i2c_adapter adapter;
  Chip chips[128];  // by address; the adapter's lock guards them
};
Bus* bus_of(i2c_adapter* adapter) { return container_of(adapter, Bus, adapter); }

u8 read_byte(const Chip* chip) { return chip->ops->read ? chip->ops->read(chip->device) : u8{0xff}; }

/// The chip says by its first byte how many follow.
int receive_counted(const Chip* chip, i2c_msg* m) {
  m->buf[0] = read_byte(chip);
  if (!m->buf[0] || m->buf[0] > I2C_SMBUS_BLOCK_MAX) return -EPROTO;
  m->len = static_cast<u16>(m->len + m->buf[0]);
  for (unsigned i = 1; i < m->len; ++i) m->buf[i] = read_byte(chip);
  return 0;
}

int pass(const Chip* chip, i2c_msg* m) {
  const bool reads = (m->flags & I2C_M_RD) != 0;
  if (!chip->ops) return -ENXIO;
  if (chip->ops->start) chip->ops->start(chip->device, reads);
  if (reads && m->flags & I2C_M_RECV_LEN) return receive_counted(chip, m);
  for (unsigned i = 0; i < m->len; ++i) {
    if (reads) m->buf[i] = read_byte(chip);
    else if (!chip->ops->write || chip->ops->write(chip->device, m->buf[i])) return -EIO;
  }
  return 0;
}

int transfer(i2c_adapter* adapter, i2c_msg* messages, int n) {
  int error = 0, done = 0;
  while (done < n && !error) {
    const Chip* chip = &bus_of(adapter)->chips[messages[done].addr & 127];
    error = pass(chip, &messages[done]);
    const bool ends = error || done + 1 == n || messages[done + 1].addr != messages[done].addr;
    if (ends && chip->ops && chip->ops->stop) chip->ops->stop(chip->device);
    if (!error) ++done;
  }
  return error ? error : done;
}

u32 functionality(i2c_adapter*) { return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL_ALL; }

constexpr i2c_algorithm make_algorithm() {
  i2c_algorithm a = {};
  a.master_xfer = transfer;
  a.functionality = functionality;
  return a;
}
constexpr i2c_algorithm kAlgorithm = make_algorithm();

int put_chip(i2c_adapter* adapter, unsigned address, const kmem_i2c_chip* ops, void* device) {
  if (address > 127) return -EINVAL;
  i2c_lock_bus(adapter, I2C_LOCK_ROOT_ADAPTER);
  Chip* chip = &bus_of(adapter)->chips[address];
  const int error = ops && chip->ops ? -EBUSY : 0;
  if (!error) *chip = {ops, device};
  i2c_unlock_bus(adapter, I2C_LOCK_ROOT_ADAPTER);
  return error;
}

}  // namespace

extern "C" {

i2c_adapter* kmem_i2c_bus(const char* name) noexcept {
  auto* bus = static_cast<Bus*>(kzalloc(sizeof(Bus), GFP_KERNEL));
  if (!bus) return static_cast<i2c_adapter*>(ERR_PTR(-ENOMEM));
  strscpy(bus->adapter.name, name, sizeof(bus->adapter.name));
  bus->adapter.algo = &kAlgorithm;
  bus->adapter.class_ = I2C_CLASS_HWMON | I2C_CLASS_SPD | I2C_CLASS_DDC;
  const int error = i2c_add_adapter(&bus->adapter);
  if (!error) return &bus->adapter;
  kfree(bus);
  return static_cast<i2c_adapter*>(ERR_PTR(error));
}
void kmem_i2c_bus_remove(i2c_adapter* adapter) noexcept {
  i2c_del_adapter(adapter);
  kfree(bus_of(adapter));
}
int kmem_i2c_attach(i2c_adapter* adapter, unsigned address, const kmem_i2c_chip* chip, void* device) noexcept {
  return chip ? put_chip(adapter, address, chip, device) : -EINVAL;
}
int kmem_i2c_detach(i2c_adapter* adapter, unsigned address) noexcept { return put_chip(adapter, address, nullptr, nullptr); }

}  // extern "C"
