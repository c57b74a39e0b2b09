#ifndef KMEM_LINUX_REGMAP_H
#define KMEM_LINUX_REGMAP_H
/* Registers by number: over memory-mapped registers, a chip on a two-wire bus, or two functions of the caller's.  Each access
 * is checked against what the configuration says, and may be cached.
 *
 * Accesses: with `fast_io`, and over memory-mapped registers, any context; else they may sleep.  Making and ending: task
 * context. What differs: all kinds of caches are one, an array; there are no pages, formats, and interrupt chips.
 * Meaning: the kernel's <linux/regmap.h>. */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/iopoll.h>

enum regcache_type { REGCACHE_NONE, REGCACHE_RBTREE, REGCACHE_COMPRESSED, REGCACHE_FLAT, REGCACHE_MAPLE };
enum regmap_endian { REGMAP_ENDIAN_DEFAULT, REGMAP_ENDIAN_BIG, REGMAP_ENDIAN_LITTLE, REGMAP_ENDIAN_NATIVE };

struct reg_default {
  unsigned int reg, def;
};
struct reg_sequence {
  unsigned int reg, def, delay_us;
};
struct regmap_range {
  unsigned int range_min, range_max;
};
struct regmap_access_table {
  const struct regmap_range *yes_ranges, *no_ranges;
  unsigned int n_yes_ranges, n_no_ranges;
};
#define regmap_reg_range(low, high) \
  { .range_min = (low), .range_max = (high) }

struct regmap_config {
  const char* name;
  int reg_bits, val_bits; /* of a value: 8, 16, 32, 64 */
  int reg_stride;         /* registers are multiples of it; 0: 1 */
  int reg_shift, pad_bits;
  bool (*writeable_reg)(struct device* dev, unsigned int reg);
  bool (*readable_reg)(struct device* dev, unsigned int reg);
  bool (*volatile_reg)(struct device* dev, unsigned int reg);
  bool (*precious_reg)(struct device* dev, unsigned int reg);
  int (*reg_read)(void* context, unsigned int reg, unsigned int* value);
  int (*reg_write)(void* context, unsigned int reg, unsigned int value);
  bool disable_locking, fast_io, io_port;
  unsigned int max_register; /* 0: not checked, and not cached */
  const struct regmap_access_table *wr_table, *rd_table, *volatile_table, *precious_table;
  const struct reg_default* reg_defaults;
  unsigned int num_reg_defaults;
  enum regcache_type cache_type;
  enum regmap_endian reg_format_endian, val_format_endian;
  bool use_single_read, use_single_write, can_multi_write, use_relaxed_mmio;
};
struct regmap_bus {
  bool fast_io;
  int (*reg_write)(void* context, unsigned int reg, unsigned int value);
  int (*reg_read)(void* context, unsigned int reg, unsigned int* value);
  void (*free_context)(void* context);
};
struct reg_field {
  unsigned int reg, lsb, msb, id_size, id_offset;
};
#define REG_FIELD(at, low, high) \
  { .reg = (at), .lsb = (low), .msb = (high) }

struct regmap;
struct regmap_field;

KMEM_BEGIN_C
/** ERR_PTR(): -EINVAL for widths and strides that cannot be, -ENOMEM. */
KMEM_API struct regmap* regmap_init(struct device* dev, const struct regmap_bus* bus, void* context,
                                    const struct regmap_config* config) KMEM_DRIVER_NAME(regmap_init);
KMEM_API struct regmap* regmap_init_mmio(struct device* dev, void __iomem* registers, const struct regmap_config* config)
    KMEM_DRIVER_NAME(regmap_init_mmio);
KMEM_API void regmap_exit(struct regmap* map) KMEM_DRIVER_NAME(regmap_exit);
/** Noted with the device. */
KMEM_API struct regmap* devm_regmap_init(struct device* dev, const struct regmap_bus* bus, void* context,
                                         const struct regmap_config* config) KMEM_DRIVER_NAME(devm_regmap_init);
KMEM_API struct regmap* devm_regmap_init_mmio(struct device* dev, void __iomem* registers, const struct regmap_config* config)
    KMEM_DRIVER_NAME(devm_regmap_init_mmio);
/** Registers of a chip on a two-wire bus: numbers of 8 or 16 bits, values of 8 to 32, the high byte first unless the
 *  configuration says otherwise. ERR_PTR(-EINVAL): others; -ENOTSUPP: the adapter cannot. */
struct i2c_client;
KMEM_API struct regmap* regmap_init_i2c(struct i2c_client* client, const struct regmap_config* config)
    KMEM_DRIVER_NAME(regmap_init_i2c);
KMEM_API struct regmap* devm_regmap_init_i2c(struct i2c_client* client, const struct regmap_config* config)
    KMEM_DRIVER_NAME(devm_regmap_init_i2c);

/* 0; -EIO: there is no such register, or it cannot be read or written; -EINVAL: not a multiple of the stride; -EBUSY: only the
 * cache is to be used, and has no value; or the error of the functions. */
KMEM_API int regmap_read(struct regmap* map, unsigned int reg, unsigned int* value) KMEM_DRIVER_NAME(regmap_read);
KMEM_API int regmap_write(struct regmap* map, unsigned int reg, unsigned int value) KMEM_DRIVER_NAME(regmap_write);
/** One after the other, from `reg` on; values as wide as the registers. */
KMEM_API int regmap_bulk_read(struct regmap* map, unsigned int reg, void* values, size_t n) KMEM_DRIVER_NAME(regmap_bulk_read);
KMEM_API int regmap_bulk_write(struct regmap* map, unsigned int reg, const void* values, size_t n)
    KMEM_DRIVER_NAME(regmap_bulk_write);
KMEM_API int regmap_multi_reg_write(struct regmap* map, const struct reg_sequence* sequence, int n)
    KMEM_DRIVER_NAME(regmap_multi_reg_write);
/** The bits of `mask` become those of `value`, in one step for other callers; `changed` (it may be NULL): it wrote.  Where
 *  nothing changes nothing is written, unless `force`. */
KMEM_API int regmap_update_bits_base(struct regmap* map, unsigned int reg, unsigned int mask, unsigned int value, bool* changed,
                                     bool async, bool force) KMEM_DRIVER_NAME(regmap_update_bits_base);
static inline int regmap_update_bits(struct regmap* map, unsigned int reg, unsigned int mask, unsigned int value) {
  return regmap_update_bits_base(map, reg, mask, value, NULL, false, false);
}
static inline int regmap_update_bits_check(struct regmap* map, unsigned int reg, unsigned int mask, unsigned int value,
                                           bool* changed) {
  return regmap_update_bits_base(map, reg, mask, value, changed, false, false);
}
static inline int regmap_write_bits(struct regmap* map, unsigned int reg, unsigned int mask, unsigned int value) {
  return regmap_update_bits_base(map, reg, mask, value, NULL, false, true);
}
static inline int regmap_set_bits(struct regmap* map, unsigned int reg, unsigned int bits) {
  return regmap_update_bits(map, reg, bits, bits);
}
static inline int regmap_clear_bits(struct regmap* map, unsigned int reg, unsigned int bits) {
  return regmap_update_bits(map, reg, bits, 0);
}
/** 1: all of the bits are set; 0; an error. */
static inline int regmap_test_bits(struct regmap* map, unsigned int reg, unsigned int bits) {
  unsigned int value;
  const int error = regmap_read(map, reg, &value);
  return error ? error : (value & bits) == bits;
}
/** Writes what only the cache has. */
KMEM_API int regcache_sync(struct regmap* map) KMEM_DRIVER_NAME(regcache_sync);
KMEM_API void regcache_cache_only(struct regmap* map, bool on) KMEM_DRIVER_NAME(regcache_cache_only);
KMEM_API void regcache_cache_bypass(struct regmap* map, bool on) KMEM_DRIVER_NAME(regcache_cache_bypass);
/** The device has lost its registers: the next sync writes all. */
KMEM_API void regcache_mark_dirty(struct regmap* map) KMEM_DRIVER_NAME(regcache_mark_dirty);
KMEM_API int regmap_get_val_bytes(struct regmap* map) KMEM_DRIVER_NAME(regmap_get_val_bytes);
KMEM_API int regmap_get_max_register(struct regmap* map) KMEM_DRIVER_NAME(regmap_get_max_register);
KMEM_API struct device* regmap_get_device(struct regmap* map) KMEM_DRIVER_NAME(regmap_get_device);

KMEM_API struct regmap_field* devm_regmap_field_alloc(struct device* dev, struct regmap* map, struct reg_field field)
    KMEM_DRIVER_NAME(devm_regmap_field_alloc);
KMEM_API int regmap_field_read(struct regmap_field* field, unsigned int* value) KMEM_DRIVER_NAME(regmap_field_read);
KMEM_API int regmap_field_write(struct regmap_field* field, unsigned int value) KMEM_DRIVER_NAME(regmap_field_write);
KMEM_END_C

#define regmap_read_poll_timeout(map, reg, value, condition, sleep_us, timeout_us)                                       \
  __extension__({                                                                                                        \
    int kmem_read_error = 0;                                                                                             \
    const int kmem_timed_out = read_poll_timeout(regmap_read, kmem_read_error, kmem_read_error || (condition), sleep_us, \
                                                 timeout_us, false, map, reg, &(value));                                 \
    kmem_read_error ?: kmem_timed_out;                                                                                   \
  })
#endif
