#ifndef KMEM_LINUX_DEVICE_H
#define KMEM_LINUX_DEVICE_H
/* What a driver takes for the time that it has its device: each is noted with the device, and given back in reverse order by
 * devres_release_all(), which the driver core calls when the driver fails to start or leaves; here the program calls it.
 *
 * A struct device of zeros is ready for use.  All of it takes any context in which what is taken may be taken: devm_kmalloc()
 * with GFP_ATOMIC is for any, mapping for task context.  Releasing runs the same functions as giving back by hand would.
 *
 * Meaning: the kernel's Documentation/driver-api/driver-model/devres.rst. */
#include <asm/io.h>
#include <kmem/c_face.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/overflow.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>

struct kmem_managed;

struct device {
  const char* init_name;
  void* driver_data;
  void* platform_data;
  struct device* parent;
  /* kmem's own. */
  spinlock_t devres_lock;
  struct kmem_managed* devres_last;
};

KMEM_BEGIN_C

static inline const char* dev_name(const struct device* dev) { return dev->init_name ? dev->init_name : "(unnamed)"; }
static inline void* dev_get_drvdata(const struct device* dev) { return dev->driver_data; }
static inline void dev_set_drvdata(struct device* dev, void* data) { dev->driver_data = data; }
static inline void* dev_get_platdata(const struct device* dev) { return dev->platform_data; }

/** Gives back all that is noted with the device, the last first; how many there were.  What the actions of it note is given
 *  back too. */
KMEM_API int devres_release_all(struct device* dev) KMEM_NOTHROW;

/** `action(data)` among what is given back.  0 or -ENOMEM; the second form calls the action at once where it cannot be noted. */
KMEM_API int devm_add_action(struct device* dev, void (*action)(void*), void* data) KMEM_NOTHROW;
KMEM_API int devm_add_action_or_reset(struct device* dev, void (*action)(void*), void* data) KMEM_NOTHROW;
/** Forgets the last of that kind, without and with calling it.  One that is not there is reported. */
KMEM_API void devm_remove_action(struct device* dev, void (*action)(void*), void* data) KMEM_NOTHROW;
KMEM_API void devm_release_action(struct device* dev, void (*action)(void*), void* data) KMEM_NOTHROW;

/** As kmalloc(), in everything; size 0 gives ZERO_SIZE_PTR, of which nothing is noted. */
KMEM_API void* devm_kmalloc(struct device* dev, size_t size, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(2);
static inline void* devm_kzalloc(struct device* dev, size_t size, gfp_t flags) { return devm_kmalloc(dev, size, flags | __GFP_ZERO); }
/** NULL where the product is too large for a size_t. */
static inline void* devm_kmalloc_array(struct device* dev, size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  return check_mul_overflow(n, size, &bytes) ? NULL : devm_kmalloc(dev, bytes, flags);
}
static inline void* devm_kcalloc(struct device* dev, size_t n, size_t size, gfp_t flags) {
  return devm_kmalloc_array(dev, n, size, flags | __GFP_ZERO);
}
KMEM_API void* devm_kmemdup(struct device* dev, const void* source, size_t length, gfp_t flags) KMEM_NOTHROW KMEM_ALLOCATES(3);
KMEM_API char* devm_kstrdup(struct device* dev, const char* string, gfp_t flags) KMEM_NOTHROW __attribute__((__malloc__));
/** Earlier than the device is released.  NULL is nothing; what is not noted with this device is reported, and not freed. */
KMEM_API void devm_kfree(struct device* dev, const void* pointer) KMEM_NOTHROW;

/** As ioremap() and its kin; NULL where that cannot be. */
KMEM_API void __iomem* devm_ioremap(struct device* dev, resource_size_t start, resource_size_t bytes) KMEM_NOTHROW;
KMEM_API void __iomem* devm_ioremap_wc(struct device* dev, resource_size_t start, resource_size_t bytes) KMEM_NOTHROW;
KMEM_API void __iomem* devm_ioremap_uc(struct device* dev, resource_size_t start, resource_size_t bytes) KMEM_NOTHROW;
KMEM_API void devm_iounmap(struct device* dev, void __iomem* address) KMEM_NOTHROW;
/** Claims the region and maps it.  Never NULL, but ERR_PTR(): -EINVAL for what is no memory region, -EBUSY where another driver
 *  has part of it, -ENOMEM where it cannot be mapped; nothing is held then. */
KMEM_API void __iomem* devm_ioremap_resource(struct device* dev, const struct resource* res) KMEM_NOTHROW;

KMEM_END_C

#endif
