// Modules in files: shared objects, opened when they are loaded and closed when they are unloaded.

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include <kmem/driver.h>
#include <linux/device/driver.h>
#include <linux/errno.h>
#include <linux/printk.h>

#include "lock/lockdep.h"
#include "module_list.h"
#include "print/format.h"

namespace kmem_driver {
namespace {

/// The addresses of an object.
struct Extent {
  uintptr_t base, begin, end;
  bool holds(const void* p) const {
    const auto at = reinterpret_cast<uintptr_t>(p);
    return at >= begin && at < end;
  }
};

int measure(dl_phdr_info* info, size_t, void* data) {
  auto* extent = static_cast<Extent*>(data);
  if (info->dlpi_addr != extent->base) return 0;
  extent->begin = ~uintptr_t{0};
  extent->end = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    const uintptr_t at = info->dlpi_addr + part.p_vaddr;
    if (at < extent->begin) extent->begin = at;
    if (at + part.p_memsz > extent->end) extent->end = at + part.p_memsz;
  }
  return 1;
}

Extent extent_of(void* handle) {
  link_map* map = nullptr;
  Extent extent = {};
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map)) return extent;
  extent.base = map->l_addr;
  dl_iterate_phdr(measure, &extent);
  return extent;
}

template <typename T>
void forget(Notes<T>& notes, const Extent& extent) {
  T** at = &notes.first;
  while (*at) {
    if (extent.holds(*at)) *at = *Notes<T>::next_of(*at);
    else at = Notes<T>::next_of(*at);
  }
  notes.end = at;
}

/// Removes the registrations of an object that is unloaded.
void forget_all(const Extent& extent) {
  forget(modules().calls, extent);
  forget(modules().params, extent);
  forget(modules().abouts, extent);
  forget(modules().setups, extent);
  forget(modules().infos, extent);
  forget_debug_sites(reinterpret_cast<void*>(extent.begin), reinterpret_cast<void*>(extent.end));
  lockdep::keep_names(reinterpret_cast<void*>(extent.begin), reinterpret_cast<void*>(extent.end));
}

/// The object's module; null if it has no module macros.
module* module_in(const Extent& extent) {
  for (const kmem_initcall* c = modules().calls.first; c; c = c->next)
    if (extent.holds(c)) return c->module;
  for (const kmem_module_info* i = modules().infos.first; i; i = i->next)
    if (extent.holds(i)) return i->module;
  return nullptr;
}

int find_object(dl_phdr_info* info, size_t, void* data) {
  auto* wanted = static_cast<Extent*>(data);
  Extent here = {};
  here.base = info->dlpi_addr;
  measure(info, 0, &here);
  if (!here.holds(reinterpret_cast<void*>(wanted->begin))) return 0;
  *wanted = here;
  return 1;
}
Extent extent_around(const void* p) {
  Extent extent = {};
  extent.begin = reinterpret_cast<uintptr_t>(p);
  dl_iterate_phdr(find_object, &extent);
  return extent;
}

/// Of the registrations that came, one of another module: the dynamic linker has opened that too, because this one needs it.
const kmem_module_info* of_another(const kmem_module_info* came, const module* than) {
  while (came && came->module == than) came = came->next;
  return came;
}

/// As the kernel, which knows no symbols of a module that is not loaded.  0, -ENOENT.
int refuse_unloaded(kmem_module_info* const* came, const module* found, const char* path) {
  int error = 0;
  while (const kmem_module_info* other = of_another(*came, found)) {
    Dl_info about = {};
    dladdr(other, &about);
    pr_err("%s: it needs %s, which is not loaded\n", path, about.dli_fname ? about.dli_fname : "another module");
    forget_all(extent_around(other));
    error = -ENOENT;
  }
  return error;
}

void close(void* handle) {
  forget_all(extent_of(handle));
  dlclose(handle);
}

int open(const char* path, void** handle) {
  // Symbols are resolved at once, so that a module with a missing symbol is refused here and does not fail in a call.
  *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (*handle) return 0;
  pr_err("%s\n", dlerror());
  return -ENOEXEC;
}

}  // namespace
}  // namespace kmem_driver

using namespace kmem_driver;

extern "C" {

int kmem_driver_insert(const char* path, const char* parameters, module** inserted) noexcept {
  void* handle;
  kmem_module_info* const* came = modules().infos.end;
  if (const int error = kmem_driver::open(path, &handle)) return error;
  module* found = module_in(extent_of(handle));
  int error = found ? refuse_unloaded(came, found, path) : -ENOEXEC;
  if (!found) pr_err("%s: neither MODULE_LICENSE() nor module_init() is in it\n", path);
  if (!error && found->kmem_object) {
    dlclose(handle);  // it was open already, and stays open
    return -EEXIST;
  }
  if (!error) error = kmem_driver_load(found, parameters);
  if (error) {
    kmem_driver::close(handle);
    return error;
  }
  found->kmem_object = handle;
  if (inserted) *inserted = found;
  return 0;
}

int kmem_driver_remove(module* of) noexcept {
  void* handle = of->kmem_object;
  if (const int error = kmem_driver_unload(of)) return error;
  if (handle) {
    wait_for_device_probe();  // a deferred probe may use a device of the module
    kmem_driver::close(handle);
  }
  return 0;
}

}  // extern "C"
