// Numbers that a register selects in equal steps: <linux/linear_range.h>.
#include <linux/linear_range.h>
#include <linux/math.h>

extern "C" {

unsigned linear_range_values_in_range(const linear_range* r) noexcept { return r->max_sel - r->min_sel + 1; }
unsigned linear_range_values_in_range_array(const linear_range* r, int n) noexcept {
  unsigned all = 0;
  for (int i = 0; i < n; ++i) all += linear_range_values_in_range(&r[i]);
  return all;
}
unsigned linear_range_get_max_value(const linear_range* r) noexcept { return r->min + (r->max_sel - r->min_sel) * r->step; }

int linear_range_get_value(const linear_range* r, unsigned selector, unsigned* value) noexcept {
  if (selector < r->min_sel || selector > r->max_sel) return -EINVAL;
  *value = r->min + (selector - r->min_sel) * r->step;
  return 0;
}
int linear_range_get_value_array(const linear_range* r, int n, unsigned selector, unsigned* value) noexcept {
  for (int i = 0; i < n; ++i)
    if (!linear_range_get_value(&r[i], selector, value)) return 0;
  return -EINVAL;
}

int linear_range_get_selector_low(const linear_range* r, unsigned value, unsigned* selector, bool* found) noexcept {
  *found = false;
  if (value < r->min) return -EINVAL;
  *selector = r->max_sel;
  if (value > linear_range_get_max_value(r)) return 0;
  *found = true;
  *selector = r->step ? (value - r->min) / r->step + r->min_sel : r->min_sel;
  return 0;
}
int linear_range_get_selector_low_array(const linear_range* r, int n, unsigned value, unsigned* selector,
                                        bool* found) noexcept {
  int error = -EINVAL;
  *found = false;
  for (int i = 0; i < n && !*found; ++i)
    if (!linear_range_get_selector_low(&r[i], value, selector, found)) error = 0;
  return error;
}
int linear_range_get_selector_high(const linear_range* r, unsigned value, unsigned* selector, bool* found) noexcept {
  *found = false;
  if (value > linear_range_get_max_value(r)) return -EINVAL;
  *selector = r->min_sel;
  if (value < r->min) return 0;
  *found = true;
  *selector = r->step ? DIV_ROUND_UP(value - r->min, r->step) + r->min_sel : r->max_sel;
  return 0;
}
void linear_range_get_selector_within(const linear_range* r, unsigned value, unsigned* selector) noexcept {
  bool found;
  if (linear_range_get_selector_low(r, value, selector, &found)) *selector = r->min_sel;
}

}  // extern "C"
