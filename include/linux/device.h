#ifndef KMEM_LINUX_DEVICE_H
#define KMEM_LINUX_DEVICE_H
/* Managed resources of a driver: each is recorded with the device, and released in reverse order by devres_release_all(), which
 * the driver core calls when probe fails or the driver is removed; here the program calls it.
 *
 * A zeroed struct device is ready for use. Functions with flags may sleep if these allow it. devm_add_action(), mapping and
 * unmapping, and devres_release_all(), which calls the same functions as an explicit release, may sleep: task context.
 * devm_kfree(), devm_remove_action(), devm_release_action() and devres_release(), if their functions may, and the rest of
 * devres_: any context.
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
#include <stdarg.h>

struct kmem_managed;

struct device {
  const char* init_name;
  void* driver_data;
  void* platform_data;
  struct device* parent;
  /* kmem's own. */
  spinlock_t devres_lock;
  struct kmem_managed* devres_last;
#ifdef KMEM_DEVICE_MORE /* libkmem-driver adds members */
  KMEM_DEVICE_MORE
#endif
};

KMEM_BEGIN_C

static inline const char* dev_name(const struct device* dev) { return dev->init_name ? dev->init_name : "(unnamed)"; }
static inline void* dev_get_drvdata(const struct device* dev) { return dev->driver_data; }
static inline void dev_set_drvdata(struct device* dev, void* data) { dev->driver_data = data; }
static inline void* dev_get_platdata(const struct device* dev) { return dev->platform_data; }

/** Releases all resources recorded with the device, the last first; returns their number. Resources that actions record
 *  meanwhile are released too. */
KMEM_API int devres_release_all(struct device* dev) KMEM_NOTHROW_NAME(devres_release_all);

/** A block of zeros of any size, to be noted with a device by devres_add(); release(dev, block) runs before it is freed.
 * NULL. */
typedef void (*dr_release_t)(struct device* dev, void* block);
typedef int (*dr_match_t)(struct device* dev, void* block, void* match_data);
KMEM_API void* devres_alloc_node(dr_release_t release, size_t size, gfp_t flags, int node) KMEM_NOTHROW_NAME(devres_alloc_node)
    KMEM_ALLOCATES(2);
#define devres_alloc(release, size, flags) devres_alloc_node(release, size, flags, -1 /* any node */)
/** One that is not noted; NULL is nothing. */
KMEM_API void devres_free(void* block) KMEM_NOTHROW_NAME(devres_free);
KMEM_API void devres_add(struct device* dev, void* block) KMEM_NOTHROW_NAME(devres_add);
/** The last one with that release function for which match() (NULL: any) answers other than 0; NULL.  match() runs under a spin
 *  lock. */
KMEM_API void* devres_find(struct device* dev, dr_release_t release, dr_match_t match, void* match_data)
    KMEM_NOTHROW_NAME(devres_find);
/** Notes `fresh`, unless there is one that matches: then that one, and `fresh` is freed. */
KMEM_API void* devres_get(struct device* dev, void* fresh, dr_match_t match, void* match_data) KMEM_NOTHROW_NAME(devres_get);
/** No longer noted: the block, for the caller to free; NULL. */
KMEM_API void* devres_remove(struct device* dev, dr_release_t release, dr_match_t match, void* match_data)
    KMEM_NOTHROW_NAME(devres_remove);
/** And freed; devres_release() runs its release function before.  0, or -ENOENT. */
KMEM_API int devres_destroy(struct device* dev, dr_release_t release, dr_match_t match, void* match_data)
    KMEM_NOTHROW_NAME(devres_destroy);
KMEM_API int devres_release(struct device* dev, dr_release_t release, dr_match_t match, void* match_data)
    KMEM_NOTHROW_NAME(devres_release);

/** Records a call of action(data) for the release. 0 or -ENOMEM; the second form calls the action at once if it cannot be
 *  recorded. */
KMEM_API int devm_add_action(struct device* dev, void (*action)(void*), void* data) KMEM_NOTHROW_NAME(devm_add_action);
KMEM_API int devm_add_action_or_reset(struct device* dev, void (*action)(void*), void* data)
    KMEM_NOTHROW_NAME(devm_add_action_or_reset);
/** Removes the last such action, without and with calling it. Reports an action that is not recorded. */
KMEM_API void devm_remove_action(struct device* dev, void (*action)(void*), void* data) KMEM_NOTHROW_NAME(devm_remove_action);
KMEM_API void devm_release_action(struct device* dev, void (*action)(void*), void* data) KMEM_NOTHROW_NAME(devm_release_action);

/** As kmalloc(); size 0 gives ZERO_SIZE_PTR, which is not recorded. */
KMEM_API void* devm_kmalloc(struct device* dev, size_t size, gfp_t flags) KMEM_NOTHROW_NAME(devm_kmalloc) KMEM_ALLOCATES(2);
static inline void* devm_kzalloc(struct device* dev, size_t size, gfp_t flags) {
  return devm_kmalloc(dev, size, flags | __GFP_ZERO);
}
/** NULL if the product overflows a size_t. */
static inline void* devm_kmalloc_array(struct device* dev, size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  return check_mul_overflow(n, size, &bytes) ? NULL : devm_kmalloc(dev, bytes, flags);
}
static inline void* devm_kcalloc(struct device* dev, size_t n, size_t size, gfp_t flags) {
  return devm_kmalloc_array(dev, n, size, flags | __GFP_ZERO);
}
KMEM_API void* devm_kmemdup(struct device* dev, const void* source, size_t length, gfp_t flags) KMEM_NOTHROW_NAME(devm_kmemdup)
    KMEM_ALLOCATES(3);
KMEM_API char* devm_kstrdup(struct device* dev, const char* string, gfp_t flags) KMEM_NOTHROW_NAME(devm_kstrdup)
    __attribute__((__malloc__));
/** Resizes a block of devm_kmalloc(), with the old contents as far as they fit; it keeps its position in the order of release.
 *  The old block is freed unless the result is NULL. For NULL and ZERO_SIZE_PTR as devm_kmalloc(). To 0 bytes: devm_kfree(),
 *  and returns ZERO_SIZE_PTR. NULL, with a report, for a block that is not recorded with this device. */
KMEM_API void* devm_krealloc(struct device* dev, void* pointer, size_t new_size, gfp_t flags)
    KMEM_NOTHROW_NAME(devm_krealloc) KMEM_MUST_CHECK __attribute__((alloc_size(3)));
KMEM_MUST_CHECK static inline void* devm_krealloc_array(struct device* dev, void* pointer, size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  return check_mul_overflow(n, size, &bytes) ? NULL : devm_krealloc(dev, pointer, bytes, flags);
}
static inline void* devm_kmemdup_array(struct device* dev, const void* source, size_t n, size_t size, gfp_t flags) {
  size_t bytes;
  return check_mul_overflow(n, size, &bytes) ? NULL : devm_kmemdup(dev, source, bytes, flags);
}
/** As kasprintf() and kstrdup_const(); a constant string is not recorded. */
KMEM_API char* devm_kasprintf(struct device* dev, gfp_t flags, const char* format, ...) KMEM_NOTHROW_NAME(devm_kasprintf)
    KMEM_PRINTF_LIKE(3, 4) __attribute__((__malloc__));
KMEM_API char* devm_kvasprintf(struct device* dev, gfp_t flags, const char* format, va_list arguments)
    KMEM_NOTHROW_NAME(devm_kvasprintf) KMEM_PRINTF_LIKE(3, 0) __attribute__((__malloc__));
KMEM_API const char* devm_kstrdup_const(struct device* dev, const char* string, gfp_t flags)
    KMEM_NOTHROW_NAME(devm_kstrdup_const);
/** As __get_free_pages() and free_pages(), but the free needs no order. */
KMEM_API unsigned long devm_get_free_pages(struct device* dev, gfp_t flags, unsigned int order)
    KMEM_NOTHROW_NAME(devm_get_free_pages);
KMEM_API void devm_free_pages(struct device* dev, unsigned long address) KMEM_NOTHROW_NAME(devm_free_pages);
/** As __alloc_percpu() and free_percpu(). */
KMEM_API void* __devm_alloc_percpu(struct device* dev, size_t size, size_t align) KMEM_NOTHROW_NAME(__devm_alloc_percpu);
#define devm_alloc_percpu(dev, type) ((__typeof__(type)*)__devm_alloc_percpu((dev), sizeof(type), __alignof__(type)))
KMEM_API void devm_free_percpu(struct device* dev, void* variable) KMEM_NOTHROW_NAME(devm_free_percpu);
/** Frees a block before the device is released. NULL is ignored; a block that is not recorded with this device is reported, and
 *  not freed. */
KMEM_API void devm_kfree(struct device* dev, const void* pointer) KMEM_NOTHROW_NAME(devm_kfree);

/** As ioremap() and related functions; NULL on failure. */
KMEM_API void __iomem* devm_ioremap(struct device* dev, resource_size_t start, resource_size_t bytes)
    KMEM_NOTHROW_NAME(devm_ioremap);
KMEM_API void __iomem* devm_ioremap_wc(struct device* dev, resource_size_t start, resource_size_t bytes)
    KMEM_NOTHROW_NAME(devm_ioremap_wc);
KMEM_API void __iomem* devm_ioremap_uc(struct device* dev, resource_size_t start, resource_size_t bytes)
    KMEM_NOTHROW_NAME(devm_ioremap_uc);
KMEM_API void devm_iounmap(struct device* dev, void __iomem* address) KMEM_NOTHROW_NAME(devm_iounmap);
/** Claims the region and maps it.  Never NULL; on failure ERR_PTR() and nothing is held: -EINVAL if it is no memory region,
 *  -EBUSY if another driver has claimed part of it, -ENOMEM if it cannot be mapped. */
KMEM_API void __iomem* devm_ioremap_resource(struct device* dev, const struct resource* res)
    KMEM_NOTHROW_NAME(devm_ioremap_resource);

KMEM_END_C

#endif
