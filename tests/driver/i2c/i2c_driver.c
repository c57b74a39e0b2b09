// A driver of a thermometer on a two-wire bus as it is written for the kernel, with its probe() of before 6.3.
#include <linux/err.h>
#include <linux/hwmon.h>
#include <linux/i2c.h>
#include <linux/module.h>
#include <linux/regmap.h>
#include <linux/slab.h>

#define REG_TEMPERATURE 0
#define REG_LIMIT 3
#define REG_ID 7

struct thermometer {
  struct i2c_client* client;
  struct regmap* regmap;
  long step;
};

static int thermometer_read(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, long* val) {
  struct thermometer* t = dev_get_drvdata(dev);
  unsigned int value;
  int error = regmap_read(t->regmap, attr == hwmon_temp_input ? REG_TEMPERATURE : REG_LIMIT, &value);

  if (error) return error;
  *val = (s16)value * t->step;
  return 0;
}
static int thermometer_write(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, long val) {
  struct thermometer* t = dev_get_drvdata(dev);

  return regmap_write(t->regmap, REG_LIMIT, (u16)(val / t->step));
}
static umode_t thermometer_is_visible(const void* data, enum hwmon_sensor_types type, u32 attr, int channel) {
  return attr == hwmon_temp_max ? 0644 : 0444;
}
static const struct hwmon_ops thermometer_ops = {
    .is_visible = thermometer_is_visible, .read = thermometer_read, .write = thermometer_write};
static const struct hwmon_channel_info* thermometer_info[] = {HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_MAX), NULL};
static const struct hwmon_chip_info thermometer_chip = {.ops = &thermometer_ops, .info = thermometer_info};
static const struct regmap_config thermometer_registers = {.reg_bits = 8, .val_bits = 16, .max_register = REG_ID};

static int thermometer_probe(struct i2c_client* client, const struct i2c_device_id* id) {
  struct thermometer* t;

  if (!i2c_check_functionality(client->adapter, I2C_FUNC_SMBUS_WORD_DATA)) return -EIO;
  if (i2c_smbus_read_word_swapped(client, REG_ID) != 0x7500) return -ENODEV;
  t = devm_kzalloc(&client->dev, sizeof(*t), GFP_KERNEL);
  if (!t) return -ENOMEM;
  t->client = client;
  t->step = id->driver_data;
  t->regmap = devm_regmap_init_i2c(client, &thermometer_registers);
  if (IS_ERR(t->regmap)) return PTR_ERR(t->regmap);
  i2c_set_clientdata(client, t);
  return PTR_ERR_OR_ZERO(devm_hwmon_device_register_with_info(&client->dev, client->name, t, &thermometer_chip, NULL));
}
static void thermometer_remove(struct i2c_client* client) {
  struct thermometer* t = i2c_get_clientdata(client);

  dev_info(&client->dev, "gone, step %ld\n", t->step);
}

static int thermometer_detect(struct i2c_client* client, struct i2c_board_info* info) {
  if (i2c_smbus_read_word_swapped(client, REG_ID) != 0x7500) return -ENODEV;
  strscpy(info->type, "fine75", I2C_NAME_SIZE);
  return 0;
}

static const struct i2c_device_id thermometer_ids[] = {{"coarse75", 500}, {"fine75", 125}, {}};
MODULE_DEVICE_TABLE(i2c, thermometer_ids);
static const unsigned short addresses[] = {0x48, 0x49, 0x4a, I2C_CLIENT_END};

static struct i2c_driver thermometer_driver = {
    .class = I2C_CLASS_HWMON,
    .probe = thermometer_probe,
    .remove = thermometer_remove,
    .driver = {.name = "thermometer"},
    .id_table = thermometer_ids,
    .detect = thermometer_detect,
    .address_list = addresses,
};
module_i2c_driver(thermometer_driver);

MODULE_LICENSE("GPL");
