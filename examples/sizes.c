/* Sizes that come from outside: no overflow becomes a small block. */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include <stdio.h>

struct parts {
  size_t nr;
  double part[];
};

static struct parts* make_parts(size_t nr) {
  struct parts* parts = NULL;
  parts = kzalloc(struct_size(parts, part, nr), GFP_KERNEL | __GFP_NOWARN); /* SIZE_MAX on overflow, which is refused */
  if (parts) parts->nr = nr;
  return parts;
}

int main(int argc, char** argv) {
  (void)argv;
  struct parts *few = make_parts(10), *many = make_parts(~(size_t)0 / (4 * (size_t)argc)) /* as if from a file */;
  if (!few) return 1;
  printf("%zu parts; and of very many: %s\n", few->nr, many ? "BAD" : "refused");
  printf("100 rounded up to 64 is %d; the smaller of 3 and 5 is %d\n", ALIGN(100, 64), min(3, 5));
  pr_info("sizes: a line for standard error\n");
  kfree(few);
  kfree(many);
  return 0;
}
