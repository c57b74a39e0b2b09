/* jiffies as a variable: for drivers that have members of that name. */
#define KMEM_JIFFIES_VARIABLE
#include <linux/jiffies.h>

#include <stdio.h>

struct seen {
  unsigned long jiffies;
};

int main(void) {
  struct seen begin = {jiffies};
  /* No call is in the loop: it ends all the same.  The variable may be late, and is never early. */
  while (time_before(jiffies, begin.jiffies + HZ / 10)) continue;
  if (time_after(jiffies, (unsigned long)get_jiffies_64())) {
    fprintf(stderr, "the variable is ahead of the clock\n");
    return 1;
  }
  return 0;
}
