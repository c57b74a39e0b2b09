#ifndef KMEM_LINUX_CLK_H
#define KMEM_LINUX_CLK_H
/* Clocks, as drivers of devices use them: found by the device and a name, prepared (may sleep), enabled, with a rate.  Both are
 * counted: a clock runs from the first enable to the last disable, and so do its parents.  NULL is a clock that is always there
 * and has rate 0.
 *
 * Clocks come from drivers of clocks (<linux/clk-provider.h>); a test makes one by clk_hw_register_fixed_rate() and names its
 * user by clk_hw_register_clkdev().
 *
 * clk_enable(), clk_disable(): any context.  Getting, preparing, rates and parents: task context.  What differs: no ranges of
 * rates, and no clocks from a device tree.
 * Meaning: the kernel's <linux/clk.h> and Documentation/driver-api/clk.rst. */
#include <kmem/driver_face.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/notifier.h>
#include <linux/types.h>

struct clk;
struct device;

#define PRE_RATE_CHANGE BIT(0)   /* about to change; NOTIFY_BAD says no */
#define POST_RATE_CHANGE BIT(1)  /* it has */
#define ABORT_RATE_CHANGE BIT(2) /* somebody said no */

struct clk_notifier_data {
  struct clk* clk;
  unsigned long old_rate, new_rate;
};
struct clk_bulk_data {
  const char* id;
  struct clk* clk;
};

KMEM_BEGIN_C
/** The device's clock of that name; `id` NULL: its only one. ERR_PTR(-ENOENT): there is none; the optional forms then give
 *  NULL. */
KMEM_API struct clk* clk_get(struct device* dev, const char* id) KMEM_DRIVER_NAME(clk_get);
KMEM_API struct clk* clk_get_sys(const char* dev_id, const char* con_id) KMEM_DRIVER_NAME(clk_get_sys);
KMEM_API void clk_put(struct clk* clk) KMEM_DRIVER_NAME(clk_put);
static inline struct clk* clk_get_optional(struct device* dev, const char* id) {
  struct clk* clk = clk_get(dev, id);
  return IS_ERR(clk) && PTR_ERR(clk) == -ENOENT ? NULL : clk;
}
/** Given back with the device's resources; unprepared or disabled before, where it was prepared or enabled here. */
KMEM_API struct clk* devm_clk_get(struct device* dev, const char* id) KMEM_DRIVER_NAME(devm_clk_get);
KMEM_API struct clk* devm_clk_get_prepared(struct device* dev, const char* id) KMEM_DRIVER_NAME(devm_clk_get_prepared);
KMEM_API struct clk* devm_clk_get_enabled(struct device* dev, const char* id) KMEM_DRIVER_NAME(devm_clk_get_enabled);
KMEM_API struct clk* devm_clk_get_optional(struct device* dev, const char* id) KMEM_DRIVER_NAME(devm_clk_get_optional);
KMEM_API struct clk* devm_clk_get_optional_prepared(struct device* dev, const char* id)
    KMEM_DRIVER_NAME(devm_clk_get_optional_prepared);
KMEM_API struct clk* devm_clk_get_optional_enabled(struct device* dev, const char* id)
    KMEM_DRIVER_NAME(devm_clk_get_optional_enabled);
KMEM_API void devm_clk_put(struct device* dev, struct clk* clk) KMEM_DRIVER_NAME(devm_clk_put);

KMEM_MUST_CHECK KMEM_API int clk_prepare(struct clk* clk) KMEM_DRIVER_NAME(clk_prepare);
/** More often than prepared, and below clk_disable() more often than enabled: reported, and not done. */
KMEM_API void clk_unprepare(struct clk* clk) KMEM_DRIVER_NAME(clk_unprepare);
/** -ESHUTDOWN, with a report: it is not prepared. */
KMEM_MUST_CHECK KMEM_API int clk_enable(struct clk* clk) KMEM_DRIVER_NAME(clk_enable);
KMEM_API void clk_disable(struct clk* clk) KMEM_DRIVER_NAME(clk_disable);
KMEM_MUST_CHECK static inline int clk_prepare_enable(struct clk* clk) {
  const int error = clk_prepare(clk);
  const int failed = error ? error : clk_enable(clk);
  if (failed && !error) clk_unprepare(clk);
  return failed;
}
static inline void clk_disable_unprepare(struct clk* clk) {
  clk_disable(clk);
  clk_unprepare(clk);
}

/** In hertz. */
KMEM_API unsigned long clk_get_rate(struct clk* clk) KMEM_DRIVER_NAME(clk_get_rate);
/** What clk_set_rate() would give; -errno. */
KMEM_API long clk_round_rate(struct clk* clk, unsigned long rate) KMEM_DRIVER_NAME(clk_round_rate);
/** -EBUSY: it may not change while it is prepared, or somebody who was notified said no. */
KMEM_API int clk_set_rate(struct clk* clk, unsigned long rate) KMEM_DRIVER_NAME(clk_set_rate);
KMEM_API int clk_set_parent(struct clk* clk, struct clk* parent) KMEM_DRIVER_NAME(clk_set_parent);
/** NULL: none. Not to be given back. */
KMEM_API struct clk* clk_get_parent(struct clk* clk) KMEM_DRIVER_NAME(clk_get_parent);
KMEM_API bool clk_has_parent(const struct clk* clk, const struct clk* parent) KMEM_DRIVER_NAME(clk_has_parent);
/** Are both the same clock? */
KMEM_API bool clk_is_match(const struct clk* a, const struct clk* b) KMEM_DRIVER_NAME(clk_is_match);
/** Called with a clk_notifier_data when the rate changes, also by way of a parent. */
KMEM_API int clk_notifier_register(struct clk* clk, struct notifier_block* block) KMEM_DRIVER_NAME(clk_notifier_register);
KMEM_API int clk_notifier_unregister(struct clk* clk, struct notifier_block* block) KMEM_DRIVER_NAME(clk_notifier_unregister);

/* Several at once: all of them, or none and the error. */
KMEM_MUST_CHECK KMEM_API int clk_bulk_get(struct device* dev, int n, struct clk_bulk_data* clks) KMEM_DRIVER_NAME(clk_bulk_get);
KMEM_MUST_CHECK KMEM_API int clk_bulk_get_optional(struct device* dev, int n, struct clk_bulk_data* clks)
    KMEM_DRIVER_NAME(clk_bulk_get_optional);
KMEM_API void clk_bulk_put(int n, struct clk_bulk_data* clks) KMEM_DRIVER_NAME(clk_bulk_put);
KMEM_MUST_CHECK KMEM_API int devm_clk_bulk_get(struct device* dev, int n, struct clk_bulk_data* clks)
    KMEM_DRIVER_NAME(devm_clk_bulk_get);
KMEM_MUST_CHECK KMEM_API int devm_clk_bulk_get_optional(struct device* dev, int n, struct clk_bulk_data* clks)
    KMEM_DRIVER_NAME(devm_clk_bulk_get_optional);
KMEM_MUST_CHECK KMEM_API int clk_bulk_prepare(int n, const struct clk_bulk_data* clks) KMEM_DRIVER_NAME(clk_bulk_prepare);
KMEM_API void clk_bulk_unprepare(int n, const struct clk_bulk_data* clks) KMEM_DRIVER_NAME(clk_bulk_unprepare);
KMEM_MUST_CHECK KMEM_API int clk_bulk_enable(int n, const struct clk_bulk_data* clks) KMEM_DRIVER_NAME(clk_bulk_enable);
KMEM_API void clk_bulk_disable(int n, const struct clk_bulk_data* clks) KMEM_DRIVER_NAME(clk_bulk_disable);
KMEM_MUST_CHECK static inline int clk_bulk_prepare_enable(int n, const struct clk_bulk_data* clks) {
  const int error = clk_bulk_prepare(n, clks);
  const int failed = error ? error : clk_bulk_enable(n, clks);
  if (failed && !error) clk_bulk_unprepare(n, clks);
  return failed;
}
static inline void clk_bulk_disable_unprepare(int n, const struct clk_bulk_data* clks) {
  clk_bulk_disable(n, clks);
  clk_bulk_unprepare(n, clks);
}
KMEM_END_C
#endif
