#ifndef KMEM_KUNIT_RESOURCE_H
#define KMEM_KUNIT_RESOURCE_H
/* Resources of a case, released when it ends, the last first: memory, and anything that has a release function. */
#include <kmem/driver_face.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/types.h>

struct kunit;
struct kunit_resource;
typedef int (*kunit_resource_init_t)(struct kunit_resource* resource, void* context);
typedef void (*kunit_resource_free_t)(struct kunit_resource* resource);
typedef bool (*kunit_resource_match_t)(struct kunit* test, struct kunit_resource* resource, void* data);
typedef void(kunit_action_t)(void* context);

struct kunit_resource {
  void* data;
  const char* name;
  kunit_resource_free_t free;
  struct kref refcount;
  struct list_head node;
  bool should_kfree;
};

KMEM_BEGIN_C

/** 0, or the error of `init`, and then nothing was added. The resource is the caller's memory. */
KMEM_API int kunit_add_resource(struct kunit* test, kunit_resource_init_t init, kunit_resource_free_t free_it,
                                struct kunit_resource* resource, void* data) KMEM_DRIVER_NAME(kunit_add_resource);
/** The same with a name: -EEXIST if the case has one of that name. */
KMEM_API int kunit_add_named_resource(struct kunit* test, kunit_resource_init_t init, kunit_resource_free_t free_it,
                                      struct kunit_resource* resource, const char* name, void* data)
    KMEM_DRIVER_NAME(kunit_add_named_resource);
/** Allocates the resource with kmalloc(); returns the data, NULL on failure. */
KMEM_API void* kunit_alloc_resource(struct kunit* test, kunit_resource_init_t init, kunit_resource_free_t free_it, gfp_t gfp,
                                    void* context) KMEM_DRIVER_NAME(kunit_alloc_resource);
/** The newest resource that matches, with a reference taken; NULL if there is none. */
KMEM_API struct kunit_resource* kunit_find_resource(struct kunit* test, kunit_resource_match_t match, void* data)
    KMEM_DRIVER_NAME(kunit_find_resource);
KMEM_API void kunit_put_resource(struct kunit_resource* resource) KMEM_DRIVER_NAME(kunit_put_resource);
/** Removes it from the case; it is released with its last reference. */
KMEM_API void kunit_remove_resource(struct kunit* test, struct kunit_resource* resource)
    KMEM_DRIVER_NAME(kunit_remove_resource);
/** Releases the one that matches now; -ENOENT if there is none. */
KMEM_API int kunit_destroy_resource(struct kunit* test, kunit_resource_match_t match, void* data)
    KMEM_DRIVER_NAME(kunit_destroy_resource);
KMEM_API bool kunit_resource_name_match(struct kunit* test, struct kunit_resource* resource, void* name)
    KMEM_DRIVER_NAME(kunit_resource_name_match);
KMEM_API bool kunit_resource_instance_match(struct kunit* test, struct kunit_resource* resource, void* data)
    KMEM_DRIVER_NAME(kunit_resource_instance_match);

/** Calls action(context) when the case ends; the second form calls it at once if it cannot be registered. */
KMEM_API int kunit_add_action(struct kunit* test, kunit_action_t* action, void* context) KMEM_DRIVER_NAME(kunit_add_action);
KMEM_API int kunit_add_action_or_reset(struct kunit* test, kunit_action_t* action, void* context)
    KMEM_DRIVER_NAME(kunit_add_action_or_reset);
/** Cancels the last action of that kind, without and with calling it. */
KMEM_API void kunit_remove_action(struct kunit* test, kunit_action_t* action, void* context)
    KMEM_DRIVER_NAME(kunit_remove_action);
KMEM_API void kunit_release_action(struct kunit* test, kunit_action_t* action, void* context)
    KMEM_DRIVER_NAME(kunit_release_action);

static inline void kunit_get_resource(struct kunit_resource* resource) { kref_get(&resource->refcount); }
static inline struct kunit_resource* kunit_find_named_resource(struct kunit* test, const char* name) {
  return kunit_find_resource(test, kunit_resource_name_match, (void*)name);
}
static inline int kunit_destroy_named_resource(struct kunit* test, const char* name) {
  return kunit_destroy_resource(test, kunit_resource_name_match, (void*)name);
}

KMEM_END_C
#endif
