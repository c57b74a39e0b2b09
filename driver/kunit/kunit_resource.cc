// Resources of a case: <kunit/resource.h>, <kunit/device.h>.
#include <cerrno>
#include <cstring>

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/test.h>

namespace {

void release(kref* ref) {
  kunit_resource* const resource = container_of(ref, kunit_resource, refcount);
  if (resource->free) resource->free(resource);
  if (resource->should_kfree) kfree(resource);
}

struct Held {
  explicit Held(kunit* of) : test(of) { spin_lock_irqsave(&test->lock, flags); }
  ~Held() { spin_unlock_irqrestore(&test->lock, flags); }
  kunit* test;
  unsigned long flags;
};

struct Action {
  kunit_action_t* action;
  void* context;
};
void run_action(kunit_resource* resource) {
  Action* const noted = static_cast<Action*>(resource->data);
  noted->action(noted->context);
  kfree(noted);
}
void forget_action(kunit_resource* resource) { kfree(resource->data); }
bool is_action(kunit*, kunit_resource* resource, void* data) {
  const Action *const noted = static_cast<const Action*>(resource->data), *const wanted = static_cast<const Action*>(data);
  return resource->free == run_action && noted->action == wanted->action && noted->context == wanted->context;
}

void free_memory(kunit_resource* resource) { kfree(resource->data); }
bool is_memory(kunit*, kunit_resource* resource, void* data) { return resource->free == free_memory && resource->data == data; }

void unregister(void* context) {
  device* const dev = static_cast<device*>(context);
  devres_release_all(dev);
  kfree(dev);
}

}  // namespace

int kunit_add_resource(kunit* test, kunit_resource_init_t init, kunit_resource_free_t free_it, kunit_resource* resource,
                       void* data) noexcept {
  resource->free = free_it;
  resource->name = nullptr;
  kref_init(&resource->refcount);
  if (init) {
    if (const int error = init(resource, data)) return error;
  } else {
    resource->data = data;
  }
  const Held held(test);
  list_add_tail(&resource->node, &test->resources);
  return 0;
}
int kunit_add_named_resource(kunit* test, kunit_resource_init_t init, kunit_resource_free_t free_it, kunit_resource* resource,
                             const char* name, void* data) noexcept {
  if (kunit_resource* const there = kunit_find_named_resource(test, name)) {
    kunit_put_resource(there);
    return -EEXIST;
  }
  resource->should_kfree = false;
  const int error = kunit_add_resource(test, init, free_it, resource, data);
  resource->name = name;
  return error;
}
void* kunit_alloc_resource(kunit* test, kunit_resource_init_t init, kunit_resource_free_t free_it, gfp_t gfp,
                           void* context) noexcept {
  auto* const resource = static_cast<kunit_resource*>(kzalloc(sizeof(kunit_resource), gfp));
  if (!resource) return nullptr;
  resource->should_kfree = true;
  if (kunit_add_resource(test, init, free_it, resource, context) == 0) return resource->data;
  kfree(resource);
  return nullptr;
}
kunit_resource* kunit_find_resource(kunit* test, kunit_resource_match_t match, void* data) noexcept {
  const Held held(test);
  kunit_resource* resource;
  list_for_each_entry_reverse(resource, &test->resources, node) {
    if (!match(test, resource, data)) continue;
    kunit_get_resource(resource);
    return resource;
  }
  return nullptr;
}
void kunit_put_resource(kunit_resource* resource) noexcept { kref_put(&resource->refcount, release); }
void kunit_remove_resource(kunit* test, kunit_resource* resource) noexcept {
  bool linked;
  {
    const Held held(test);
    linked = !list_empty(&resource->node);
    list_del_init(&resource->node);
  }
  if (linked) kunit_put_resource(resource);
}
int kunit_destroy_resource(kunit* test, kunit_resource_match_t match, void* data) noexcept {
  kunit_resource* const resource = kunit_find_resource(test, match, data);
  if (!resource) return -ENOENT;
  kunit_remove_resource(test, resource);
  kunit_put_resource(resource);
  return 0;
}
bool kunit_resource_name_match(kunit*, kunit_resource* resource, void* name) noexcept {
  return resource->name && std::strcmp(resource->name, static_cast<const char*>(name)) == 0;
}
bool kunit_resource_instance_match(kunit*, kunit_resource* resource, void* data) noexcept { return resource->data == data; }

int kunit_add_action(kunit* test, kunit_action_t* action, void* context) noexcept {
  auto* const noted = static_cast<Action*>(kmalloc(sizeof(Action), GFP_KERNEL));
  if (!noted) return -ENOMEM;
  *noted = {action, context};
  if (kunit_alloc_resource(test, nullptr, run_action, GFP_KERNEL, noted)) return 0;
  kfree(noted);
  return -ENOMEM;
}
int kunit_add_action_or_reset(kunit* test, kunit_action_t* action, void* context) noexcept {
  const int error = kunit_add_action(test, action, context);
  if (error) action(context);
  return error;
}
void kunit_remove_action(kunit* test, kunit_action_t* action, void* context) noexcept {
  Action wanted{action, context};
  kunit_resource* const resource = kunit_find_resource(test, is_action, &wanted);
  if (!resource) return;
  resource->free = forget_action;
  kunit_remove_resource(test, resource);
  kunit_put_resource(resource);
}
void kunit_release_action(kunit* test, kunit_action_t* action, void* context) noexcept {
  Action wanted{action, context};
  kunit_destroy_resource(test, is_action, &wanted);
}

void* kunit_kmalloc_array(kunit* test, size_t n, size_t size, gfp_t gfp) noexcept {
  void* const memory = kmalloc_array(n, size, gfp);
  if (!memory || kunit_alloc_resource(test, nullptr, free_memory, gfp, memory)) return memory;
  kfree(memory);
  return nullptr;
}
void kunit_kfree(kunit* test, const void* pointer) noexcept {
  if (!pointer) return;
  if (kunit_destroy_resource(test, is_memory, const_cast<void*>(pointer)))
    kmem_kunit_fail(test, false, __FILE__, __LINE__, "kunit_kfree: %p was not allocated by this case", pointer);
}

device* kunit_device_register(kunit* test, const char* name) noexcept {
  auto* const dev = static_cast<device*>(kzalloc(sizeof(device), GFP_KERNEL));
  if (!dev) return static_cast<device*>(ERR_PTR(-ENOMEM));
  device_initialize(dev);
  dev->init_name = name;
  if (kunit_add_action(test, unregister, dev)) {
    kfree(dev);
    return static_cast<device*>(ERR_PTR(-ENOMEM));
  }
  return dev;
}
void kunit_device_unregister(kunit* test, device* dev) noexcept { kunit_release_action(test, unregister, dev); }
