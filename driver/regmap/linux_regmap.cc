// Registers by number.

#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/regmap.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct regmap {
  device* dev;
  regmap_config config;
  regmap_bus bus;
  void* context;
  bool fast, cache_only, cache_bypass;
  struct mutex mutex;
  spinlock_t spinlock;
  unsigned stride;
  // The cache, by register / stride; null: none.
  unsigned* values;
  unsigned long *valid, *dirty;
};
struct regmap_field {
  regmap* map;
  unsigned reg, shift, mask;
};

namespace {

/// Holds a map against other callers, as its accesses may sleep or not.
class Hold {
 public:
  explicit Hold(regmap* map) : map_(map->config.disable_locking ? nullptr : map) {
    if (!map_) return;
    if (map_->fast) spin_lock_irqsave(&map_->spinlock, flags_);
    else mutex_lock(&map_->mutex);
  }
  ~Hold() {
    if (!map_) return;
    if (map_->fast) spin_unlock_irqrestore(&map_->spinlock, flags_);
    else mutex_unlock(&map_->mutex);
  }
  Hold(const Hold&) = delete;

 private:
  regmap* map_;
  unsigned long flags_ = 0;
};

// Which registers there are -------------------------------------------------------------------------------------------------

bool in_ranges(unsigned reg, const regmap_range* ranges, unsigned n) {
  for (unsigned i = 0; i < n; ++i)
    if (reg >= ranges[i].range_min && reg <= ranges[i].range_max) return true;
  return false;
}
bool in_table(unsigned reg, const regmap_access_table* table) {
  if (in_ranges(reg, table->no_ranges, table->n_no_ranges)) return false;
  return !table->n_yes_ranges || in_ranges(reg, table->yes_ranges, table->n_yes_ranges);
}
using Says = bool (*)(device*, unsigned);
bool says(const regmap* map, unsigned reg, Says asked, const regmap_access_table* table, bool otherwise) {
  if (map->config.max_register && reg > map->config.max_register) return false;
  if (asked) return asked(map->dev, reg);
  return table ? in_table(reg, table) : otherwise;
}
bool is_readable(const regmap* map, unsigned reg) {
  return says(map, reg, map->config.readable_reg, map->config.rd_table, true);
}
bool is_writeable(const regmap* map, unsigned reg) {
  return says(map, reg, map->config.writeable_reg, map->config.wr_table, true);
}
bool is_volatile(const regmap* map, unsigned reg) {
  return says(map, reg, map->config.volatile_reg, map->config.volatile_table, !map->values);
}
bool is_cached(const regmap* map, unsigned reg) { return map->values && !map->cache_bypass && !is_volatile(map, reg); }

// Accesses, with the lock held ------------------------------------------------------------------------------------------------

unsigned mask_of(const regmap* map) { return map->config.val_bits >= 32 ? ~0u : (1u << map->config.val_bits) - 1; }

int read_locked(regmap* map, unsigned reg, unsigned* value) {
  if (reg % map->stride) return -EINVAL;
  const unsigned n = reg / map->stride;
  if (is_cached(map, reg) && test_bit(n, map->valid)) return *value = map->values[n], 0;
  if (map->cache_only) return -EBUSY;
  if (!is_readable(map, reg) || !map->bus.reg_read) return -EIO;
  const int error = map->bus.reg_read(map->context, reg, value);
  if (error) return error;
  *value &= mask_of(map);
  if (!is_cached(map, reg)) return 0;
  map->values[n] = *value;
  set_bit(n, map->valid);
  return 0;
}

int write_locked(regmap* map, unsigned reg, unsigned value) {
  if (reg % map->stride) return -EINVAL;
  if (!is_writeable(map, reg)) return -EIO;
  const unsigned n = reg / map->stride;
  value &= mask_of(map);
  if (is_cached(map, reg)) {
    map->values[n] = value;
    set_bit(n, map->valid);
    if (map->cache_only) return set_bit(n, map->dirty), 0;
  } else if (map->cache_only) {
    return -EBUSY;
  }
  return map->bus.reg_write ? map->bus.reg_write(map->context, reg, value) : -EIO;
}

int update_locked(regmap* map, unsigned reg, unsigned mask, unsigned value, bool force, bool* changed) {
  unsigned before = 0;
  if (const int error = read_locked(map, reg, &before)) return error;
  const unsigned after = (before & ~mask) | (value & mask);
  const bool writes = force || after != before;
  const int error = writes ? write_locked(map, reg, after) : 0;
  if (changed) *changed = writes && !error;
  return error;
}

// Memory-mapped ---------------------------------------------------------------------------------------------------------------

struct Mmio {
  char* registers;
  int bytes;
  bool big;
};
int read_mmio(void* context, unsigned reg, unsigned* value) {
  const auto* m = static_cast<Mmio*>(context);
  const char* at = m->registers + reg;
  if (m->bytes == 1) *value = ioread8(at);
  else if (m->bytes == 2) *value = m->big ? ioread16be(at) : ioread16(at);
  else *value = m->big ? ioread32be(at) : ioread32(at);
  return 0;
}
int write_mmio(void* context, unsigned reg, unsigned value) {
  const auto* m = static_cast<Mmio*>(context);
  char* at = m->registers + reg;
  if (m->bytes == 1) iowrite8(static_cast<u8>(value), at);
  else if (m->bytes == 2) m->big ? iowrite16be(static_cast<u16>(value), at) : iowrite16(static_cast<u16>(value), at);
  else m->big ? iowrite32be(value, at) : iowrite32(value, at);
  return 0;
}
void free_mmio(void* context) { kfree(context); }
const regmap_bus mmio_bus = {true, write_mmio, read_mmio, free_mmio};

bool fits_mmio(const regmap_config* c) {
  const int bytes = c->val_bits / 8;
  if (c->val_bits != 8 && c->val_bits != 16 && c->val_bits != 32) return false;
  return c->reg_stride ? c->reg_stride % bytes == 0 : bytes == 1;
}

// Making ----------------------------------------------------------------------------------------------------------------------

int make_cache(regmap* map) {
  const regmap_config& c = map->config;
  if (c.cache_type == REGCACHE_NONE || !c.max_register) return 0;
  const unsigned n = c.max_register / map->stride + 1;
  map->values = static_cast<unsigned*>(kcalloc(n, sizeof(unsigned), GFP_KERNEL));
  map->valid = static_cast<unsigned long*>(kcalloc(BITS_TO_LONGS(n), sizeof(long), GFP_KERNEL));
  map->dirty = static_cast<unsigned long*>(kcalloc(BITS_TO_LONGS(n), sizeof(long), GFP_KERNEL));
  if (!map->values || !map->valid || !map->dirty) return -ENOMEM;
  for (unsigned i = 0; i < c.num_reg_defaults; ++i) {
    const reg_default& d = c.reg_defaults[i];
    if (d.reg > c.max_register || d.reg % map->stride) return -EINVAL;
    map->values[d.reg / map->stride] = d.def;
    set_bit(d.reg / map->stride, map->valid);
  }
  return 0;
}

void free_map(regmap* map) {
  kfree(map->values);
  kfree(map->valid);
  kfree(map->dirty);
  kfree(map);
}

regmap* error_of(int error) { return static_cast<regmap*>(ERR_PTR(error)); }

void release_map(device*, void* block) { regmap_exit(*static_cast<regmap**>(block)); }
template <typename Make>
regmap* noted(device* dev, Make make) {
  auto* block = static_cast<regmap**>(devres_alloc(release_map, sizeof(regmap*), GFP_KERNEL));
  if (!block) return error_of(-ENOMEM);
  *block = make();
  regmap* map = *block;
  if (IS_ERR(map)) devres_free(block);
  else devres_add(dev, block);
  return map;
}

unsigned value_at(const void* values, size_t i, int bytes) {
  if (bytes == 1) return static_cast<const u8*>(values)[i];
  return bytes == 2 ? static_cast<const u16*>(values)[i] : static_cast<const u32*>(values)[i];
}
void put_at(void* values, size_t i, int bytes, unsigned value) {
  if (bytes == 1) static_cast<u8*>(values)[i] = static_cast<u8>(value);
  else if (bytes == 2) static_cast<u16*>(values)[i] = static_cast<u16>(value);
  else static_cast<u32*>(values)[i] = value;
}

}  // namespace

extern "C" {

regmap* regmap_init(device* dev, const regmap_bus* bus, void* context, const regmap_config* config) noexcept {
  if (!config || config->val_bits < 1 || config->val_bits > 32 || config->reg_bits < 1) return error_of(-EINVAL);
  auto* map = static_cast<regmap*>(kzalloc(sizeof(regmap), GFP_KERNEL));
  if (!map) return error_of(-ENOMEM);
  map->dev = dev;
  map->config = *config;
  if (bus) map->bus = *bus;
  if (config->reg_read) map->bus.reg_read = config->reg_read;
  if (config->reg_write) map->bus.reg_write = config->reg_write;
  map->context = context;
  map->fast = config->fast_io || map->bus.fast_io;
  map->stride = config->reg_stride ? static_cast<unsigned>(config->reg_stride) : 1;
  mutex_init(&map->mutex);
  spin_lock_init(&map->spinlock);
  const int error = make_cache(map);
  if (!error) return map;
  free_map(map);
  return error_of(error);
}

regmap* regmap_init_mmio(device* dev, void* registers, const regmap_config* config) noexcept {
  if (!fits_mmio(config)) return error_of(-EINVAL);
  auto* m = static_cast<Mmio*>(kmalloc(sizeof(Mmio), GFP_KERNEL));
  if (!m) return error_of(-ENOMEM);
  *m = {static_cast<char*>(registers), config->val_bits / 8, config->val_format_endian == REGMAP_ENDIAN_BIG};
  regmap* map = regmap_init(dev, &mmio_bus, m, config);
  if (IS_ERR(map)) kfree(m);
  return map;
}

void regmap_exit(regmap* map) noexcept {
  if (map->bus.free_context) map->bus.free_context(map->context);
  free_map(map);
}

regmap* devm_regmap_init(device* dev, const regmap_bus* bus, void* context, const regmap_config* config) noexcept {
  return noted(dev, [=] { return regmap_init(dev, bus, context, config); });
}
regmap* devm_regmap_init_mmio(device* dev, void* registers, const regmap_config* config) noexcept {
  return noted(dev, [=] { return regmap_init_mmio(dev, registers, config); });
}

int regmap_read(regmap* map, unsigned reg, unsigned* value) noexcept {
  Hold hold(map);
  return read_locked(map, reg, value);
}
int regmap_write(regmap* map, unsigned reg, unsigned value) noexcept {
  Hold hold(map);
  return write_locked(map, reg, value);
}
int regmap_bulk_read(regmap* map, unsigned reg, void* values, size_t n) noexcept {
  Hold hold(map);
  for (size_t i = 0; i < n; ++i) {
    unsigned value;
    if (const int error = read_locked(map, reg + static_cast<unsigned>(i) * map->stride, &value)) return error;
    put_at(values, i, regmap_get_val_bytes(map), value);
  }
  return 0;
}
int regmap_bulk_write(regmap* map, unsigned reg, const void* values, size_t n) noexcept {
  Hold hold(map);
  for (size_t i = 0; i < n; ++i) {
    const unsigned value = value_at(values, i, regmap_get_val_bytes(map));
    if (const int error = write_locked(map, reg + static_cast<unsigned>(i) * map->stride, value)) return error;
  }
  return 0;
}
int regmap_multi_reg_write(regmap* map, const reg_sequence* sequence, int n) noexcept {
  for (int i = 0; i < n; ++i) {
    if (const int error = regmap_write(map, sequence[i].reg, sequence[i].def)) return error;
    if (sequence[i].delay_us) udelay(sequence[i].delay_us);
  }
  return 0;
}
int regmap_update_bits_base(regmap* map, unsigned reg, unsigned mask, unsigned value, bool* changed, bool,
                            bool force) noexcept {
  Hold hold(map);
  return update_locked(map, reg, mask, value, force, changed);
}

int regcache_sync(regmap* map) noexcept {
  Hold hold(map);
  if (!map->values || map->cache_only) return map->values ? -EBUSY : -EINVAL;
  for (unsigned n = 0; n <= map->config.max_register / map->stride; ++n) {
    if (!test_bit(n, map->dirty) || !test_bit(n, map->valid)) continue;
    if (const int error = write_locked(map, n * map->stride, map->values[n])) return error;
    clear_bit(n, map->dirty);
  }
  return 0;
}
void regcache_cache_only(regmap* map, bool on) noexcept {
  Hold hold(map);
  map->cache_only = on;
}
void regcache_cache_bypass(regmap* map, bool on) noexcept {
  Hold hold(map);
  map->cache_bypass = on;
}
void regcache_mark_dirty(regmap* map) noexcept {
  Hold hold(map);
  for (unsigned n = 0; map->values && n <= map->config.max_register / map->stride; ++n)
    if (test_bit(n, map->valid)) set_bit(n, map->dirty);
}

int regmap_get_val_bytes(regmap* map) noexcept {
  return (map->config.val_bits + 7) / 8 == 3 ? 4 : (map->config.val_bits + 7) / 8;
}
int regmap_get_max_register(regmap* map) noexcept {
  return map->config.max_register ? static_cast<int>(map->config.max_register) : -EINVAL;
}
device* regmap_get_device(regmap* map) noexcept { return map->dev; }

regmap_field* devm_regmap_field_alloc(device* dev, regmap* map, reg_field field) noexcept {
  auto* f = static_cast<regmap_field*>(devm_kzalloc(dev, sizeof(regmap_field), GFP_KERNEL));
  if (!f) return static_cast<regmap_field*>(ERR_PTR(-ENOMEM));
  const unsigned width = field.msb - field.lsb + 1;
  *f = {map, field.reg, field.lsb, (width >= 32 ? ~0u : (1u << width) - 1) << field.lsb};
  return f;
}
int regmap_field_read(regmap_field* field, unsigned* value) noexcept {
  const int error = regmap_read(field->map, field->reg, value);
  if (!error) *value = (*value & field->mask) >> field->shift;
  return error;
}
int regmap_field_write(regmap_field* field, unsigned value) noexcept {
  return regmap_update_bits(field->map, field->reg, field->mask, value << field->shift);
}

}  // extern "C"
