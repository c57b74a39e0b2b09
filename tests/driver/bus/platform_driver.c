// A platform driver as it is written for the kernel: a counter with one register.
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

struct counter {
  void __iomem* registers;
  u32 limit;
};

static ssize_t value_show(struct device* dev, struct device_attribute* attr, char* buf) {
  struct counter* counter = dev_get_drvdata(dev);

  return sysfs_emit(buf, "%u of %u\n", readl(counter->registers), counter->limit);
}
static DEVICE_ATTR_RO(value);
static struct attribute* counter_attrs[] = {&dev_attr_value.attr, NULL};
ATTRIBUTE_GROUPS(counter);

static int counter_probe(struct platform_device* pdev) {
  const u32* limit = dev_get_platdata(&pdev->dev);
  struct counter* counter;

  counter = devm_kzalloc(&pdev->dev, sizeof(*counter), GFP_KERNEL);
  if (!counter) return -ENOMEM;
  counter->registers = devm_platform_ioremap_resource(pdev, 0);
  if (IS_ERR(counter->registers)) return PTR_ERR(counter->registers);
  counter->limit = limit ? *limit : 10;
  platform_set_drvdata(pdev, counter);
  dev_info(&pdev->dev, "bound by entry %s\n", platform_get_device_id(pdev)->name);
  return 0;
}

static int counter_remove(struct platform_device* pdev) {
  dev_info(&pdev->dev, "gone\n");
  return 0;
}

static const struct platform_device_id counter_ids[] = {{"counter-a", 1}, {"counter-b", 2}, {}};
MODULE_DEVICE_TABLE(platform, counter_ids);
static const struct of_device_id counter_of_match[] = {{.compatible = "example,counter"}, {}};
MODULE_DEVICE_TABLE(of, counter_of_match);

static struct platform_driver counter_driver = {
    .probe = counter_probe,
    .remove = counter_remove,
    .id_table = counter_ids,
    .driver =
        {
            .name = "counter",
            .of_match_table = of_match_ptr(counter_of_match),
            .dev_groups = counter_groups,
        },
};
module_platform_driver(counter_driver);

MODULE_LICENSE("GPL");
