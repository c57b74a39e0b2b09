// Loading and unloading of modules.

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kmem/driver.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "host/host.h"
#include "module_list.h"
#include "tree/xarray_nodes.h"

namespace kmem_driver {

Modules& modules() {
  static constinit Modules all;
  return all;
}

namespace {

constexpr int kLevels = 17, kLeaving = -1;

/// Names a module when it is loaded: after its file, without the extension.
void name_it(module* of) {
  const char* found = host::object_of(of);
  const char* path = found ? found : "module";
  const char* slash = strrchr(path, '/');
  size_t n = 0;
  for (const char* c = slash ? slash + 1 : path; *c && *c != '.' && n + 1 < sizeof(of->name); ++c)
    of->name[n++] = *c == '-' ? '_' : *c;
  of->name[n] = 0;
}

/// Exit calls of a file run only if its init call succeeded, or if it has none.
bool file_runs(const kmem_initcall* exit_call) {
  bool has_init = false;
  for (const kmem_initcall* c = modules().calls.first; c; c = c->next) {
    if (c->module != exit_call->module || c->level == kLeaving || strcmp(c->file, exit_call->file) != 0) continue;
    has_init = true;
    if (c->done) return true;
  }
  return !has_init;
}

void leave_from(kmem_initcall* call, const module* of) {
  if (!call) return;
  leave_from(call->next, of);
  if (call->module == of && call->level == kLeaving && file_runs(call)) call->leave();
}

void leave(module* of) {
  leave_from(modules().calls.first, of);
  for (kmem_initcall* c = modules().calls.first; c; c = c->next)
    if (c->module == of) c->done = false;
}

int run_level(module* of, int level) {
  for (kmem_initcall* c = modules().calls.first; c; c = c->next) {
    if (c->module != of || c->level != level) continue;
    const int error = c->init();
    if (error < 0) {
      pr_warn("%s: initcall %s failed with %d\n", of->name, c->name, error);
      return error;
    }
    if (error > 0)
      pr_warn("%s: '%s'->init suspiciously returned %d, it should follow 0/-E convention\n", of->name, c->name, error);
    c->done = true;
  }
  return 0;
}

bool has(const module* of, bool exit_call) {
  for (const kmem_initcall* c = modules().calls.first; c; c = c->next)
    if (c->module == of && (c->level == kLeaving) == exit_call) return true;
  return false;
}

void unlink(module* of) {
  module** at = &modules().loaded;
  while (*at && *at != of) at = &(*at)->kmem_next;
  if (*at) *at = of->kmem_next;
  of->kmem_loaded = false;
}

int run_all(module* of) {
  for (int level = 0; level < kLevels; ++level)
    if (const int error = run_level(of, level)) return error;
  return 0;
}

int start(module* of, char* parameters) {
  get_current();  // makes the loading thread a task, also for virtual time
  if (of->kmem_loaded) return -EEXIST;
  prepare_xarrays();
  if (!of->name[0]) name_it(of);
  of->version = kmem_driver_info(of, "version", 0);
  if (const int error = set_parameters(of, parameters)) return free_parameters(of), error;
  of->state = MODULE_STATE_COMING;
  if (const int error = show_module(of)) return free_parameters(of), error;
  of->kmem_loaded = true;
  of->kmem_next = modules().loaded;
  modules().loaded = of;
  if (const int error = run_all(of)) {
    of->state = MODULE_STATE_GOING;
    leave(of);
    hide_module(of);
    unlink(of);
    free_parameters(of);
    return error;
  }
  of->state = MODULE_STATE_LIVE;
  return 0;
}

}  // namespace
}  // namespace kmem_driver

using kmem_driver::modules;

extern "C" {

void kmem_driver_note_call(kmem_initcall* call) noexcept { modules().calls.add(call); }
void kmem_driver_note_setup(kmem_setup* setup) noexcept { modules().setups.add(setup); }
void kmem_driver_note_info(kmem_module_info* info) noexcept { modules().infos.add(info); }

int kmem_driver_load(module* of, const char* parameters) noexcept {
  char* text = kstrdup(parameters ? parameters : "", GFP_KERNEL);
  if (!text) return -ENOMEM;
  const int error = kmem_driver::start(of, text);
  kfree(text);
  return error;
}

int kmem_driver_load_with(module* of, int argc, char* const* argv) noexcept {
  size_t length = 1;
  for (int i = 0; i < argc; ++i) length += strlen(argv[i]) + 3;
  char* text = static_cast<char*>(kzalloc(length, GFP_KERNEL));
  if (!text) return -ENOMEM;
  size_t at = 0;
  // Each argument is one parameter, even if it contains spaces.
  for (int i = 0; i < argc; ++i) at += static_cast<size_t>(snprintf(text + at, length - at, "\"%s\" ", argv[i]));
  const int error = kmem_driver::start(of, text);
  kfree(text);
  return error;
}

int kmem_driver_unload(module* of) noexcept {
  if (!of->kmem_loaded) return -ENOENT;
  if (kmem_driver::has(of, false) && !kmem_driver::has(of, true)) return -EBUSY;
  int nobody = 0;
  if (!__atomic_compare_exchange_n(&of->kmem_users, &nobody, -1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return -EBUSY;
  of->state = MODULE_STATE_GOING;
  kmem_driver::leave(of);
  kmem_driver::hide_module(of);
  kmem_driver::unlink(of);
  kmem_driver::free_parameters(of);
  __atomic_store_n(&of->kmem_users, 0, __ATOMIC_RELEASE);
  return 0;
}

module* kmem_driver_find(const char* name) noexcept {
  module* m = modules().loaded;
  while (m && strcmp(m->name, name) != 0) m = m->kmem_next;
  return m;
}

const char* kmem_driver_info(const module* of, const char* tag, unsigned n) noexcept {
  for (const kmem_module_info* i = modules().infos.first; i; i = i->next)
    if (i->module == of && !strcmp(i->tag, tag) && !n--) return i->text;
  return nullptr;
}

bool try_module_get(module* of) noexcept {
  if (!of) return true;
  int users = __atomic_load_n(&of->kmem_users, __ATOMIC_RELAXED);
  do {
    if (users < 0) return false;
  } while (!__atomic_compare_exchange_n(&of->kmem_users, &users, users + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
  return true;
}

void __module_get(module* of) noexcept {
  if (!try_module_get(of)) WARN(1, "%s: a user more of a module that is going", of->name);
}

void module_put(module* of) noexcept {
  if (!of) return;
  int users = __atomic_load_n(&of->kmem_users, __ATOMIC_RELAXED);
  do {
    if (users <= 0) return void(WARN(1, "%s: module_put() without a user", of->name));
  } while (!__atomic_compare_exchange_n(&of->kmem_users, &users, users - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
}

int module_refcount(module* of) noexcept { return of ? __atomic_load_n(&of->kmem_users, __ATOMIC_RELAXED) : 0; }

int __request_module(bool, const char* format, ...) noexcept {
  char name[MODULE_NAME_LEN];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name, sizeof(name), format, arguments);
  va_end(arguments);
  return kmem_driver_find(name) ? 0 : -ENOENT;
}

}  // extern "C"
