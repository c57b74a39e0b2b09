#ifndef KMEM_LINUX_CLKDEV_H
#define KMEM_LINUX_CLKDEV_H
/* Which device has which clock, by their names.  Meaning: the kernel's <linux/clkdev.h>. */
#include <linux/list.h>
#include <linux/types.h>

struct clk;
struct clk_hw;
struct device;

/** `dev_id` NULL: any device; `con_id` NULL: any name.  The device counts more than the name. */
struct clk_lookup {
  struct list_head node;
  const char* dev_id;
  const char* con_id;
  struct clk* clk;
  struct clk_hw* clk_hw;
};
#define CLKDEV_INIT(device_name, name, its_clk) \
  { .dev_id = device_name, .con_id = name, .clk = its_clk }

KMEM_BEGIN_C
KMEM_API void clkdev_add(struct clk_lookup* lookup) KMEM_DRIVER_NAME(clkdev_add);
KMEM_API void clkdev_add_table(struct clk_lookup* lookups, size_t n) KMEM_DRIVER_NAME(clkdev_add_table);
/** Removes and frees one of clkdev_create() and clkdev_hw_create(). */
KMEM_API void clkdev_drop(struct clk_lookup* lookup) KMEM_DRIVER_NAME(clkdev_drop);
KMEM_API struct clk_lookup* clkdev_create(struct clk* clk, const char* con_id, const char* dev_format, ...)
    KMEM_DRIVER_NAME(clkdev_create) KMEM_PRINTF_LIKE(3, 4);
KMEM_API struct clk_lookup* clkdev_hw_create(struct clk_hw* hw, const char* con_id, const char* dev_format, ...)
    KMEM_DRIVER_NAME(clkdev_hw_create) KMEM_PRINTF_LIKE(3, 4);
/** For as long as the program runs. 0; the error of `clk`; -ENOMEM. */
KMEM_API int clk_register_clkdev(struct clk* clk, const char* con_id, const char* dev_id) KMEM_DRIVER_NAME(clk_register_clkdev);
KMEM_API int clk_hw_register_clkdev(struct clk_hw* hw, const char* con_id, const char* dev_id)
    KMEM_DRIVER_NAME(clk_hw_register_clkdev);
KMEM_API int devm_clk_hw_register_clkdev(struct device* dev, struct clk_hw* hw, const char* con_id, const char* dev_id)
    KMEM_DRIVER_NAME(devm_clk_hw_register_clkdev);
KMEM_END_C
#endif
