/* Checks that are counted, for kernel code that brings no suite of its own: the last line is "checks: N of M passed". */
#include <linux/kernel.h>
#include <linux/printk.h>

static unsigned long checks_passed, checks_done;
static inline bool checked(bool holds, const char* what, int line) {
  ++checks_done;
  if (holds) ++checks_passed;
  else printk(KERN_ERR "line %d fails: %s\n", line, what);
  return holds;
}
#define CHECK(condition) checked((condition), #condition, __LINE__)
#define checks_end() printk(KERN_INFO "checks: %lu of %lu passed\n", checks_passed, checks_done)

/* Numbers that are the same in each run. */
static unsigned long long checks_state = 88172645463325252ull;
static inline unsigned int any_below(unsigned int most) {
  checks_state ^= checks_state << 13;
  checks_state ^= checks_state >> 7;
  checks_state ^= checks_state << 17;
  return (unsigned int)(checks_state >> 11) % most;
}
