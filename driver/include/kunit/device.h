#ifndef KMEM_KUNIT_DEVICE_H
#define KMEM_KUNIT_DEVICE_H
/* Devices that exist for one case: their managed resources (devm_...()) are released when the case ends. */
#include <kunit/test.h>
#include <linux/device.h>

KMEM_BEGIN_C
/** ERR_PTR(-ENOMEM) without memory. */
KMEM_API struct device* kunit_device_register(struct kunit* test, const char* name) KMEM_DRIVER_NAME(kunit_device_register);
/** Before the case ends. */
KMEM_API void kunit_device_unregister(struct kunit* test, struct device* dev) KMEM_DRIVER_NAME(kunit_device_unregister);
KMEM_END_C
#endif
