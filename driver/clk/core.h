#pragma once
// What the files of clocks share.

#include <linux/clk-provider.h>
#include <linux/list.h>
#include <linux/sched.h>

/// One clock, whoever has it.  Prepared and the rate: the prepare lock.  Enabled: the enable lock.
struct clk_core {
  list_head node;
  const char* name;
  const clk_ops* ops;
  clk_hw* hw;  // null: its driver is gone
  clk_core* parent;
  const char** parent_names;
  u8 nr_parents;
  u8 parent_index;
  unsigned long flags, rate;
  unsigned prepare_count, enable_count;
  blocking_notifier_head notifiers;
  int refs;  // the registration, and each struct clk
};
/// A user's own.
struct clk {
  clk_core* core;
};

namespace kmem_driver::clocks {

/// A clock's functions may call clocks: each lock may be taken again by the task that has it.
class PrepareLock {
 public:
  PrepareLock();
  ~PrepareLock();
  PrepareLock(const PrepareLock&) = delete;
};
class EnableLock {
 public:
  EnableLock();
  ~EnableLock();
  EnableLock(const EnableLock&) = delete;

 private:
  unsigned long flags_ = 0;
  bool outer_;
};

// With the prepare lock held.
extern list_head all;
/// Asks for the rate, and for those of all below it; `told`: who is to be notified is.
void recalculate(clk_core* core, bool told);
clk_core* find(const char* name);
/// The clock of a device, by its name; null.
clk_core* look_up(const char* dev_id, const char* con_id);
unsigned long rate_below(const clk_core* core, unsigned long parent_rate);
int prepare(clk_core* core);
void unprepare(clk_core* core);
int enable(clk_core* core);
void disable(clk_core* core);

/// A new struct clk of it; null.
clk* new_user(clk_core* core);
void put_user(clk* user);

}  // namespace kmem_driver::clocks
