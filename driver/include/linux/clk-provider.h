#ifndef KMEM_LINUX_CLK_PROVIDER_H
#define KMEM_LINUX_CLK_PROVIDER_H
/* Clocks, as their drivers make them: functions that prepare, enable, and know the rate, and the names of possible parents.  A
 * parent that comes later is waited for; until then the rate is that of a parent of 0 Hz.
 *
 * Task context.  What differs: of the ready-made kinds there are those of a fixed rate, of a fixed factor, and gates; phases,
 * duty cycles, accuracies and a device tree's providers are not there.
 * Meaning: the kernel's Documentation/driver-api/clk.rst. */
#include <linux/clk.h>
#include <linux/io.h>
#include <linux/spinlock.h>

#define CLK_SET_RATE_GATE BIT(0)    /* not while it is prepared */
#define CLK_SET_PARENT_GATE BIT(1)  /* the same of its parent */
#define CLK_SET_RATE_PARENT BIT(2)  /* a change of the rate may change the parent's */
#define CLK_GET_RATE_NOCACHE BIT(6) /* ask each time */
#define CLK_IS_CRITICAL BIT(11)     /* runs from the registration on */

struct clk_core;
struct clk_hw {
  struct clk_core* core;
  struct clk* clk;
  const struct clk_init_data* init; /* not used after the registration */
};
struct clk_rate_request {
  unsigned long rate; /* wanted, and then given */
  unsigned long min_rate, max_rate;
  unsigned long best_parent_rate;
  struct clk_hw* best_parent_hw;
};

/** Each may be NULL.  `enable`, `disable` and `is_enabled` must not sleep.  Without `recalc_rate` the rate is the parent's. */
struct clk_ops {
  int (*prepare)(struct clk_hw* hw);
  void (*unprepare)(struct clk_hw* hw);
  int (*is_prepared)(struct clk_hw* hw);
  int (*enable)(struct clk_hw* hw);
  void (*disable)(struct clk_hw* hw);
  int (*is_enabled)(struct clk_hw* hw);
  unsigned long (*recalc_rate)(struct clk_hw* hw, unsigned long parent_rate);
  long (*round_rate)(struct clk_hw* hw, unsigned long rate, unsigned long* parent_rate);
  int (*determine_rate)(struct clk_hw* hw, struct clk_rate_request* request);
  int (*set_parent)(struct clk_hw* hw, u8 index);
  u8 (*get_parent)(struct clk_hw* hw);
  int (*set_rate)(struct clk_hw* hw, unsigned long rate, unsigned long parent_rate);
  int (*init)(struct clk_hw* hw);
  void (*terminate)(struct clk_hw* hw);
};
/** Parents by their names, or by themselves. */
struct clk_init_data {
  const char* name;
  const struct clk_ops* ops;
  const char* const* parent_names;
  const struct clk_hw** parent_hws;
  u8 num_parents;
  unsigned long flags;
};
#define CLK_HW_INIT(its_name, parent, its_ops, its_flags) \
  (&(struct clk_init_data){                               \
      .name = its_name, .ops = its_ops, .parent_names = (const char*[]){parent}, .num_parents = 1, .flags = its_flags})
#define CLK_HW_INIT_NO_PARENT(its_name, its_ops, its_flags) \
  (&(struct clk_init_data){.name = its_name, .ops = its_ops, .num_parents = 0, .flags = its_flags})

struct clk_fixed_rate {
  struct clk_hw hw;
  unsigned long fixed_rate;
};
struct clk_fixed_factor {
  struct clk_hw hw;
  unsigned int mult, div;
};
struct clk_gate {
  struct clk_hw hw;
  void __iomem* reg;
  u8 bit_idx, flags;
  spinlock_t* lock;
};
#define CLK_GATE_SET_TO_DISABLE BIT(0)
#define to_clk_fixed_rate(h) container_of(h, struct clk_fixed_rate, hw)
#define to_clk_fixed_factor(h) container_of(h, struct clk_fixed_factor, hw)
#define to_clk_gate(h) container_of(h, struct clk_gate, hw)

KMEM_BEGIN_C
extern KMEM_API const struct clk_ops kmem_clk_fixed_rate_ops, kmem_clk_fixed_factor_ops, kmem_clk_gate_ops;
#define clk_fixed_rate_ops kmem_clk_fixed_rate_ops
#define clk_fixed_factor_ops kmem_clk_fixed_factor_ops
#define clk_gate_ops kmem_clk_gate_ops

/** 0; -EINVAL: no name, or no functions; -EEXIST: there is one of that name; -ENOMEM; or what its init() says. */
KMEM_API int clk_hw_register(struct device* dev, struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_register);
KMEM_API struct clk* clk_register(struct device* dev, struct clk_hw* hw) KMEM_DRIVER_NAME(clk_register);
KMEM_API int devm_clk_hw_register(struct device* dev, struct clk_hw* hw) KMEM_DRIVER_NAME(devm_clk_hw_register);
/** Who still has it gets -ENXIO from then on. One that is prepared is reported. */
KMEM_API void clk_hw_unregister(struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_unregister);
KMEM_API void clk_unregister(struct clk* clk) KMEM_DRIVER_NAME(clk_unregister);

/* Ready-made; ERR_PTR(). The functions that unregister free them too. */
KMEM_API struct clk_hw* clk_hw_register_fixed_rate(struct device* dev, const char* name, const char* parent_name,
                                                   unsigned long flags, unsigned long rate)
    KMEM_DRIVER_NAME(clk_hw_register_fixed_rate);
KMEM_API void clk_hw_unregister_fixed_rate(struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_unregister_fixed_rate);
KMEM_API struct clk_hw* clk_hw_register_fixed_factor(struct device* dev, const char* name, const char* parent_name,
                                                     unsigned long flags, unsigned int mult, unsigned int div)
    KMEM_DRIVER_NAME(clk_hw_register_fixed_factor);
KMEM_API void clk_hw_unregister_fixed_factor(struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_unregister_fixed_factor);
/** A bit of a register lets it through. `lock` (it may be NULL) guards the register. */
KMEM_API struct clk_hw* clk_hw_register_gate(struct device* dev, const char* name, const char* parent_name, unsigned long flags,
                                             void __iomem* reg, u8 bit_idx, u8 gate_flags, spinlock_t* lock)
    KMEM_DRIVER_NAME(clk_hw_register_gate);
KMEM_API void clk_hw_unregister_gate(struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_unregister_gate);

KMEM_API const char* clk_hw_get_name(const struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_get_name);
KMEM_API unsigned int clk_hw_get_num_parents(const struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_get_num_parents);
/** NULL: it is not there. */
KMEM_API struct clk_hw* clk_hw_get_parent(const struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_get_parent);
KMEM_API struct clk_hw* clk_hw_get_parent_by_index(const struct clk_hw* hw, unsigned int index)
    KMEM_DRIVER_NAME(clk_hw_get_parent_by_index);
KMEM_API unsigned long clk_hw_get_rate(const struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_get_rate);
KMEM_API unsigned long clk_hw_get_flags(const struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_get_flags);
KMEM_API bool clk_hw_is_prepared(const struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_is_prepared);
KMEM_API bool clk_hw_is_enabled(const struct clk_hw* hw) KMEM_DRIVER_NAME(clk_hw_is_enabled);
/** For a driver whose own parent is asked. */
KMEM_API unsigned long clk_hw_round_rate(struct clk_hw* hw, unsigned long rate) KMEM_DRIVER_NAME(clk_hw_round_rate);
KMEM_API const char* __clk_get_name(const struct clk* clk) KMEM_DRIVER_NAME(__clk_get_name);
KMEM_API struct clk_hw* __clk_get_hw(struct clk* clk) KMEM_DRIVER_NAME(__clk_get_hw);
KMEM_API bool __clk_is_enabled(struct clk* clk) KMEM_DRIVER_NAME(__clk_is_enabled);
KMEM_END_C
#endif
