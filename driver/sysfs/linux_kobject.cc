// kobjects: reference-counted objects and their places in /sys.

#include <string.h>

#include <kmem/driver.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fs/nodes.h"
#include "print/mistakes.h"

namespace {

using namespace kmem_driver;

void free_plain(kobject* kobj) { kfree(kobj); }
void free_kset(kobject* kobj) { kfree(to_kset(kobj)); }

ssize_t show_attribute(kobject* kobj, attribute* attr, char* page) {
  auto* a = container_of(attr, kobj_attribute, attr);
  return a->show ? a->show(kobj, a, page) : -EIO;
}
ssize_t store_attribute(kobject* kobj, attribute* attr, const char* page, size_t n) {
  auto* a = container_of(attr, kobj_attribute, attr);
  return a->store ? a->store(kobj, a, page, n) : -EIO;
}

// Two objects cannot have one place: by their paths, all that are added.
constinit unsigned guard_of_places = 0;
constinit kobject* places[256] = {};

kobject** place_of(const char* path) {
  u32 hash = 2166136261u;
  for (const char* c = path; *c; ++c) hash = (hash ^ static_cast<u8>(*c)) * 16777619u;
  return &places[hash % ARRAY_SIZE(places)];
}
bool take_place(kobject* kobj) {
  Guard hold(guard_of_places);
  kobject** first = place_of(kobj->kmem_path);
  for (const kobject* k = *first; k; k = k->kmem_next_place)
    if (!strcmp(k->kmem_path, kobj->kmem_path)) return false;
  kobj->kmem_next_place = *first;
  *first = kobj;
  return true;
}
void leave_place(const kobject* kobj) {
  Guard hold(guard_of_places);
  kobject** at = place_of(kobj->kmem_path);
  while (*at != kobj) at = &(*at)->kmem_next_place;
  *at = kobj->kmem_next_place;
}

int add_default_groups(kobject* kobj) {
  const kobj_type* type = kobj->ktype;
  if (!type) return 0;
  int error = 0;
  for (int i = 0; !error && type->default_attrs && type->default_attrs[i]; ++i)
    error = sysfs_create_file(kobj, type->default_attrs[i]);
  return error ? error : sysfs_create_groups(kobj, type->default_groups);
}

/// It has no path, or one that is taken.
int give_up(kobject* kobj) {
  const bool taken = kobj->kmem_path != nullptr;
  if (taken) {
    count_mistake();
    pr_warn("sysfs: cannot create duplicate filename '/%s'\n", kobj->kmem_path);
    dump_stack();
    pr_err(
        "kobject: kobject_add failed for %s with -EEXIST, don't try to register things with the same name in the same directory.\n",
        kobj->name);
  }
  kfree(kobj->kmem_path);
  kobj->kmem_path = nullptr;
  kobject_put(kobj->parent);
  kobj->parent = nullptr;
  return taken ? -EEXIST : -ENOMEM;
}

int add_named(kobject* kobj, kobject* parent) {
  if (!kobj->name || !kobj->name[0]) {
    count_mistake();
    pr_err("kobject: (%p): attempted to be registered with empty name!\n", static_cast<void*>(kobj));
    return -EINVAL;
  }
  if (!kobj->state_initialized) {
    count_mistake();
    pr_err("kobject '%s' (%p): tried to add an uninitialized object, something is seriously wrong.\n", kobj->name,
           static_cast<void*>(kobj));
    return -EINVAL;
  }
  if (!parent && kobj->kset) parent = &kobj->kset->kobj;
  kobj->parent = parent ? kobject_get(parent) : nullptr;
  kobj->kmem_path = kmem_driver_kasprintf(GFP_KERNEL, "%s%s%s", parent && parent->kmem_path ? parent->kmem_path : "",
                                          parent && parent->kmem_path ? "/" : "", kobj->name);
  if (!kobj->kmem_path || !take_place(kobj)) return give_up(kobj);
  kobj->state_in_sysfs = 1;
  if (const int error = add_default_groups(kobj)) return kobject_del(kobj), error;
  return 0;
}

void release(kobject* kobj) {
  const char* name = kobj->kmem_own_name ? kobj->name : nullptr;
  if (kobj->state_in_sysfs) kobject_del(kobj);
  if (kobj->ktype && kobj->ktype->release) kobj->ktype->release(kobj);
  else pr_debug("kobject: '%s' does not have a release() function, it is broken and must be fixed.\n", name ? name : "");
  kfree(const_cast<char*>(name));
}

const char* const kActions[] = {"add", "remove", "change", "move", "online", "offline", "bind", "unbind"};
void (*listener)(const char* const*, int) = nullptr;

int fill_event(kobject* kobj, kobject_action action, char** more, kobj_uevent_env* env) {
  int error = add_uevent_var(env, "ACTION=%s", kActions[action]);
  if (!error) error = add_uevent_var(env, "DEVPATH=/%s", kobj->kmem_path ? kobj->kmem_path : kobj->name);
  const kset* in = kobj->kset;
  if (!error && in && in->kobj.name) error = add_uevent_var(env, "SUBSYSTEM=%s", in->kobj.name);
  for (int i = 0; !error && more && more[i]; ++i) error = add_uevent_var(env, "%s", more[i]);
  if (!error && in && in->uevent_ops && in->uevent_ops->uevent) error = in->uevent_ops->uevent(kobj, env);
  return error;
}

}  // namespace

extern "C" {

const sysfs_ops kmem_kobj_sysfs_ops = {show_attribute, store_attribute};

static const kobj_type plain_type = {free_plain, &kmem_kobj_sysfs_ops, nullptr, nullptr};
static const kobj_type kset_type = {free_kset, &kmem_kobj_sysfs_ops, nullptr, nullptr};

void kobject_init(kobject* kobj, const kobj_type* type) noexcept {
  if (kobj->state_initialized) {
    count_mistake();
    pr_err("kobject (%p): tried to init an initialized object, something is seriously wrong.\n", static_cast<void*>(kobj));
    dump_stack();
  }
  kobj->kmem_refs = 1;
  kobj->ktype = type;
  kobj->state_initialized = 1;
  kobj->state_in_sysfs = 0;
  kobj->kmem_path = nullptr;
  INIT_LIST_HEAD(&kobj->entry);
}

int kobject_set_name_vargs(kobject* kobj, const char* format, va_list arguments) noexcept {
  char* name = kmem_driver_kvasprintf(GFP_KERNEL, format, arguments);
  if (!name) return -ENOMEM;
  for (char* c = name; *c; ++c)
    if (*c == '/') *c = '!';
  if (kobj->kmem_own_name) kfree(const_cast<char*>(kobj->name));
  kobj->name = name;
  kobj->kmem_own_name = 1;
  return 0;
}

int kobject_set_name(kobject* kobj, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int error = kobject_set_name_vargs(kobj, format, arguments);
  va_end(arguments);
  return error;
}

int kobject_add(kobject* kobj, kobject* parent, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int error = kobject_set_name_vargs(kobj, format, arguments);
  va_end(arguments);
  return error ? error : add_named(kobj, parent);
}

int kobject_init_and_add(kobject* kobj, const kobj_type* type, kobject* parent, const char* format, ...) noexcept {
  kobject_init(kobj, type);
  va_list arguments;
  va_start(arguments, format);
  const int error = kobject_set_name_vargs(kobj, format, arguments);
  va_end(arguments);
  return error ? error : add_named(kobj, parent);
}

kobject* kobject_create_and_add(const char* name, kobject* parent) noexcept {
  auto* kobj = static_cast<kobject*>(kzalloc(sizeof(kobject), GFP_KERNEL));
  if (!kobj) return nullptr;
  if (!kobject_init_and_add(kobj, &plain_type, parent, "%s", name)) return kobj;
  kobject_put(kobj);
  return nullptr;
}

void kobject_del(kobject* kobj) noexcept {
  if (!kobj || !kobj->state_in_sysfs) return;
  kobj->state_in_sysfs = 0;
  char* path = kmem_driver_kasprintf(kCannotFail, "/sys/%s", kobj->kmem_path);
  remove_nodes_below(path);
  kfree(path);
  leave_place(kobj);
  kfree(kobj->kmem_path);
  kobj->kmem_path = nullptr;
  kobject* parent = kobj->parent;
  kobj->parent = nullptr;
  if (parent) kobject_put(parent);
}

kobject* kobject_get(kobject* kobj) noexcept {
  if (!kobj) return nullptr;
  if (!kobj->state_initialized)
    WARN(1, "kobject: '%s' (%p): is not initialized, yet kobject_get() is being called.", kobj->name, static_cast<void*>(kobj));
  __atomic_add_fetch(&kobj->kmem_refs, 1, __ATOMIC_RELAXED);
  return kobj;
}

void kobject_put(kobject* kobj) noexcept {
  if (!kobj) return;
  const int left = __atomic_sub_fetch(&kobj->kmem_refs, 1, __ATOMIC_ACQ_REL);
  if (left < 0) WARN(1, "refcount_t: underflow; use-after-free of a kobject %p", static_cast<void*>(kobj));
  if (!left) release(kobj);
}

char* kobject_get_path(const kobject* kobj, gfp_t flags) noexcept {
  return kobj->kmem_path ? kmem_driver_kasprintf(flags, "/%s", kobj->kmem_path) : nullptr;
}

int add_uevent_var(kobj_uevent_env* env, const char* format, ...) noexcept {
  if (env->envp_idx >= UEVENT_NUM_ENVP - 1) return WARN(1, "add_uevent_var: too many keys"), -ENOMEM;
  va_list arguments;
  va_start(arguments, format);
  const int room = UEVENT_BUFFER_SIZE - env->buflen;
  const int n = kmem_driver_vsnprintf(env->buf + env->buflen, static_cast<size_t>(room), format, arguments);
  va_end(arguments);
  if (n >= room) return WARN(1, "add_uevent_var: buffer size too small"), -ENOMEM;
  env->envp[env->envp_idx++] = env->buf + env->buflen;
  env->buflen += n + 1;
  return 0;
}

int kobject_uevent_env(kobject* kobj, kobject_action action, char* more[]) noexcept {
  const kset* in = kobj->kset;
  if (in && in->uevent_ops && in->uevent_ops->filter && !in->uevent_ops->filter(kobj)) return 0;
  auto* env = static_cast<kobj_uevent_env*>(kzalloc(sizeof(kobj_uevent_env), GFP_KERNEL));
  if (!env) return -ENOMEM;
  const int error = fill_event(kobj, action, more, env);
  if (!error && listener) listener(env->envp, env->envp_idx);
  kfree(env);
  return error;
}
int kobject_uevent(kobject* kobj, kobject_action action) noexcept { return kobject_uevent_env(kobj, action, nullptr); }
void kmem_driver_on_uevent(void (*told)(const char* const*, int)) noexcept { listener = told; }

void kset_init(kset* set) noexcept {
  kobject_init(&set->kobj, set->kobj.ktype);
  INIT_LIST_HEAD(&set->list);
  spin_lock_init(&set->list_lock);
}
int kset_register(kset* set) noexcept {
  kset_init(set);
  return add_named(&set->kobj, set->kobj.parent);
}
kset* kset_create_and_add(const char* name, const kset_uevent_ops* operations, kobject* parent) noexcept {
  auto* set = static_cast<kset*>(kzalloc(sizeof(kset), GFP_KERNEL));
  if (!set) return nullptr;
  set->uevent_ops = operations;
  set->kobj.ktype = &kset_type;
  set->kobj.parent = parent;
  if (!kobject_set_name(&set->kobj, "%s", name) && !kset_register(set)) return set;
  kfree(set);
  return nullptr;
}
void kset_unregister(kset* set) noexcept {
  if (!set) return;
  kobject_del(&set->kobj);
  kobject_put(&set->kobj);
}

kobject* kmem_driver_kobject_of(const char* folder) noexcept {
  static kobject known[16];
  static unsigned nr = 0, guard_word = 0;
  Guard hold(guard_word);
  for (unsigned i = 0; i < nr; ++i)
    if (!strcmp(known[i].name, folder)) return &known[i];
  if (nr == 16) return nullptr;
  kobject* kobj = &known[nr++];
  kobject_init(kobj, &plain_type);
  kobj->name = folder;
  kobj->kmem_path = const_cast<char*>(folder);
  return kobj;
}

}  // extern "C"
