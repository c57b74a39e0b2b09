#ifndef KMEM_LINUX_LINEAR_RANGE_H
#define KMEM_LINUX_LINEAR_RANGE_H
/* Numbers that a register selects in equal steps: selector min_sel means min, and each one further `step` more, up to max_sel.
 * An array of ranges is one scale.  -EINVAL where nothing is selected.  Any context.  Meaning: the kernel's
 * <linux/linear_range.h>. */
#include <kmem/driver_face.h>
#include <linux/errno.h>
#include <linux/types.h>

struct linear_range {
  unsigned int min, min_sel, max_sel, step;
};
#define LINEAR_RANGE(from, first_selector, last_selector, each) \
  { from, first_selector, last_selector, each }
#define LINEAR_RANGE_IDX(index, from, first_selector, last_selector, each) \
  [index] = LINEAR_RANGE(from, first_selector, last_selector, each)

KMEM_BEGIN_C
/** How many selectors there are. */
KMEM_API unsigned int linear_range_values_in_range(const struct linear_range* range)
    KMEM_DRIVER_NAME(linear_range_values_in_range);
KMEM_API unsigned int linear_range_values_in_range_array(const struct linear_range* ranges, int n)
    KMEM_DRIVER_NAME(linear_range_values_in_range_array);
KMEM_API unsigned int linear_range_get_max_value(const struct linear_range* range) KMEM_DRIVER_NAME(linear_range_get_max_value);
/** What a selector means. */
KMEM_API int linear_range_get_value(const struct linear_range* range, unsigned int selector, unsigned int* value)
    KMEM_DRIVER_NAME(linear_range_get_value);
KMEM_API int linear_range_get_value_array(const struct linear_range* ranges, int n, unsigned int selector, unsigned int* value)
    KMEM_DRIVER_NAME(linear_range_get_value_array);
/** The selector of the largest number up to `value`; *found: the value lies in the range.  Above it, the last selector. */
KMEM_API int linear_range_get_selector_low(const struct linear_range* range, unsigned int value, unsigned int* selector,
                                           bool* found) KMEM_DRIVER_NAME(linear_range_get_selector_low);
KMEM_API int linear_range_get_selector_low_array(const struct linear_range* ranges, int n, unsigned int value,
                                                 unsigned int* selector, bool* found)
    KMEM_DRIVER_NAME(linear_range_get_selector_low_array);
/** The selector of the smallest number from `value` on.  Below the range, the first selector. */
KMEM_API int linear_range_get_selector_high(const struct linear_range* range, unsigned int value, unsigned int* selector,
                                            bool* found) KMEM_DRIVER_NAME(linear_range_get_selector_high);
/** As _low(), and the first selector below the range. */
KMEM_API void linear_range_get_selector_within(const struct linear_range* range, unsigned int value, unsigned int* selector)
    KMEM_DRIVER_NAME(linear_range_get_selector_within);
KMEM_END_C
#endif
