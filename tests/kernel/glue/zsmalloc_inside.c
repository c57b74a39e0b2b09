/* mm/zsmalloc.c behind mm/zpool.c and by its own names: blocks that cross pages, and compaction. */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/zpool.h>
#include <linux/zsmalloc.h>

#include "pool_blocks.h"

long zspages_counted;

static void a_sparse_pool_is_compacted(void) {
  static unsigned long handle[4000];
  struct zs_pool* pool = zs_create_pool("compacted");
  struct zs_pool_stats stats;
  unsigned long before;
  unsigned int i;
  for (i = 0; i < 4000; ++i) {
    handle[i] = zs_malloc(pool, 400, GFP_KERNEL);
    CHECK(!IS_ERR_VALUE(handle[i]));
    memset(zs_map_object(pool, handle[i], ZS_MM_WO), i % 251, 400);
    zs_unmap_object(pool, handle[i]);
  }
  for (i = 0; i < 4000; ++i)
    if (i % 8) zs_free(pool, handle[i]);
  before = zs_get_total_pages(pool);
  CHECK(zs_compact(pool) > 0);
  CHECK(zs_get_total_pages(pool) < before / 2);
  zs_pool_stats(pool, &stats);
  CHECK(atomic_long_read(&stats.pages_compacted) == (long)(before - zs_get_total_pages(pool)));
  for (i = 0; i < 4000; i += 8) {
    CHECK(is_full_of(zs_map_object(pool, handle[i], ZS_MM_RO), 400, i % 251));
    zs_unmap_object(pool, handle[i]);
    zs_free(pool, handle[i]);
  }
  CHECK(zs_get_total_pages(pool) == 0);
  zs_destroy_pool(pool);
}

static int __init zsmalloc_checks(void) {
  static struct pool_block blocks[500];
  struct zpool* pool = zpool_create_pool("zsmalloc", "checks", GFP_KERNEL, NULL);
  if (!CHECK(pool != NULL)) return 0;
  CHECK(zpool_malloc_support_movable(pool));
  use_blocks(pool, blocks, 500, PAGE_SIZE, 20000);
  zpool_destroy_pool(pool);
  a_sparse_pool_is_compacted();
  CHECK(zspages_counted == 0);
  checks_end();
  return 0;
}
late_initcall(zsmalloc_checks);
MODULE_LICENSE("GPL");
