// Clocks as their drivers make them.

#include <linux/clk-provider.h>

#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "clk/core.h"

namespace kmem_driver::clocks {

clk_core* find(const char* name) {
  clk_core* core;
  list_for_each_entry(core, &all, node) if (core->hw && !strcmp(core->name, name)) return core;
  return nullptr;
}

}  // namespace kmem_driver::clocks

namespace {

using namespace kmem_driver::clocks;

// What a clock is when its driver has gone.
int gone(clk_hw*) { return -ENXIO; }
constexpr clk_ops make_gone() {
  clk_ops ops = {};
  ops.prepare = ops.enable = gone;
  return ops;
}
constexpr clk_ops kGone = make_gone();

const char* parent_name(const clk_init_data* init, unsigned n) {
  return init->parent_hws ? init->parent_hws[n]->core->name : init->parent_names ? init->parent_names[n] : nullptr;
}

/// Copies what the driver need not keep.
int copy(clk_core* core, const clk_init_data* init) {
  core->name = kstrdup(init->name, GFP_KERNEL);
  core->ops = init->ops;
  core->flags = init->flags;
  if (!core->name) return -ENOMEM;
  if (!init->num_parents) return 0;
  core->parent_names = static_cast<const char**>(kcalloc(init->num_parents, sizeof(char*), GFP_KERNEL));
  if (!core->parent_names) return -ENOMEM;
  for (; core->nr_parents < init->num_parents; ++core->nr_parents) {
    const char* name = parent_name(init, core->nr_parents);
    if (!name) return -EINVAL;
    core->parent_names[core->nr_parents] = kstrdup(name, GFP_KERNEL);
    if (!core->parent_names[core->nr_parents]) return -ENOMEM;
  }
  return 0;
}

/// Its current parent, if that is there yet.
void find_parent(clk_core* core) {
  if (!core->nr_parents) return;
  core->parent_index = core->ops->get_parent && core->nr_parents > 1 ? core->ops->get_parent(core->hw) : u8{0};
  if (core->parent_index < core->nr_parents) core->parent = find(core->parent_names[core->parent_index]);
}

/// Those that waited for this one.
void adopt(clk_core* parent) {
  clk_core* core;
  list_for_each_entry(core, &all, node) {
    if (core->parent || !core->hw || core->parent_index >= core->nr_parents) continue;
    if (strcmp(core->parent_names[core->parent_index], parent->name)) continue;
    core->parent = parent;
    if (core->prepare_count) prepare(parent);
    EnableLock hold;
    if (core->enable_count) enable(parent);
  }
}

int start_critical(clk_core* core) {
  if (!(core->flags & CLK_IS_CRITICAL)) return 0;
  const int error = prepare(core);
  EnableLock hold;
  return error ? error : enable(core);
}

int add(clk_core* core, clk_hw* hw) {
  PrepareLock hold;
  if (find(core->name)) return -EEXIST;
  core->hw = hw;
  hw->core = core;
  if (core->ops->init)
    if (const int error = core->ops->init(hw)) return error;
  find_parent(core);
  list_add_tail(&core->node, &all);
  adopt(core);
  recalculate(core, false);
  return start_critical(core);
}

clk* error_of(int error) { return static_cast<clk*>(ERR_PTR(error)); }

clk* make(clk_hw* hw) {
  const clk_init_data* init = hw->init;
  if (!init || !init->name || !init->ops) return error_of(-EINVAL);
  auto* core = static_cast<clk_core*>(kzalloc(sizeof(clk_core), GFP_KERNEL));
  clk* user = core ? new_user(core) : nullptr;
  if (!user) return kfree(core), error_of(-ENOMEM);
  INIT_LIST_HEAD(&core->node);
  BLOCKING_INIT_NOTIFIER_HEAD(&core->notifiers);
  hw->clk = user;
  hw->init = nullptr;
  int error = copy(core, init);
  if (!error) error = add(core, hw);
  if (!error) return user;
  PrepareLock hold;
  list_del_init(&core->node);
  put_user(user);
  hw->core = nullptr;
  hw->clk = nullptr;
  return error_of(error);
}

void unregister_noted(void* hw) { clk_hw_unregister(static_cast<clk_hw*>(hw)); }

// Ready-made kinds -----------------------------------------------------------------------------------------------------------

unsigned long fixed_rate(clk_hw* hw, unsigned long) { return to_clk_fixed_rate(hw)->fixed_rate; }

unsigned long factor_rate(clk_hw* hw, unsigned long parent_rate) {
  const clk_fixed_factor* f = to_clk_fixed_factor(hw);
  return static_cast<unsigned long>(static_cast<u64>(parent_rate) * f->mult / f->div);
}
long factor_round(clk_hw* hw, unsigned long rate, unsigned long* parent_rate) {
  const clk_fixed_factor* f = to_clk_fixed_factor(hw);
  if (clk_hw_get_flags(hw) & CLK_SET_RATE_PARENT)
    *parent_rate = clk_hw_round_rate(clk_hw_get_parent(hw), rate / f->mult * f->div);
  return static_cast<long>(factor_rate(hw, *parent_rate));
}
int factor_set(clk_hw*, unsigned long, unsigned long) { return 0; }

void turn_gate(clk_hw* hw, bool on) {
  const clk_gate* gate = to_clk_gate(hw);
  unsigned long flags = 0;
  if (gate->lock) spin_lock_irqsave(gate->lock, flags);
  const u32 bit = u32{1} << gate->bit_idx;
  const bool sets = on != ((gate->flags & CLK_GATE_SET_TO_DISABLE) != 0);
  const u32 value = readl(gate->reg);
  writel(sets ? value | bit : value & ~bit, gate->reg);
  if (gate->lock) spin_unlock_irqrestore(gate->lock, flags);
}
int enable_gate(clk_hw* hw) { return turn_gate(hw, true), 0; }
void disable_gate(clk_hw* hw) { turn_gate(hw, false); }
int is_gate_enabled(clk_hw* hw) {
  const clk_gate* gate = to_clk_gate(hw);
  const bool set = readl(gate->reg) >> gate->bit_idx & 1;
  return set != ((gate->flags & CLK_GATE_SET_TO_DISABLE) != 0);
}

constexpr clk_ops make_fixed_rate() {
  clk_ops ops = {};
  ops.recalc_rate = fixed_rate;
  return ops;
}
constexpr clk_ops make_fixed_factor() {
  clk_ops ops = {};
  ops.recalc_rate = factor_rate;
  ops.round_rate = factor_round;
  ops.set_rate = factor_set;
  return ops;
}
constexpr clk_ops make_gate() {
  clk_ops ops = {};
  ops.enable = enable_gate;
  ops.disable = disable_gate;
  ops.is_enabled = is_gate_enabled;
  return ops;
}

template <typename Kind>
clk_hw* register_kind(device* dev, const Kind& what, const clk_ops* ops, const char* name, const char* parent,
                      unsigned long flags) {
  auto* kind = static_cast<Kind*>(kmalloc(sizeof(Kind), GFP_KERNEL));
  if (!kind) return static_cast<clk_hw*>(ERR_PTR(-ENOMEM));
  *kind = what;
  const clk_init_data init = {name, ops, &parent, nullptr, static_cast<u8>(parent ? 1 : 0), flags};
  kind->hw.init = &init;
  const int error = clk_hw_register(dev, &kind->hw);
  if (!error) return &kind->hw;
  kfree(kind);
  return static_cast<clk_hw*>(ERR_PTR(error));
}

}  // namespace

extern "C" {

constinit const clk_ops kmem_clk_fixed_rate_ops = make_fixed_rate();
constinit const clk_ops kmem_clk_fixed_factor_ops = make_fixed_factor();
constinit const clk_ops kmem_clk_gate_ops = make_gate();

clk* clk_register(device*, clk_hw* hw) noexcept { return make(hw); }
int clk_hw_register(device*, clk_hw* hw) noexcept { return PTR_ERR_OR_ZERO(make(hw)); }
int devm_clk_hw_register(device* dev, clk_hw* hw) noexcept {
  const int error = clk_hw_register(dev, hw);
  return error ? error : devm_add_action_or_reset(dev, unregister_noted, hw);
}

void clk_hw_unregister(clk_hw* hw) noexcept {
  PrepareLock hold;
  clk_core* core = hw->core;
  if (!core) return;
  if (core->prepare_count) pr_warn("clk_unregister: unregistering prepared clock: %s\n", core->name);
  if (core->ops->terminate) core->ops->terminate(hw);
  clk_core* child;
  list_for_each_entry(child, &all, node) if (child->parent == core) child->parent = nullptr;
  core->ops = &kGone;
  core->hw = nullptr;
  core->parent = nullptr;
  core->prepare_count = core->enable_count = 0;
  core->rate = 0;
  list_del_init(&core->node);
  list_for_each_entry(child, &all, node) if (!child->parent && child->nr_parents) recalculate(child, true);
  clk* user = hw->clk;
  hw->core = nullptr;
  hw->clk = nullptr;
  put_user(user);
}
void clk_unregister(clk* user) noexcept {
  if (!IS_ERR_OR_NULL(user)) clk_hw_unregister(user->core->hw);
}

clk_hw* clk_hw_register_fixed_rate(device* dev, const char* name, const char* parent, unsigned long flags,
                                   unsigned long rate) noexcept {
  return register_kind(dev, clk_fixed_rate{{}, rate}, &kmem_clk_fixed_rate_ops, name, parent, flags);
}
void clk_hw_unregister_fixed_rate(clk_hw* hw) noexcept {
  clk_hw_unregister(hw);
  kfree(to_clk_fixed_rate(hw));
}
clk_hw* clk_hw_register_fixed_factor(device* dev, const char* name, const char* parent, unsigned long flags, unsigned mult,
                                     unsigned div) noexcept {
  return register_kind(dev, clk_fixed_factor{{}, mult, div}, &kmem_clk_fixed_factor_ops, name, parent, flags);
}
void clk_hw_unregister_fixed_factor(clk_hw* hw) noexcept {
  clk_hw_unregister(hw);
  kfree(to_clk_fixed_factor(hw));
}
clk_hw* clk_hw_register_gate(device* dev, const char* name, const char* parent, unsigned long flags, void* reg, u8 bit,
                             u8 gate_flags, spinlock_t* lock) noexcept {
  return register_kind(dev, clk_gate{{}, reg, bit, gate_flags, lock}, &kmem_clk_gate_ops, name, parent, flags);
}
void clk_hw_unregister_gate(clk_hw* hw) noexcept {
  clk_hw_unregister(hw);
  kfree(to_clk_gate(hw));
}

const char* clk_hw_get_name(const clk_hw* hw) noexcept { return hw->core->name; }
unsigned clk_hw_get_num_parents(const clk_hw* hw) noexcept { return hw->core->nr_parents; }
clk_hw* clk_hw_get_parent(const clk_hw* hw) noexcept { return hw->core->parent ? hw->core->parent->hw : nullptr; }
clk_hw* clk_hw_get_parent_by_index(const clk_hw* hw, unsigned index) noexcept {
  if (index >= hw->core->nr_parents) return nullptr;
  PrepareLock hold;
  const clk_core* parent = find(hw->core->parent_names[index]);
  return parent ? parent->hw : nullptr;
}
unsigned long clk_hw_get_rate(const clk_hw* hw) noexcept { return hw->core->rate; }
unsigned long clk_hw_get_flags(const clk_hw* hw) noexcept { return hw->core->flags; }
bool clk_hw_is_prepared(const clk_hw* hw) noexcept {
  if (hw->core->ops->is_prepared) return hw->core->ops->is_prepared(hw->core->hw) != 0;
  return hw->core->prepare_count != 0;
}
bool clk_hw_is_enabled(const clk_hw* hw) noexcept {
  if (hw->core->ops->is_enabled) return hw->core->ops->is_enabled(hw->core->hw) != 0;
  return hw->core->enable_count != 0;
}
unsigned long clk_hw_round_rate(clk_hw* hw, unsigned long rate) noexcept {
  const long rounded = hw ? clk_round_rate(hw->clk, rate) : 0;
  return rounded < 0 ? 0 : static_cast<unsigned long>(rounded);
}
const char* __clk_get_name(const clk* user) noexcept { return user ? user->core->name : nullptr; }
clk_hw* __clk_get_hw(clk* user) noexcept { return user ? user->core->hw : nullptr; }
bool __clk_is_enabled(clk* user) noexcept { return user && user->core->hw && clk_hw_is_enabled(user->core->hw); }

}  // extern "C"
