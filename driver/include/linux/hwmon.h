#ifndef KMEM_LINUX_HWMON_H
#define KMEM_LINUX_HWMON_H
/* Devices that measure the machine: temperatures, voltages, fans.  Each is /sys/class/hwmon/hwmon<n>, with a file for each
 * attribute that its driver has: temp1_input, in0_max, pwm1_enable.  Voltages and intrusions count from 0, others from 1.
 *
 * A driver either describes its channels, and functions read and write the values, or brings the files itself
 * (<linux/hwmon-sysfs.h>).  Temperatures are in millidegrees, voltages and currents in thousandths, power in millionths.
 *
 * Task context.  What differs: there are no thermal zones, so HWMON_C_REGISTER_TZ makes none, as in a kernel without them.
 * Meaning: the kernel's Documentation/hwmon/hwmon-kernel-api.rst. */
#include <kmem/driver_face.h>
#include <linux/bits.h>
#include <linux/types.h>

struct attribute_group;
struct device;

enum hwmon_sensor_types {
  hwmon_chip,
  hwmon_temp,
  hwmon_in,
  hwmon_curr,
  hwmon_power,
  hwmon_energy,
  hwmon_humidity,
  hwmon_fan,
  hwmon_pwm,
  hwmon_intrusion,
  hwmon_max
};
enum hwmon_chip_attributes {
  hwmon_chip_temp_reset_history,
  hwmon_chip_in_reset_history,
  hwmon_chip_curr_reset_history,
  hwmon_chip_power_reset_history,
  hwmon_chip_register_tz,
  hwmon_chip_update_interval,
  hwmon_chip_alarms,
  hwmon_chip_samples,
  hwmon_chip_curr_samples,
  hwmon_chip_in_samples,
  hwmon_chip_power_samples,
  hwmon_chip_temp_samples
};
#define HWMON_C_TEMP_RESET_HISTORY BIT(hwmon_chip_temp_reset_history)
#define HWMON_C_IN_RESET_HISTORY BIT(hwmon_chip_in_reset_history)
#define HWMON_C_CURR_RESET_HISTORY BIT(hwmon_chip_curr_reset_history)
#define HWMON_C_POWER_RESET_HISTORY BIT(hwmon_chip_power_reset_history)
#define HWMON_C_REGISTER_TZ BIT(hwmon_chip_register_tz)
#define HWMON_C_UPDATE_INTERVAL BIT(hwmon_chip_update_interval)
#define HWMON_C_ALARMS BIT(hwmon_chip_alarms)
#define HWMON_C_SAMPLES BIT(hwmon_chip_samples)
#define HWMON_C_CURR_SAMPLES BIT(hwmon_chip_curr_samples)
#define HWMON_C_IN_SAMPLES BIT(hwmon_chip_in_samples)
#define HWMON_C_POWER_SAMPLES BIT(hwmon_chip_power_samples)
#define HWMON_C_TEMP_SAMPLES BIT(hwmon_chip_temp_samples)

enum hwmon_temp_attributes {
  hwmon_temp_enable,
  hwmon_temp_input,
  hwmon_temp_type,
  hwmon_temp_lcrit,
  hwmon_temp_lcrit_hyst,
  hwmon_temp_min,
  hwmon_temp_min_hyst,
  hwmon_temp_max,
  hwmon_temp_max_hyst,
  hwmon_temp_crit,
  hwmon_temp_crit_hyst,
  hwmon_temp_emergency,
  hwmon_temp_emergency_hyst,
  hwmon_temp_alarm,
  hwmon_temp_lcrit_alarm,
  hwmon_temp_min_alarm,
  hwmon_temp_max_alarm,
  hwmon_temp_crit_alarm,
  hwmon_temp_emergency_alarm,
  hwmon_temp_fault,
  hwmon_temp_offset,
  hwmon_temp_label,
  hwmon_temp_lowest,
  hwmon_temp_highest,
  hwmon_temp_reset_history,
  hwmon_temp_rated_min,
  hwmon_temp_rated_max
};
#define HWMON_T_ENABLE BIT(hwmon_temp_enable)
#define HWMON_T_INPUT BIT(hwmon_temp_input)
#define HWMON_T_TYPE BIT(hwmon_temp_type)
#define HWMON_T_LCRIT BIT(hwmon_temp_lcrit)
#define HWMON_T_LCRIT_HYST BIT(hwmon_temp_lcrit_hyst)
#define HWMON_T_MIN BIT(hwmon_temp_min)
#define HWMON_T_MIN_HYST BIT(hwmon_temp_min_hyst)
#define HWMON_T_MAX BIT(hwmon_temp_max)
#define HWMON_T_MAX_HYST BIT(hwmon_temp_max_hyst)
#define HWMON_T_CRIT BIT(hwmon_temp_crit)
#define HWMON_T_CRIT_HYST BIT(hwmon_temp_crit_hyst)
#define HWMON_T_EMERGENCY BIT(hwmon_temp_emergency)
#define HWMON_T_EMERGENCY_HYST BIT(hwmon_temp_emergency_hyst)
#define HWMON_T_ALARM BIT(hwmon_temp_alarm)
#define HWMON_T_LCRIT_ALARM BIT(hwmon_temp_lcrit_alarm)
#define HWMON_T_MIN_ALARM BIT(hwmon_temp_min_alarm)
#define HWMON_T_MAX_ALARM BIT(hwmon_temp_max_alarm)
#define HWMON_T_CRIT_ALARM BIT(hwmon_temp_crit_alarm)
#define HWMON_T_EMERGENCY_ALARM BIT(hwmon_temp_emergency_alarm)
#define HWMON_T_FAULT BIT(hwmon_temp_fault)
#define HWMON_T_OFFSET BIT(hwmon_temp_offset)
#define HWMON_T_LABEL BIT(hwmon_temp_label)
#define HWMON_T_LOWEST BIT(hwmon_temp_lowest)
#define HWMON_T_HIGHEST BIT(hwmon_temp_highest)
#define HWMON_T_RESET_HISTORY BIT(hwmon_temp_reset_history)
#define HWMON_T_RATED_MIN BIT(hwmon_temp_rated_min)
#define HWMON_T_RATED_MAX BIT(hwmon_temp_rated_max)

enum hwmon_in_attributes {
  hwmon_in_enable,
  hwmon_in_input,
  hwmon_in_min,
  hwmon_in_max,
  hwmon_in_lcrit,
  hwmon_in_crit,
  hwmon_in_average,
  hwmon_in_lowest,
  hwmon_in_highest,
  hwmon_in_reset_history,
  hwmon_in_label,
  hwmon_in_alarm,
  hwmon_in_min_alarm,
  hwmon_in_max_alarm,
  hwmon_in_lcrit_alarm,
  hwmon_in_crit_alarm,
  hwmon_in_rated_min,
  hwmon_in_rated_max
};
#define HWMON_I_ENABLE BIT(hwmon_in_enable)
#define HWMON_I_INPUT BIT(hwmon_in_input)
#define HWMON_I_MIN BIT(hwmon_in_min)
#define HWMON_I_MAX BIT(hwmon_in_max)
#define HWMON_I_LCRIT BIT(hwmon_in_lcrit)
#define HWMON_I_CRIT BIT(hwmon_in_crit)
#define HWMON_I_AVERAGE BIT(hwmon_in_average)
#define HWMON_I_LOWEST BIT(hwmon_in_lowest)
#define HWMON_I_HIGHEST BIT(hwmon_in_highest)
#define HWMON_I_RESET_HISTORY BIT(hwmon_in_reset_history)
#define HWMON_I_LABEL BIT(hwmon_in_label)
#define HWMON_I_ALARM BIT(hwmon_in_alarm)
#define HWMON_I_MIN_ALARM BIT(hwmon_in_min_alarm)
#define HWMON_I_MAX_ALARM BIT(hwmon_in_max_alarm)
#define HWMON_I_LCRIT_ALARM BIT(hwmon_in_lcrit_alarm)
#define HWMON_I_CRIT_ALARM BIT(hwmon_in_crit_alarm)
#define HWMON_I_RATED_MIN BIT(hwmon_in_rated_min)
#define HWMON_I_RATED_MAX BIT(hwmon_in_rated_max)

enum hwmon_curr_attributes {
  hwmon_curr_enable,
  hwmon_curr_input,
  hwmon_curr_min,
  hwmon_curr_max,
  hwmon_curr_lcrit,
  hwmon_curr_crit,
  hwmon_curr_average,
  hwmon_curr_lowest,
  hwmon_curr_highest,
  hwmon_curr_reset_history,
  hwmon_curr_label,
  hwmon_curr_alarm,
  hwmon_curr_min_alarm,
  hwmon_curr_max_alarm,
  hwmon_curr_lcrit_alarm,
  hwmon_curr_crit_alarm,
  hwmon_curr_rated_min,
  hwmon_curr_rated_max
};
#define HWMON_C_ENABLE BIT(hwmon_curr_enable)
#define HWMON_C_INPUT BIT(hwmon_curr_input)
#define HWMON_C_MIN BIT(hwmon_curr_min)
#define HWMON_C_MAX BIT(hwmon_curr_max)
#define HWMON_C_LCRIT BIT(hwmon_curr_lcrit)
#define HWMON_C_CRIT BIT(hwmon_curr_crit)
#define HWMON_C_AVERAGE BIT(hwmon_curr_average)
#define HWMON_C_LOWEST BIT(hwmon_curr_lowest)
#define HWMON_C_HIGHEST BIT(hwmon_curr_highest)
#define HWMON_C_RESET_HISTORY BIT(hwmon_curr_reset_history)
#define HWMON_C_LABEL BIT(hwmon_curr_label)
#define HWMON_C_ALARM BIT(hwmon_curr_alarm)
#define HWMON_C_MIN_ALARM BIT(hwmon_curr_min_alarm)
#define HWMON_C_MAX_ALARM BIT(hwmon_curr_max_alarm)
#define HWMON_C_LCRIT_ALARM BIT(hwmon_curr_lcrit_alarm)
#define HWMON_C_CRIT_ALARM BIT(hwmon_curr_crit_alarm)
#define HWMON_C_RATED_MIN BIT(hwmon_curr_rated_min)
#define HWMON_C_RATED_MAX BIT(hwmon_curr_rated_max)

enum hwmon_power_attributes {
  hwmon_power_enable,
  hwmon_power_average,
  hwmon_power_average_interval,
  hwmon_power_average_interval_max,
  hwmon_power_average_interval_min,
  hwmon_power_average_highest,
  hwmon_power_average_lowest,
  hwmon_power_average_max,
  hwmon_power_average_min,
  hwmon_power_input,
  hwmon_power_input_highest,
  hwmon_power_input_lowest,
  hwmon_power_reset_history,
  hwmon_power_accuracy,
  hwmon_power_cap,
  hwmon_power_cap_hyst,
  hwmon_power_cap_max,
  hwmon_power_cap_min,
  hwmon_power_min,
  hwmon_power_max,
  hwmon_power_crit,
  hwmon_power_lcrit,
  hwmon_power_label,
  hwmon_power_alarm,
  hwmon_power_cap_alarm,
  hwmon_power_min_alarm,
  hwmon_power_max_alarm,
  hwmon_power_lcrit_alarm,
  hwmon_power_crit_alarm,
  hwmon_power_rated_min,
  hwmon_power_rated_max
};
#define HWMON_P_ENABLE BIT(hwmon_power_enable)
#define HWMON_P_AVERAGE BIT(hwmon_power_average)
#define HWMON_P_AVERAGE_INTERVAL BIT(hwmon_power_average_interval)
#define HWMON_P_AVERAGE_INTERVAL_MAX BIT(hwmon_power_average_interval_max)
#define HWMON_P_AVERAGE_INTERVAL_MIN BIT(hwmon_power_average_interval_min)
#define HWMON_P_AVERAGE_HIGHEST BIT(hwmon_power_average_highest)
#define HWMON_P_AVERAGE_LOWEST BIT(hwmon_power_average_lowest)
#define HWMON_P_AVERAGE_MAX BIT(hwmon_power_average_max)
#define HWMON_P_AVERAGE_MIN BIT(hwmon_power_average_min)
#define HWMON_P_INPUT BIT(hwmon_power_input)
#define HWMON_P_INPUT_HIGHEST BIT(hwmon_power_input_highest)
#define HWMON_P_INPUT_LOWEST BIT(hwmon_power_input_lowest)
#define HWMON_P_RESET_HISTORY BIT(hwmon_power_reset_history)
#define HWMON_P_ACCURACY BIT(hwmon_power_accuracy)
#define HWMON_P_CAP BIT(hwmon_power_cap)
#define HWMON_P_CAP_HYST BIT(hwmon_power_cap_hyst)
#define HWMON_P_CAP_MAX BIT(hwmon_power_cap_max)
#define HWMON_P_CAP_MIN BIT(hwmon_power_cap_min)
#define HWMON_P_MIN BIT(hwmon_power_min)
#define HWMON_P_MAX BIT(hwmon_power_max)
#define HWMON_P_CRIT BIT(hwmon_power_crit)
#define HWMON_P_LCRIT BIT(hwmon_power_lcrit)
#define HWMON_P_LABEL BIT(hwmon_power_label)
#define HWMON_P_ALARM BIT(hwmon_power_alarm)
#define HWMON_P_CAP_ALARM BIT(hwmon_power_cap_alarm)
#define HWMON_P_MIN_ALARM BIT(hwmon_power_min_alarm)
#define HWMON_P_MAX_ALARM BIT(hwmon_power_max_alarm)
#define HWMON_P_LCRIT_ALARM BIT(hwmon_power_lcrit_alarm)
#define HWMON_P_CRIT_ALARM BIT(hwmon_power_crit_alarm)
#define HWMON_P_RATED_MIN BIT(hwmon_power_rated_min)
#define HWMON_P_RATED_MAX BIT(hwmon_power_rated_max)

enum hwmon_energy_attributes { hwmon_energy_enable, hwmon_energy_input, hwmon_energy_label };
#define HWMON_E_ENABLE BIT(hwmon_energy_enable)
#define HWMON_E_INPUT BIT(hwmon_energy_input)
#define HWMON_E_LABEL BIT(hwmon_energy_label)

enum hwmon_humidity_attributes {
  hwmon_humidity_enable,
  hwmon_humidity_input,
  hwmon_humidity_label,
  hwmon_humidity_min,
  hwmon_humidity_min_hyst,
  hwmon_humidity_max,
  hwmon_humidity_max_hyst,
  hwmon_humidity_alarm,
  hwmon_humidity_fault,
  hwmon_humidity_rated_min,
  hwmon_humidity_rated_max
};
#define HWMON_H_ENABLE BIT(hwmon_humidity_enable)
#define HWMON_H_INPUT BIT(hwmon_humidity_input)
#define HWMON_H_LABEL BIT(hwmon_humidity_label)
#define HWMON_H_MIN BIT(hwmon_humidity_min)
#define HWMON_H_MIN_HYST BIT(hwmon_humidity_min_hyst)
#define HWMON_H_MAX BIT(hwmon_humidity_max)
#define HWMON_H_MAX_HYST BIT(hwmon_humidity_max_hyst)
#define HWMON_H_ALARM BIT(hwmon_humidity_alarm)
#define HWMON_H_FAULT BIT(hwmon_humidity_fault)
#define HWMON_H_RATED_MIN BIT(hwmon_humidity_rated_min)
#define HWMON_H_RATED_MAX BIT(hwmon_humidity_rated_max)

enum hwmon_fan_attributes {
  hwmon_fan_enable,
  hwmon_fan_input,
  hwmon_fan_label,
  hwmon_fan_min,
  hwmon_fan_max,
  hwmon_fan_div,
  hwmon_fan_pulses,
  hwmon_fan_target,
  hwmon_fan_alarm,
  hwmon_fan_min_alarm,
  hwmon_fan_max_alarm,
  hwmon_fan_fault
};
#define HWMON_F_ENABLE BIT(hwmon_fan_enable)
#define HWMON_F_INPUT BIT(hwmon_fan_input)
#define HWMON_F_LABEL BIT(hwmon_fan_label)
#define HWMON_F_MIN BIT(hwmon_fan_min)
#define HWMON_F_MAX BIT(hwmon_fan_max)
#define HWMON_F_DIV BIT(hwmon_fan_div)
#define HWMON_F_PULSES BIT(hwmon_fan_pulses)
#define HWMON_F_TARGET BIT(hwmon_fan_target)
#define HWMON_F_ALARM BIT(hwmon_fan_alarm)
#define HWMON_F_MIN_ALARM BIT(hwmon_fan_min_alarm)
#define HWMON_F_MAX_ALARM BIT(hwmon_fan_max_alarm)
#define HWMON_F_FAULT BIT(hwmon_fan_fault)

enum hwmon_pwm_attributes { hwmon_pwm_input, hwmon_pwm_enable, hwmon_pwm_mode, hwmon_pwm_freq, hwmon_pwm_auto_channels_temp };
#define HWMON_PWM_INPUT BIT(hwmon_pwm_input)
#define HWMON_PWM_ENABLE BIT(hwmon_pwm_enable)
#define HWMON_PWM_MODE BIT(hwmon_pwm_mode)
#define HWMON_PWM_FREQ BIT(hwmon_pwm_freq)
#define HWMON_PWM_AUTO_CHANNELS_TEMP BIT(hwmon_pwm_auto_channels_temp)

enum hwmon_intrusion_attributes { hwmon_intrusion_alarm, hwmon_intrusion_beep };
#define HWMON_INTRUSION_ALARM BIT(hwmon_intrusion_alarm)
#define HWMON_INTRUSION_BEEP BIT(hwmon_intrusion_beep)

/** `is_visible` gives the mode of an attribute's file; 0: there is none.  `read` and `write` move one value; `read_string`
 *  gives the text of a label.  Each returns 0 or -errno, which the program that reads or writes the file gets. */
struct hwmon_ops {
  umode_t (*is_visible)(const void* drvdata, enum hwmon_sensor_types type, u32 attr, int channel);
  int (*read)(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, long* value);
  int (*read_string)(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, const char** text);
  int (*write)(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel, long value);
};
/** Channels of one type: a word of HWMON_ bits for each, and 0 behind the last. */
struct hwmon_channel_info {
  enum hwmon_sensor_types type;
  const u32* config;
};
/** `info` ends with NULL. */
struct hwmon_chip_info {
  const struct hwmon_ops* ops;
  const struct hwmon_channel_info** info;
};
#ifndef __cplusplus
#define HWMON_CHANNEL_INFO(kind, ...) (&(struct hwmon_channel_info){.type = hwmon_##kind, .config = (u32[]){__VA_ARGS__, 0}})
#endif

KMEM_BEGIN_C
/** Registers a device below `dev`. ERR_PTR(-EINVAL): no name, no parent, a chip without functions, or an attribute that may be
 *  read or written and has no function for it. A name with '-', '*' or white space is accepted with a warning: tools cannot use
 *  it. `extra` (it may be NULL): more files. */
KMEM_API struct device* hwmon_device_register_with_info(struct device* dev, const char* name, void* drvdata,
                                                        const struct hwmon_chip_info* chip,
                                                        const struct attribute_group** extra)
    KMEM_DRIVER_NAME(hwmon_device_register_with_info);
/** The driver's own files. */
KMEM_API struct device* hwmon_device_register_with_groups(struct device* dev, const char* name, void* drvdata,
                                                          const struct attribute_group** groups)
    KMEM_DRIVER_NAME(hwmon_device_register_with_groups);
/** Without a name and without files: those are its parent's.  The kernel warns of it. */
KMEM_API struct device* hwmon_device_register(struct device* dev) KMEM_DRIVER_NAME(hwmon_device_register);
KMEM_API void hwmon_device_unregister(struct device* dev) KMEM_DRIVER_NAME(hwmon_device_unregister);
/** Unregistered with the resources of `dev`. */
KMEM_API struct device* devm_hwmon_device_register_with_info(struct device* dev, const char* name, void* drvdata,
                                                             const struct hwmon_chip_info* chip,
                                                             const struct attribute_group** extra)
    KMEM_DRIVER_NAME(devm_hwmon_device_register_with_info);
KMEM_API struct device* devm_hwmon_device_register_with_groups(struct device* dev, const char* name, void* drvdata,
                                                               const struct attribute_group** groups)
    KMEM_DRIVER_NAME(devm_hwmon_device_register_with_groups);
/** `dev` is the parent. */
KMEM_API void devm_hwmon_device_unregister(struct device* dev) KMEM_DRIVER_NAME(devm_hwmon_device_unregister);

/** Something has happened to an attribute, such as an alarm: wakes who polls its file, and sends an event. -EINVAL: there is
 *  none such. */
KMEM_API int hwmon_notify_event(struct device* dev, enum hwmon_sensor_types type, u32 attr, int channel)
    KMEM_DRIVER_NAME(hwmon_notify_event);

static inline bool hwmon_is_bad_char(const char c) { return c == '-' || c == '*' || c == ' ' || c == '\t' || c == '\n'; }
/** A copy with '_' for each character that a name must not have; the caller frees it. ERR_PTR(). */
KMEM_API char* hwmon_sanitize_name(const char* name) KMEM_DRIVER_NAME(hwmon_sanitize_name);
KMEM_API char* devm_hwmon_sanitize_name(struct device* dev, const char* name) KMEM_DRIVER_NAME(devm_hwmon_sanitize_name);
KMEM_END_C
#endif
