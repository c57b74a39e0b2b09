// /sys/module/<name>: a module's parameters, state, users and version as files.

#include <kmem/driver.h>
#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "module_list.h"

namespace kmem_driver {
namespace {

DEFINE_MUTEX(param_lock);

/// A file of a module's folder: of a parameter, or of the module itself.
struct File {
  attribute attr;
  const kernel_param* param;
  ssize_t (*show)(module* of, char* page);
};

/// The folder, with the files of the parameters behind it.
struct Folder {
  kobject kobj;
  module* of;
  attribute_group parameters, own;
  attribute* own_list[4];
  attribute** list;
  File files[];
};

Folder* folder_of(kobject* kobj) { return container_of(kobj, Folder, kobj); }

ssize_t show_state(module* of, char* page) {
  const char* state = of->state == MODULE_STATE_LIVE ? "live" : of->state == MODULE_STATE_COMING ? "coming" : "going";
  return sysfs_emit(page, "%s\n", state);
}
ssize_t show_users(module* of, char* page) { return sysfs_emit(page, "%i\n", module_refcount(of)); }
ssize_t show_version(module* of, char* page) { return sysfs_emit(page, "%s\n", of->version); }

File state_file = {{"initstate", 0444}, nullptr, show_state};
File users_file = {{"refcnt", 0444}, nullptr, show_users};
File version_file = {{"version", 0444}, nullptr, show_version};

ssize_t show(kobject* kobj, attribute* attr, char* page) {
  const File* f = container_of(attr, File, attr);
  module* of = folder_of(kobj)->of;
  if (!f->param) return f->show(of, page);
  if (!f->param->ops->get) return -EPERM;
  kernel_param_lock(of);
  const int n = f->param->ops->get(page, f->param);
  kernel_param_unlock(of);
  return n;
}

ssize_t store(kobject* kobj, attribute* attr, const char* page, size_t n) {
  const File* f = container_of(attr, File, attr);
  if (!f->param) return -EIO;
  if (!f->param->ops->set) return -EPERM;
  module* of = folder_of(kobj)->of;
  kernel_param_lock(of);
  const int error = f->param->ops->set(page, f->param);
  kernel_param_unlock(of);
  return error ? error : static_cast<ssize_t>(n);
}

void release(kobject* kobj) {
  kfree(folder_of(kobj)->list);
  kfree(folder_of(kobj));
}

const sysfs_ops operations = {show, store};
const kobj_type folder_type = {release, &operations, nullptr, nullptr};

bool is_shown(const kernel_param* p, const module* of) { return p->mod == of && p->perm != 0; }

size_t shown_parameters(const module* of) {
  size_t n = 0;
  for (const kernel_param* p = modules().params.first; p; p = p->kmem_next) n += is_shown(p, of);
  return n;
}

void fill(Folder* folder, module* of) {
  folder->of = of;
  size_t n = 0;
  for (const kernel_param* p = modules().params.first; p; p = p->kmem_next) {
    if (!is_shown(p, of)) continue;
    folder->files[n] = {{p->name, p->perm}, p, nullptr};
    folder->list[n] = &folder->files[n].attr;
    ++n;
  }
  folder->parameters = {"parameters", nullptr, nullptr, folder->list, nullptr};
  n = 0;
  folder->own_list[n++] = &state_file.attr;
  folder->own_list[n++] = &users_file.attr;
  if (of->version) folder->own_list[n++] = &version_file.attr;
  folder->own = {nullptr, nullptr, nullptr, folder->own_list, nullptr};
}

Folder* make_folder(module* of) {
  const size_t n = shown_parameters(of);
  Folder* folder = static_cast<Folder*>(kzalloc(struct_size(folder, files, n), GFP_KERNEL));
  if (!folder) return nullptr;
  folder->list = static_cast<attribute**>(kcalloc(n + 1, sizeof(attribute*), GFP_KERNEL));
  if (folder->list) return fill(folder, of), folder;
  kfree(folder);
  return nullptr;
}

int add(Folder* folder, const module* of) {
  int error = kobject_init_and_add(&folder->kobj, &folder_type, kmem_driver_kobject_of("module"), "%s", of->name);
  if (!error) error = sysfs_create_group(&folder->kobj, &folder->own);
  if (!error) error = sysfs_create_group(&folder->kobj, &folder->parameters);
  return error;
}

}  // namespace

int show_module(module* of) {
  if (kmem_driver_find(of->name)) return -EEXIST;
  Folder* folder = make_folder(of);
  if (!folder) return -ENOMEM;
  if (const int error = add(folder, of)) return kobject_put(&folder->kobj), error;
  of->kmem_folder = folder;
  return 0;
}

void hide_module(module* of) {
  auto* folder = static_cast<Folder*>(of->kmem_folder);
  of->kmem_folder = nullptr;
  if (!folder) return;
  kobject_del(&folder->kobj);
  kobject_put(&folder->kobj);
}

}  // namespace kmem_driver

extern "C" {
void kernel_param_lock(module*) noexcept { mutex_lock(&kmem_driver::param_lock); }
void kernel_param_unlock(module*) noexcept { mutex_unlock(&kmem_driver::param_lock); }
}
