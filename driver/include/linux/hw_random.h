#ifndef KMEM_LINUX_HW_RANDOM_H
#define KMEM_LINUX_HW_RANDOM_H
/* Devices that make random numbers.  Programs read /dev/hwrng, which takes from one of them: that of the best quality, or the
 * one whose name is written to rng_current below /sys/class/misc/hwrng; rng_available and rng_selected are beside it.
 *
 * Task context.  What differs: nothing goes into the host's random numbers, so a device is read only when a program reads.
 * Meaning: the kernel's Documentation/admin-guide/hw_random.rst. */
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>

/** `read` returns how many bytes it has written, at most `max`; 0: there are none yet; or -errno.  `data_present` and
 *  `data_read` are the older way: four bytes at a time. */
struct hwrng {
  const char* name;
  int (*init)(struct hwrng* rng);     /* before it is used; -errno: it is not */
  void (*cleanup)(struct hwrng* rng); /* it is used no more */
  int (*data_present)(struct hwrng* rng, int wait);
  int (*data_read)(struct hwrng* rng, u32* data);
  int (*read)(struct hwrng* rng, void* data, size_t max, bool wait);
  unsigned long priv;
  unsigned short quality; /* of 1024 bits, how many nobody can guess */

  struct list_head list;
  struct kref ref;
  struct completion cleanup_done, dying;
};

struct device;

KMEM_BEGIN_C
/** 0; -EINVAL: no name, or no way to read; -EEXIST: there is one of that name; else what its init() says. */
KMEM_API int hwrng_register(struct hwrng* rng) KMEM_DRIVER_NAME(hwrng_register);
/** Returns when nobody reads from it and its cleanup() has run. */
KMEM_API void hwrng_unregister(struct hwrng* rng) KMEM_DRIVER_NAME(hwrng_unregister);
/** Unregistered with the device's other resources. */
KMEM_API int devm_hwrng_register(struct device* dev, struct hwrng* rng) KMEM_DRIVER_NAME(devm_hwrng_register);
KMEM_API void devm_hwrng_unregister(struct device* dev, struct hwrng* rng) KMEM_DRIVER_NAME(devm_hwrng_unregister);
/** For read(): sleeps so long, or until the device is unregistered, or a signal comes.  0: all the time has passed. */
KMEM_API long hwrng_msleep(struct hwrng* rng, unsigned int ms) KMEM_DRIVER_NAME(hwrng_msleep);
static inline long hwrng_yield(struct hwrng* rng) { return hwrng_msleep(rng, 1); }
KMEM_END_C
#endif
