// Clocks as their users see them: counts, rates, parents.

#include <linux/clk.h>

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "clk/core.h"

namespace kmem_driver::clocks {

LIST_HEAD(all);

namespace {

DEFINE_MUTEX(prepare_mutex);
constinit const task_struct* prepare_owner = nullptr;
constinit unsigned prepare_depth = 0;
DEFINE_SPINLOCK(enable_spin);
constinit const task_struct* enable_owner = nullptr;

unsigned long rate_of(const clk_core* core) { return core ? core->rate : 0; }

}  // namespace

PrepareLock::PrepareLock() {
  if (__atomic_load_n(&prepare_owner, __ATOMIC_RELAXED) != get_current()) {
    mutex_lock(&prepare_mutex);
    __atomic_store_n(&prepare_owner, get_current(), __ATOMIC_RELAXED);
  }
  ++prepare_depth;
}
PrepareLock::~PrepareLock() {
  if (--prepare_depth) return;
  __atomic_store_n(&prepare_owner, nullptr, __ATOMIC_RELAXED);
  mutex_unlock(&prepare_mutex);
}

EnableLock::EnableLock() : outer_(__atomic_load_n(&enable_owner, __ATOMIC_RELAXED) != get_current()) {
  if (!outer_) return;
  spin_lock_irqsave(&enable_spin, flags_);
  __atomic_store_n(&enable_owner, get_current(), __ATOMIC_RELAXED);
}
EnableLock::~EnableLock() {
  if (!outer_) return;
  __atomic_store_n(&enable_owner, nullptr, __ATOMIC_RELAXED);
  spin_unlock_irqrestore(&enable_spin, flags_);
}

// Prepared and enabled ------------------------------------------------------------------------------------------------------

int prepare(clk_core* core) {
  if (!core || core->prepare_count++) return 0;
  int error = prepare(core->parent);
  if (!error && core->ops->prepare) {
    error = core->ops->prepare(core->hw);
    if (error) unprepare(core->parent);
  }
  if (error) --core->prepare_count;
  return error;
}

void unprepare(clk_core* core) {
  if (!core) return;
  if (WARN(!core->prepare_count, "%s already unprepared", core->name)) return;
  if (WARN(core->prepare_count == 1 && core->flags & CLK_IS_CRITICAL, "Unpreparing critical %s", core->name)) return;
  if (--core->prepare_count) return;
  WARN(core->enable_count, "Unpreparing enabled %s", core->name);
  if (core->ops->unprepare) core->ops->unprepare(core->hw);
  unprepare(core->parent);
}

int enable(clk_core* core) {
  if (!core) return 0;
  if (WARN(!core->prepare_count, "Enabling unprepared %s", core->name)) return -ESHUTDOWN;
  if (core->enable_count++) return 0;
  int error = enable(core->parent);
  if (!error && core->ops->enable) {
    error = core->ops->enable(core->hw);
    if (error) disable(core->parent);
  }
  if (error) --core->enable_count;
  return error;
}

void disable(clk_core* core) {
  if (!core) return;
  if (WARN(!core->enable_count, "%s already disabled", core->name)) return;
  if (WARN(core->enable_count == 1 && core->flags & CLK_IS_CRITICAL, "Disabling critical %s", core->name)) return;
  if (--core->enable_count) return;
  if (core->ops->disable) core->ops->disable(core->hw);
  disable(core->parent);
}

// Rates --------------------------------------------------------------------------------------------------------------------

unsigned long rate_below(const clk_core* core, unsigned long parent_rate) {
  return core->ops->recalc_rate ? core->ops->recalc_rate(core->hw, parent_rate) : parent_rate;
}

namespace {

int notify(clk_core* core, unsigned long what, unsigned long before, unsigned long after) {
  clk user = {core};
  clk_notifier_data data = {&user, before, after};
  return blocking_notifier_call_chain(&core->notifiers, what, &data);
}

/// Tells those whose rate would change; false: somebody says no.
bool may_become(clk_core* core, unsigned long rate) {
  if (core->rate != rate && notify(core, PRE_RATE_CHANGE, core->rate, rate) & NOTIFY_STOP_MASK) return false;
  clk_core* child;
  list_for_each_entry(child, &all,
                      node) if (child->parent == core && child->hw && !may_become(child, rate_below(child, rate))) return false;
  return true;
}
void tell_aborted(clk_core* core, unsigned long rate) {
  if (core->rate != rate) notify(core, ABORT_RATE_CHANGE, core->rate, rate);
  clk_core* child;
  list_for_each_entry(child, &all, node) if (child->parent == core && child->hw) tell_aborted(child, rate_below(child, rate));
}

/// What the clock could have for a wanted rate, and the rate that its parent would need.
long round(clk_core* core, unsigned long rate, unsigned long* parent_rate) {
  *parent_rate = rate_of(core->parent);
  if (core->ops->determine_rate) {
    clk_rate_request request = {rate, 0, ~0ul, *parent_rate, core->parent ? core->parent->hw : nullptr};
    const int error = core->ops->determine_rate(core->hw, &request);
    *parent_rate = request.best_parent_rate;
    return error ? error : static_cast<long>(request.rate);
  }
  if (core->ops->round_rate) return core->ops->round_rate(core->hw, rate, parent_rate);
  if (!(core->flags & CLK_SET_RATE_PARENT) || !core->parent) return static_cast<long>(core->rate);
  unsigned long above;
  const long rounded = round(core->parent, rate, &above);
  if (rounded >= 0) *parent_rate = static_cast<unsigned long>(rounded);
  return rounded;
}

int set_rate(clk_core* core, unsigned long rate) {
  unsigned long parent_rate;
  const long rounded = round(core, rate, &parent_rate);
  if (rounded < 0) return static_cast<int>(rounded);
  const unsigned long next = static_cast<unsigned long>(rounded);
  if (next == core->rate && parent_rate == rate_of(core->parent)) return 0;
  if (core->flags & CLK_SET_RATE_GATE && core->prepare_count) return -EBUSY;
  if (core->parent && core->flags & CLK_SET_RATE_PARENT && parent_rate != core->parent->rate)
    if (const int error = set_rate(core->parent, parent_rate)) return error;
  if (!core->ops->set_rate) return 0;
  if (!may_become(core, next)) {
    tell_aborted(core, next);
    return -EBUSY;
  }
  const int error = core->ops->set_rate(core->hw, next, rate_of(core->parent));
  recalculate(core, true);
  return error;
}

// Parents ------------------------------------------------------------------------------------------------------------------

int index_of(const clk_core* core, const clk_core* parent) {
  for (int i = 0; i < core->nr_parents; ++i)
    if (!strcmp(core->parent_names[i], parent->name)) return i;
  return -EINVAL;
}

/// The new one runs before the old one is let go.
int move_to(clk_core* core, clk_core* parent, u8 index) {
  clk_core* old = core->parent;
  const bool prepared = core->prepare_count, enabled = core->enable_count;
  int error = prepared ? prepare(parent) : 0;
  if (error) return error;
  if (enabled) {
    EnableLock hold;
    enable(parent);
  }
  error = core->ops->set_parent ? core->ops->set_parent(core->hw, index) : -EPERM;
  clk_core* let_go = error ? parent : old;
  if (!error) {
    core->parent = parent;
    core->parent_index = index;
  }
  if (enabled) {
    EnableLock hold;
    disable(let_go);
  }
  if (prepared) unprepare(let_go);
  return error;
}

}  // namespace

void recalculate(clk_core* core, bool told) {
  const unsigned long before = core->rate;
  core->rate = core->hw ? rate_below(core, rate_of(core->parent)) : 0;
  if (told && before != core->rate) notify(core, POST_RATE_CHANGE, before, core->rate);
  clk_core* child;
  list_for_each_entry(child, &all, node) if (child->parent == core) recalculate(child, told);
}

clk* new_user(clk_core* core) {
  auto* user = static_cast<clk*>(kzalloc(sizeof(clk), GFP_KERNEL));
  if (!user) return nullptr;
  user->core = core;
  ++core->refs;
  return user;
}
void put_user(clk* user) {
  clk_core* core = user->core;
  kfree(user);
  if (--core->refs) return;
  kfree(core->name);
  for (int i = 0; i < core->nr_parents; ++i) kfree(core->parent_names[i]);
  kfree(core->parent_names);
  kfree(core);
}

}  // namespace kmem_driver::clocks

using namespace kmem_driver::clocks;

extern "C" {

int clk_prepare(clk* user) noexcept {
  if (!user) return 0;
  PrepareLock hold;
  return prepare(user->core);
}
void clk_unprepare(clk* user) noexcept {
  if (IS_ERR_OR_NULL(user)) return;
  PrepareLock hold;
  unprepare(user->core);
}
int clk_enable(clk* user) noexcept {
  if (!user) return 0;
  EnableLock hold;
  return enable(user->core);
}
void clk_disable(clk* user) noexcept {
  if (IS_ERR_OR_NULL(user)) return;
  EnableLock hold;
  disable(user->core);
}

unsigned long clk_get_rate(clk* user) noexcept {
  if (!user) return 0;
  PrepareLock hold;
  if (user->core->flags & CLK_GET_RATE_NOCACHE) recalculate(user->core, false);
  return user->core->rate;
}
long clk_round_rate(clk* user, unsigned long rate) noexcept {
  if (!user) return 0;
  PrepareLock hold;
  unsigned long parent_rate;
  return user->core->hw ? round(user->core, rate, &parent_rate) : -ENXIO;
}
int clk_set_rate(clk* user, unsigned long rate) noexcept {
  if (!user) return 0;
  PrepareLock hold;
  return user->core->hw ? set_rate(user->core, rate) : -ENXIO;
}

int clk_set_parent(clk* user, clk* parent) noexcept {
  if (!user) return 0;
  PrepareLock hold;
  clk_core* core = user->core;
  if (!parent || !core->hw) return parent ? -ENXIO : -EINVAL;
  if (core->parent == parent->core) return 0;
  const int index = index_of(core, parent->core);
  if (index < 0) return index;
  if (core->flags & CLK_SET_PARENT_GATE && core->prepare_count) return -EBUSY;
  const unsigned long next = rate_below(core, parent->core->rate);
  if (!may_become(core, next)) {
    tell_aborted(core, next);
    return -EBUSY;
  }
  const int error = move_to(core, parent->core, static_cast<u8>(index));
  recalculate(core, true);
  return error;
}
clk* clk_get_parent(clk* user) noexcept {
  if (!user) return nullptr;
  PrepareLock hold;
  clk_core* parent = user->core->parent;
  return parent && parent->hw ? parent->hw->clk : nullptr;
}
bool clk_has_parent(const clk* user, const clk* parent) noexcept {
  if (!user || !parent) return true;
  return user->core->parent == parent->core || index_of(user->core, parent->core) >= 0;
}
bool clk_is_match(const clk* a, const clk* b) noexcept {
  return a == b || (!IS_ERR_OR_NULL(a) && !IS_ERR_OR_NULL(b) && a->core == b->core);
}

int clk_notifier_register(clk* user, notifier_block* block) noexcept {
  return user && block ? blocking_notifier_chain_register(&user->core->notifiers, block) : -EINVAL;
}
int clk_notifier_unregister(clk* user, notifier_block* block) noexcept {
  return user && block ? blocking_notifier_chain_unregister(&user->core->notifiers, block) : -EINVAL;
}

}  // extern "C"
