// Devices that measure the machine: a file in /sys for each attribute.

#include <linux/device.h>
#include <linux/err.h>
#include <linux/hwmon.h>
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lock/queued.h"

namespace {

/// The file of one attribute of one channel.
struct Attribute {
  device_attribute file;
  char name[32];
  const hwmon_ops* ops;
  hwmon_sensor_types type;
  u32 attr;
  int channel;
};

struct Hwmon {
  device dev;
  char* name;
  Attribute* attributes;
  attribute** files;  // those that are visible, and null
  attribute_group group;
  const attribute_group** groups;
};
Hwmon* of(device* dev) { return container_of(dev, Hwmon, dev); }

DEFINE_IDA(numbers);

// The names of files ------------------------------------------------------------------------------------------------------

const char* const chip_files[] = {"temp_reset_history",
                                  "in_reset_history",
                                  "curr_reset_history",
                                  "power_reset_history",
                                  nullptr,
                                  "update_interval",
                                  "alarms",
                                  "samples",
                                  "curr_samples",
                                  "in_samples",
                                  "power_samples",
                                  "temp_samples"};
const char* const temp_files[] = {"enable",          "input",     "type",        "lcrit",     "lcrit_hyst", "min",
                                  "min_hyst",        "max",       "max_hyst",    "crit",      "crit_hyst",  "emergency",
                                  "emergency_hyst",  "alarm",     "lcrit_alarm", "min_alarm", "max_alarm",  "crit_alarm",
                                  "emergency_alarm", "fault",     "offset",      "label",     "lowest",     "highest",
                                  "reset_history",   "rated_min", "rated_max"};
const char* const in_files[] = {"enable",    "input",     "min",         "max",           "lcrit",     "crit",
                                "average",   "lowest",    "highest",     "reset_history", "label",     "alarm",
                                "min_alarm", "max_alarm", "lcrit_alarm", "crit_alarm",    "rated_min", "rated_max"};
const char* const power_files[] = {"enable",
                                   "average",
                                   "average_interval",
                                   "interval_max",
                                   "interval_min",
                                   "average_highest",
                                   "average_lowest",
                                   "average_max",
                                   "average_min",
                                   "input",
                                   "input_highest",
                                   "input_lowest",
                                   "reset_history",
                                   "accuracy",
                                   "cap",
                                   "cap_hyst",
                                   "cap_max",
                                   "cap_min",
                                   "min",
                                   "max",
                                   "crit",
                                   "lcrit",
                                   "label",
                                   "alarm",
                                   "cap_alarm",
                                   "min_alarm",
                                   "max_alarm",
                                   "lcrit_alarm",
                                   "crit_alarm",
                                   "rated_min",
                                   "rated_max"};
const char* const energy_files[] = {"enable", "input", "label"};
const char* const humidity_files[] = {"enable",   "input", "label", "min",       "min_hyst", "max",
                                      "max_hyst", "alarm", "fault", "rated_min", "rated_max"};
const char* const fan_files[] = {"enable", "input",  "label", "min",       "max",       "div",
                                 "pulses", "target", "alarm", "min_alarm", "max_alarm", "fault"};
const char* const pwm_files[] = {"", "enable", "mode", "freq", "auto_channels_temp"};
const char* const intrusion_files[] = {"alarm", "beep"};

struct Kind {
  const char* prefix;
  int first;  // the number of channel 0
  const char* const* files;
  u32 nr;
};
template <u32 n>
constexpr Kind kind(const char* prefix, int first, const char* const (&files)[n]) {
  return {prefix, first, files, n};
}
const Kind kinds[hwmon_max] = {kind("", 0, chip_files),
                               kind("temp", 1, temp_files),
                               kind("in", 0, in_files),
                               kind("curr", 1, in_files),
                               kind("power", 1, power_files),
                               kind("energy", 1, energy_files),
                               kind("humidity", 1, humidity_files),
                               kind("fan", 1, fan_files),
                               kind("pwm", 1, pwm_files),
                               kind("intrusion", 0, intrusion_files)};

/// False: such an attribute has no file.
bool name_of(hwmon_sensor_types type, u32 attr, int channel, char (&name)[32]) {
  if (type >= hwmon_max || attr >= kinds[type].nr || !kinds[type].files[attr]) return false;
  const Kind& k = kinds[type];
  if (type == hwmon_chip) scnprintf(name, sizeof(name), "%s", k.files[attr]);
  else scnprintf(name, sizeof(name), "%s%d%s%s", k.prefix, channel + k.first, *k.files[attr] ? "_" : "", k.files[attr]);
  return true;
}

bool is_text(hwmon_sensor_types type, u32 attr) {
  return type != hwmon_chip && attr < kinds[type].nr && !strcmp(kinds[type].files[attr], "label");
}

// What the files do -------------------------------------------------------------------------------------------------------

ssize_t show_value(device* dev, device_attribute* file, char* page) {
  const auto* a = container_of(file, Attribute, file);
  long value = 0;
  const int error = a->ops->read(dev, a->type, a->attr, a->channel, &value);
  return error < 0 ? error : sysfs_emit(page, "%ld\n", value);
}
ssize_t show_text(device* dev, device_attribute* file, char* page) {
  const auto* a = container_of(file, Attribute, file);
  const char* text = "";
  const int error = a->ops->read_string(dev, a->type, a->attr, a->channel, &text);
  return error < 0 ? error : sysfs_emit(page, "%s\n", text);
}
ssize_t store_value(device* dev, device_attribute* file, const char* page, size_t n) {
  const auto* a = container_of(file, Attribute, file);
  long value;
  int error = kstrtol(page, 10, &value);
  if (!error) error = a->ops->write(dev, a->type, a->attr, a->channel, value);
  return error < 0 ? error : static_cast<ssize_t>(n);
}

ssize_t name_show(device* dev, device_attribute*, char* page) { return sysfs_emit(page, "%s\n", of(dev)->name); }
DEVICE_ATTR_RO(name);
umode_t name_is_visible(kobject* kobj, attribute* attr, int) { return of(kobj_to_dev(kobj))->name ? attr->mode : umode_t{0}; }
attribute* common_files[] = {&dev_attr_name.attr, nullptr};
const attribute_group common_group = {nullptr, name_is_visible, nullptr, common_files, nullptr};
const attribute_group* common_groups[] = {&common_group, nullptr};

void free_hwmon(device* dev) {
  Hwmon* h = of(dev);
  ida_free(&numbers, dev->id);
  kfree(h->groups);
  kfree(h->files);
  kfree(h->attributes);
  kfree(h->name);
  kfree(h);
}

/// The class is there from the first device on.
device_class* the_class() {
  static constinit unsigned guard_word = 0;
  static constinit bool made = false;
  static device_class all = {};
  kmem_driver::Guard hold(guard_word);
  if (made) return &all;
  all.name = "hwmon";
  all.dev_groups = common_groups;
  all.dev_release = free_hwmon;
  made = !class_register(&all);
  return made ? &all : nullptr;
}

// Making ------------------------------------------------------------------------------------------------------------------

/// Calls f(type, attribute, channel) for each bit of a chip's channels, until it gives an error.
template <typename F>
int for_each_attribute(const hwmon_chip_info* chip, F f) {
  for (const hwmon_channel_info** info = chip->info; *info; ++info)
    for (int channel = 0; (*info)->config[channel]; ++channel)
      for (u32 attr = 0; attr < 32; ++attr)
        if ((*info)->config[channel] & BIT(attr))
          if (const int error = f((*info)->type, attr, channel)) return error;
  return 0;
}

bool lacks_function(const hwmon_ops* ops, bool text, umode_t mode) {
  if ((mode & 0444) && !(text ? ops->read_string != nullptr : ops->read != nullptr)) return true;
  return (mode & 0222) && !ops->write;
}

/// 1: it has a file; 0: it has none; -EINVAL.
int make_attribute(Attribute* a, const hwmon_chip_info* chip, const void* drvdata) {
  if (a->type >= hwmon_max || a->attr >= kinds[a->type].nr) return -EINVAL;
  if (!name_of(a->type, a->attr, a->channel, a->name)) return 0;
  const umode_t mode = chip->ops->is_visible(drvdata, a->type, a->attr, a->channel);
  if (!mode) return 0;
  const bool text = is_text(a->type, a->attr);
  if (lacks_function(chip->ops, text, mode)) return -EINVAL;
  a->ops = chip->ops;
  a->file.attr = {a->name, mode};
  a->file.show = text ? show_text : show_value;
  a->file.store = store_value;
  return 1;
}

int make_attributes(Hwmon* h, const hwmon_chip_info* chip, const void* drvdata) {
  size_t n = 0, used = 0;
  for_each_attribute(chip, [&](hwmon_sensor_types, u32, int) { return ++n, 0; });
  h->attributes = static_cast<Attribute*>(kcalloc(n, sizeof(Attribute), GFP_KERNEL));
  h->files = static_cast<attribute**>(kcalloc(n + 1, sizeof(attribute*), GFP_KERNEL));
  if (!h->attributes || !h->files) return -ENOMEM;
  return for_each_attribute(chip, [&](hwmon_sensor_types type, u32 attr, int channel) {
    Attribute* a = &h->attributes[used];
    a->type = type;
    a->attr = attr;
    a->channel = channel;
    const int made = make_attribute(a, chip, drvdata);
    if (made > 0) h->files[used++] = &a->file.attr;
    return made < 0 ? made : 0;
  });
}

/// The chip's files, and then the driver's own.
int make_groups(Hwmon* h, const hwmon_chip_info* chip, const void* drvdata, const attribute_group** extra) {
  size_t n = 0;
  while (extra && extra[n]) ++n;
  h->groups = static_cast<const attribute_group**>(kcalloc(n + 2, sizeof(attribute_group*), GFP_KERNEL));
  if (!h->groups) return -ENOMEM;
  if (chip) {
    if (const int error = make_attributes(h, chip, drvdata)) return error;
    h->group.attrs = h->files;
    h->groups[0] = &h->group;
  }
  for (size_t i = 0; i < n; ++i) h->groups[i + (chip ? 1 : 0)] = extra[i];
  return 0;
}

int fill(Hwmon* h, device* parent, const char* name, void* drvdata) {
  h->dev.class_ = the_class();
  h->dev.parent = parent;
  h->dev.groups = h->groups;
  dev_set_drvdata(&h->dev, drvdata);
  if (name) h->name = kstrdup(name, GFP_KERNEL);
  if (!h->dev.class_ || (name && !h->name)) return -ENOMEM;
  return dev_set_name(&h->dev, "hwmon%u", h->dev.id);
}

device* error_of(int error) { return static_cast<device*>(ERR_PTR(error)); }

device* make(device* parent, const char* name, void* drvdata, const hwmon_chip_info* chip, const attribute_group** extra) {
  if (name && (!*name || strpbrk(name, "-* \t\n")))
    dev_warn(parent, "hwmon: '%s' is not a valid name attribute, please fix\n", name);
  const int number = ida_alloc(&numbers, GFP_KERNEL);
  if (number < 0) return error_of(number);
  auto* h = static_cast<Hwmon*>(kzalloc(sizeof(Hwmon), GFP_KERNEL));
  if (!h) {
    ida_free(&numbers, static_cast<unsigned>(number));
    return error_of(-ENOMEM);
  }
  device_initialize(&h->dev);
  h->dev.id = static_cast<u32>(number);
  h->dev.release = free_hwmon;
  int error = make_groups(h, chip, drvdata, extra);
  if (!error) error = fill(h, parent, name, drvdata);
  if (!error) error = device_add(&h->dev);
  if (!error) return &h->dev;
  put_device(&h->dev);
  return error_of(error);
}

void unregister_noted(device*, void* noted) { hwmon_device_unregister(*static_cast<device**>(noted)); }
int is_any(device*, void*, void*) { return 1; }

template <typename Make>
device* noted(device* dev, Make register_it) {
  if (!dev) return error_of(-EINVAL);
  auto* note = static_cast<device**>(devres_alloc(unregister_noted, sizeof(device*), GFP_KERNEL));
  if (!note) return error_of(-ENOMEM);
  device* made = register_it();
  *note = made;
  if (IS_ERR(made)) devres_free(note);
  else devres_add(dev, note);
  return made;
}

char* sanitize(char* name) {
  for (char* c = name; c && *c; ++c)
    if (hwmon_is_bad_char(*c)) *c = '_';
  return name ? name : static_cast<char*>(ERR_PTR(-ENOMEM));
}

}  // namespace

extern "C" {

device* hwmon_device_register_with_info(device* dev, const char* name, void* drvdata, const hwmon_chip_info* chip,
                                        const attribute_group** extra) noexcept {
  if (!dev || !name) return error_of(-EINVAL);
  if (chip && (!chip->ops || !chip->ops->is_visible || !chip->info)) return error_of(-EINVAL);
  return make(dev, name, drvdata, chip, extra);
}
device* hwmon_device_register_with_groups(device* dev, const char* name, void* drvdata,
                                          const attribute_group** groups) noexcept {
  return name ? make(dev, name, drvdata, nullptr, groups) : error_of(-EINVAL);
}
device* hwmon_device_register(device* dev) noexcept {
  dev_warn(dev, "hwmon_device_register() is deprecated. hwmon_device_register_with_info() gives the device its files\n");
  return make(dev, nullptr, nullptr, nullptr, nullptr);
}
void hwmon_device_unregister(device* dev) noexcept { device_unregister(dev); }

device* devm_hwmon_device_register_with_info(device* dev, const char* name, void* drvdata, const hwmon_chip_info* chip,
                                             const attribute_group** extra) noexcept {
  return noted(dev, [=] { return hwmon_device_register_with_info(dev, name, drvdata, chip, extra); });
}
device* devm_hwmon_device_register_with_groups(device* dev, const char* name, void* drvdata,
                                               const attribute_group** groups) noexcept {
  return noted(dev, [=] { return hwmon_device_register_with_groups(dev, name, drvdata, groups); });
}
void devm_hwmon_device_unregister(device* dev) noexcept { WARN_ON(devres_release(dev, unregister_noted, is_any, nullptr)); }

int hwmon_notify_event(device* dev, hwmon_sensor_types type, u32 attr, int channel) noexcept {
  char name[32], event[40];
  if (!name_of(type, attr, channel, name)) return -EINVAL;
  scnprintf(event, sizeof(event), "NAME=%s", name);
  char* more[] = {event, nullptr};
  sysfs_notify(&dev->kobj, nullptr, name);
  kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, more);
  return 0;
}

char* hwmon_sanitize_name(const char* name) noexcept { return sanitize(kstrdup(name, GFP_KERNEL)); }
char* devm_hwmon_sanitize_name(device* dev, const char* name) noexcept { return sanitize(devm_kstrdup(dev, name, GFP_KERNEL)); }

}  // extern "C"
