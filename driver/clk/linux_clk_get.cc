// Getting clocks, and giving them back with a device's resources.

#include <linux/clk.h>

#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "clk/core.h"

namespace {

using namespace kmem_driver::clocks;

clk* error_of(int error) { return static_cast<clk*>(ERR_PTR(error)); }

struct Note {
  clk* user;
  void (*undo)(clk* user);
};
void put_noted(device*, void* noted) {
  const auto* note = static_cast<Note*>(noted);
  if (note->undo) note->undo(note->user);
  clk_put(note->user);
}
int is_of(device*, void* noted, void* user) { return static_cast<Note*>(noted)->user == user; }

int no_preparation(clk*) { return 0; }
int prepare_and_enable(clk* user) { return clk_prepare_enable(user); }
void disable_and_unprepare(clk* user) { clk_disable_unprepare(user); }

clk* get_noted(device* dev, clk* user, int (*begin)(clk*), void (*undo)(clk*)) {
  if (IS_ERR(user)) return user;
  auto* note = static_cast<Note*>(devres_alloc(put_noted, sizeof(Note), GFP_KERNEL));
  const int error = note ? begin(user) : -ENOMEM;
  if (!error) {
    *note = {user, undo};
    devres_add(dev, note);
    return user;
  }
  if (note) devres_free(note);
  clk_put(user);
  return error_of(error);
}

}  // namespace

extern "C" {

clk* clk_get_sys(const char* dev_id, const char* con_id) noexcept {
  PrepareLock hold;
  clk_core* core = look_up(dev_id, con_id);
  if (!core) return error_of(-ENOENT);
  clk* user = new_user(core);
  return user ? user : error_of(-ENOMEM);
}
clk* clk_get(device* dev, const char* id) noexcept { return clk_get_sys(dev ? dev_name(dev) : nullptr, id); }
void clk_put(clk* user) noexcept {
  if (IS_ERR_OR_NULL(user)) return;
  PrepareLock hold;
  put_user(user);
}

clk* devm_clk_get(device* dev, const char* id) noexcept { return get_noted(dev, clk_get(dev, id), no_preparation, nullptr); }
clk* devm_clk_get_prepared(device* dev, const char* id) noexcept {
  return get_noted(
      dev, clk_get(dev, id), [](clk* c) { return clk_prepare(c); }, [](clk* c) { clk_unprepare(c); });
}
clk* devm_clk_get_enabled(device* dev, const char* id) noexcept {
  return get_noted(dev, clk_get(dev, id), prepare_and_enable, disable_and_unprepare);
}
clk* devm_clk_get_optional(device* dev, const char* id) noexcept {
  return get_noted(dev, clk_get_optional(dev, id), no_preparation, nullptr);
}
clk* devm_clk_get_optional_prepared(device* dev, const char* id) noexcept {
  return get_noted(
      dev, clk_get_optional(dev, id), [](clk* c) { return clk_prepare(c); }, [](clk* c) { clk_unprepare(c); });
}
clk* devm_clk_get_optional_enabled(device* dev, const char* id) noexcept {
  return get_noted(dev, clk_get_optional(dev, id), prepare_and_enable, disable_and_unprepare);
}
void devm_clk_put(device* dev, clk* user) noexcept { WARN_ON(devres_release(dev, put_noted, is_of, user)); }

}  // extern "C"
