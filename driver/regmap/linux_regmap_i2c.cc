// Registers of a chip on a two-wire bus: its number goes out, and then the value, or the value comes in.

#include <linux/i2c.h>
#include <linux/kernel.h>
#include <linux/regmap.h>
#include <linux/slab.h>

namespace {

struct Chip {
  i2c_client* client;
  unsigned reg_bytes, value_bytes;
  bool reg_big, value_big;
};

void put(u8* to, unsigned bytes, bool big, unsigned value) {
  for (unsigned i = 0; i < bytes; ++i) to[big ? bytes - 1 - i : i] = static_cast<u8>(value >> (8 * i));
}
unsigned take(const u8* from, unsigned bytes, bool big) {
  unsigned value = 0;
  for (unsigned i = 0; i < bytes; ++i) value |= static_cast<unsigned>(from[big ? bytes - 1 - i : i]) << (8 * i);
  return value;
}

int write(void* context, unsigned reg, unsigned value) {
  const auto* c = static_cast<Chip*>(context);
  u8 out[8];
  put(out, c->reg_bytes, c->reg_big, reg);
  put(out + c->reg_bytes, c->value_bytes, c->value_big, value);
  const int length = static_cast<int>(c->reg_bytes + c->value_bytes);
  const int done = i2c_master_send(c->client, reinterpret_cast<char*>(out), length);
  return done == length ? 0 : done < 0 ? done : -EIO;
}

int read(void* context, unsigned reg, unsigned* value) {
  const auto* c = static_cast<Chip*>(context);
  u8 out[4], in[4];
  put(out, c->reg_bytes, c->reg_big, reg);
  i2c_msg both[] = {{c->client->addr, 0, static_cast<u16>(c->reg_bytes), out},
                    {c->client->addr, I2C_M_RD, static_cast<u16>(c->value_bytes), in}};
  const int done = i2c_transfer(c->client->adapter, both, 2);
  if (done != 2) return done < 0 ? done : -EIO;
  *value = take(in, c->value_bytes, c->value_big);
  return 0;
}

// Adapters that know SMBus alone.
int write_smbus(void* context, unsigned reg, unsigned value) {
  const auto* c = static_cast<Chip*>(context);
  const u8 at = static_cast<u8>(reg);
  if (c->value_bytes == 1) return i2c_smbus_write_byte_data(c->client, at, static_cast<u8>(value));
  const u16 word = static_cast<u16>(value);
  return c->value_big ? i2c_smbus_write_word_swapped(c->client, at, word) : i2c_smbus_write_word_data(c->client, at, word);
}
int read_smbus(void* context, unsigned reg, unsigned* value) {
  const auto* c = static_cast<Chip*>(context);
  const u8 at = static_cast<u8>(reg);
  int got;
  if (c->value_bytes == 1) got = i2c_smbus_read_byte_data(c->client, at);
  else got = c->value_big ? i2c_smbus_read_word_swapped(c->client, at) : i2c_smbus_read_word_data(c->client, at);
  if (got < 0) return got;
  *value = static_cast<unsigned>(got);
  return 0;
}

void free_chip(void* context) { kfree(context); }
const regmap_bus by_messages = {false, write, read, free_chip};
const regmap_bus by_smbus = {false, write_smbus, read_smbus, free_chip};

regmap* error_of(int error) { return static_cast<regmap*>(ERR_PTR(error)); }
bool is_little(regmap_endian endian) { return endian == REGMAP_ENDIAN_LITTLE || endian == REGMAP_ENDIAN_NATIVE; }

/// Null: no such registers can be reached by this adapter.
const regmap_bus* way_to(i2c_adapter* adapter, const regmap_config* c) {
  if (i2c_check_functionality(adapter, I2C_FUNC_I2C)) return &by_messages;
  if (c->reg_bits != 8 || c->val_bits > 16) return nullptr;
  const u32 needed = c->val_bits == 8 ? I2C_FUNC_SMBUS_BYTE_DATA : I2C_FUNC_SMBUS_WORD_DATA;
  return i2c_check_functionality(adapter, needed) ? &by_smbus : nullptr;
}

bool fits(const regmap_config* c) {
  return c && (c->reg_bits == 8 || c->reg_bits == 16) && c->val_bits >= 8 && c->val_bits <= 32 && c->val_bits % 8 == 0;
}

template <typename Make>
regmap* make(i2c_client* client, const regmap_config* c, Make init) {
  if (!fits(c)) return error_of(-EINVAL);
  const regmap_bus* bus = way_to(client->adapter, c);
  if (!bus) return error_of(-ENOTSUPP);
  auto* chip = static_cast<Chip*>(kmalloc(sizeof(Chip), GFP_KERNEL));
  if (!chip) return error_of(-ENOMEM);
  *chip = {client, static_cast<unsigned>(c->reg_bits) / 8, static_cast<unsigned>(c->val_bits) / 8,
           !is_little(c->reg_format_endian), !is_little(c->val_format_endian)};
  regmap* map = init(bus, chip);
  if (IS_ERR(map)) kfree(chip);
  return map;
}

}  // namespace

extern "C" {

regmap* regmap_init_i2c(i2c_client* client, const regmap_config* config) noexcept {
  return make(client, config, [=](const regmap_bus* bus, Chip* chip) { return regmap_init(&client->dev, bus, chip, config); });
}
regmap* devm_regmap_init_i2c(i2c_client* client, const regmap_config* config) noexcept {
  return make(client, config,
              [=](const regmap_bus* bus, Chip* chip) { return devm_regmap_init(&client->dev, bus, chip, config); });
}

}  // extern "C"
