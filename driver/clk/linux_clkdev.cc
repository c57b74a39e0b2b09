// Which device has which clock.

#include <linux/clkdev.h>

#include <linux/clk-provider.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "clk/core.h"

namespace {

using namespace kmem_driver::clocks;

LIST_HEAD(lookups);  // the prepare lock guards it

/// How well it fits; 0: not at all.
int fit(const clk_lookup* l, const char* dev_id, const char* con_id) {
  if (l->dev_id && (!dev_id || strcmp(l->dev_id, dev_id))) return 0;
  if (l->con_id && (!con_id || strcmp(l->con_id, con_id))) return 0;
  return (l->dev_id ? 2 : 0) + (l->con_id ? 1 : 0);
}

clk_lookup* create(clk* user, clk_hw* hw, const char* con_id, const char* dev_id) {
  auto* l = static_cast<clk_lookup*>(kzalloc(sizeof(clk_lookup), GFP_KERNEL));
  if (!l) return nullptr;
  l->clk = user;
  l->clk_hw = hw;
  l->dev_id = dev_id;
  l->con_id = con_id ? kstrdup(con_id, GFP_KERNEL) : nullptr;
  if (!con_id || l->con_id) return clkdev_add(l), l;
  kfree(l);
  return nullptr;
}
clk_lookup* create_formatted(clk* user, clk_hw* hw, const char* con_id, const char* format, va_list arguments) {
  const char* dev_id = format ? kvasprintf(GFP_KERNEL, format, arguments) : nullptr;
  clk_lookup* l = format && !dev_id ? nullptr : create(user, hw, con_id, dev_id);
  if (!l) kfree(dev_id);
  return l;
}
int register_it(clk* user, clk_hw* hw, const char* con_id, const char* dev_id) {
  const char* copy = dev_id ? kstrdup(dev_id, GFP_KERNEL) : nullptr;
  if (dev_id && !copy) return -ENOMEM;
  if (create(user, hw, con_id, copy)) return 0;
  kfree(copy);
  return -ENOMEM;
}

void drop_noted(void* lookup) { clkdev_drop(static_cast<clk_lookup*>(lookup)); }

}  // namespace

clk_core* kmem_driver::clocks::look_up(const char* dev_id, const char* con_id) {
  const clk_lookup *l, *best = nullptr;
  int best_fit = 0;
  list_for_each_entry(l, &lookups, node) {
    const int f = fit(l, dev_id, con_id);
    if (f > best_fit) best = l, best_fit = f;
  }
  if (!best) return nullptr;
  return best->clk_hw ? best->clk_hw->core : best->clk ? best->clk->core : nullptr;
}

extern "C" {

void clkdev_add(clk_lookup* lookup) noexcept {
  PrepareLock hold;
  list_add_tail(&lookup->node, &lookups);
}
void clkdev_add_table(clk_lookup* table, size_t n) noexcept {
  for (size_t i = 0; i < n; ++i) clkdev_add(&table[i]);
}
void clkdev_drop(clk_lookup* lookup) noexcept {
  {
    PrepareLock hold;
    list_del(&lookup->node);
  }
  kfree(lookup->dev_id);
  kfree(lookup->con_id);
  kfree(lookup);
}
clk_lookup* clkdev_create(clk* user, const char* con_id, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  clk_lookup* l = create_formatted(user, nullptr, con_id, format, arguments);
  va_end(arguments);
  return l;
}
clk_lookup* clkdev_hw_create(clk_hw* hw, const char* con_id, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  clk_lookup* l = create_formatted(nullptr, hw, con_id, format, arguments);
  va_end(arguments);
  return l;
}
int clk_register_clkdev(clk* user, const char* con_id, const char* dev_id) noexcept {
  return IS_ERR(user) ? static_cast<int>(PTR_ERR(user)) : register_it(user, nullptr, con_id, dev_id);
}
int clk_hw_register_clkdev(clk_hw* hw, const char* con_id, const char* dev_id) noexcept {
  return IS_ERR(hw) ? static_cast<int>(PTR_ERR(hw)) : register_it(nullptr, hw, con_id, dev_id);
}
int devm_clk_hw_register_clkdev(device* dev, clk_hw* hw, const char* con_id, const char* dev_id) noexcept {
  if (IS_ERR(hw)) return static_cast<int>(PTR_ERR(hw));
  clk_lookup* l = dev_id ? clkdev_hw_create(hw, con_id, "%s", dev_id) : clkdev_hw_create(hw, con_id, nullptr);
  return l ? devm_add_action_or_reset(dev, drop_noted, l) : -ENOMEM;
}

}  // extern "C"
