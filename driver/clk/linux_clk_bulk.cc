// Several clocks at once.

#include <linux/clk.h>
#include <linux/device.h>
#include <linux/kernel.h>

namespace {

int get_all(device* dev, int n, clk_bulk_data* clks, clk* (*get)(device*, const char*)) {
  for (int i = 0; i < n; ++i) {
    clks[i].clk = get(dev, clks[i].id);
    if (!IS_ERR(clks[i].clk)) continue;
    const int error = static_cast<int>(PTR_ERR(clks[i].clk));
    clks[i].clk = nullptr;
    dev_err(dev, "Failed to get clk '%s': %d\n", clks[i].id, error);
    clk_bulk_put(i, clks);
    return error;
  }
  return 0;
}

struct Note {
  int n;
  clk_bulk_data* clks;
};
void put_noted(device*, void* noted) {
  const auto* note = static_cast<Note*>(noted);
  clk_bulk_put(note->n, note->clks);
}
int get_noted(device* dev, int n, clk_bulk_data* clks, clk* (*get)(device*, const char*)) {
  auto* note = static_cast<Note*>(devres_alloc(put_noted, sizeof(Note), GFP_KERNEL));
  if (!note) return -ENOMEM;
  const int error = get_all(dev, n, clks, get);
  *note = {n, clks};
  if (error) devres_free(note);
  else devres_add(dev, note);
  return error;
}
clk* get_optional(device* dev, const char* id) { return clk_get_optional(dev, id); }

}  // namespace

extern "C" {

int clk_bulk_get(device* dev, int n, clk_bulk_data* clks) noexcept { return get_all(dev, n, clks, clk_get); }
int clk_bulk_get_optional(device* dev, int n, clk_bulk_data* clks) noexcept { return get_all(dev, n, clks, get_optional); }
void clk_bulk_put(int n, clk_bulk_data* clks) noexcept {
  while (n-- > 0) {
    clk_put(clks[n].clk);
    clks[n].clk = nullptr;
  }
}
int devm_clk_bulk_get(device* dev, int n, clk_bulk_data* clks) noexcept { return get_noted(dev, n, clks, clk_get); }
int devm_clk_bulk_get_optional(device* dev, int n, clk_bulk_data* clks) noexcept {
  return get_noted(dev, n, clks, get_optional);
}

int clk_bulk_prepare(int n, const clk_bulk_data* clks) noexcept {
  for (int i = 0; i < n; ++i) {
    const int error = clk_prepare(clks[i].clk);
    if (!error) continue;
    clk_bulk_unprepare(i, clks);
    return error;
  }
  return 0;
}
void clk_bulk_unprepare(int n, const clk_bulk_data* clks) noexcept {
  while (n-- > 0) clk_unprepare(clks[n].clk);
}
int clk_bulk_enable(int n, const clk_bulk_data* clks) noexcept {
  for (int i = 0; i < n; ++i) {
    const int error = clk_enable(clks[i].clk);
    if (!error) continue;
    clk_bulk_disable(i, clks);
    return error;
  }
  return 0;
}
void clk_bulk_disable(int n, const clk_bulk_data* clks) noexcept {
  while (n-- > 0) clk_disable(clks[n].clk);
}

}  // extern "C"
