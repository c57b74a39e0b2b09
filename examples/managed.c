/* A driver whose start takes several things and may fail after each: what it has taken by then is given back by one call. */
#include <kmem/device.h>
#include <linux/device.h>
#include <linux/slab.h>
#include <stdio.h>

enum { REGISTERS = 0x1000, ID = 0, CARD_ID = 0x4b4d4331 };

struct driver {
  char* name;
  u32* table;
  void* registers;
};

static void stop_card(void* registers) {
  writel(0, registers);
  puts("the card is stopped");
}

static int start(struct device* dev, const struct resource* where, u32 want) {
  struct driver* driver = devm_kzalloc(dev, sizeof *driver, GFP_KERNEL);
  if (!driver) return -ENOMEM;
  driver->name = devm_kstrdup(dev, "card", GFP_KERNEL);
  driver->table = devm_kcalloc(dev, 256, sizeof *driver->table, GFP_KERNEL);
  if (!driver->name || !driver->table) return -ENOMEM;
  driver->registers = devm_ioremap_resource(dev, where);
  if (IS_ERR(driver->registers)) return (int)PTR_ERR(driver->registers);
  const int error = devm_add_action_or_reset(dev, stop_card, driver->registers);
  if (error) return error;
  if (readl((char*)driver->registers + ID) != want) return -ENODEV;
  dev_set_drvdata(dev, driver);
  return 0;
}

static unsigned long long read_card(void* card, size_t offset, unsigned bytes) {
  (void)card;
  return offset == ID && bytes == 4 ? CARD_ID : 0;
}

int main(void) {
  static const struct kmem_device_ops card = {read_card, NULL};
  const struct resource where = DEFINE_RES_MEM(0xfe000000, REGISTERS);
  struct device dev = {.init_name = "card0"};
  if (kmem_register_simulated_device("card", where.start, REGISTERS, &card, NULL)) return puts("BAD"), 1;

  printf("started: %d\n", start(&dev, &where, CARD_ID));
  printf("%d things given back\n", devres_release_all(&dev));
  printf("another card: %d\n", start(&dev, &where, CARD_ID + 1)); /* -ENODEV */
  const int nr = devres_release_all(&dev);
  printf("%d things given back\n", nr);
  if (kmem_unregister_device(where.start) || nr != 6) return puts("BAD: something is left"), 1;
  return 0;
}
