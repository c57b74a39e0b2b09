/* mm/zbud.c behind mm/zpool.c: two blocks a page, and what is evicted. */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/zpool.h>

#include "pool_blocks.h"

static unsigned int evicted;
static int evict(struct zpool* pool, unsigned long handle) {
  ++evicted;
  zpool_free(pool, handle);
  return 0;
}
static const struct zpool_ops operations = {evict};

static void pairs_share_a_page(struct zpool* pool) {
  unsigned long handle[4];
  unsigned int i, reclaimed = 0;
  for (i = 0; i < 4; ++i) CHECK(zpool_malloc(pool, 1000, GFP_KERNEL, &handle[i]) == 0);
  CHECK(zpool_get_total_size(pool) == 2 * PAGE_SIZE);
  CHECK(zpool_shrink(pool, 1, &reclaimed) == 0);
  CHECK(reclaimed == 1);
  CHECK(evicted == 2);
  CHECK(zpool_get_total_size(pool) == PAGE_SIZE);
  CHECK(zpool_shrink(pool, 1, &reclaimed) == 0);
  CHECK(zpool_get_total_size(pool) == 0);
}

static int __init zbud_checks(void) {
  static struct pool_block blocks[500];
  unsigned long handle;
  struct zpool* pool = zpool_create_pool("zbud", "checks", GFP_KERNEL, &operations);
  if (!CHECK(pool != NULL)) return 0;
  CHECK(zpool_has_pool("zbud"));
  CHECK(!strcmp(zpool_get_type(pool), "zbud"));
  CHECK(zpool_evictable(pool));
  CHECK(zpool_malloc(pool, 0, GFP_KERNEL, &handle) == -EINVAL);
  CHECK(zpool_malloc(pool, PAGE_SIZE, GFP_KERNEL, &handle) == -ENOSPC);
  pairs_share_a_page(pool);
  use_blocks(pool, blocks, 500, 3000, 20000);
  zpool_destroy_pool(pool);
  checks_end();
  return 0;
}
late_initcall(zbud_checks);
MODULE_LICENSE("GPL");
