/* Blocks of a pool of compressed pages, each full of a byte of its own: allocated, looked at and freed in any order. */
#include "checks.h"

struct pool_block {
  unsigned long handle;
  unsigned int size;
  unsigned char fill;
};

static inline bool is_full_of(const unsigned char* at, unsigned int size, unsigned char fill) {
  unsigned int i = 0;
  while (i < size && at[i] == fill) ++i;
  return i == size;
}

static inline void fill_block(struct zpool* pool, const struct pool_block* b) {
  memset(zpool_map_handle(pool, b->handle, ZPOOL_MM_WO), b->fill, b->size);
  zpool_unmap_handle(pool, b->handle);
}
static inline bool block_is_whole(struct zpool* pool, const struct pool_block* b) {
  const bool whole = is_full_of(zpool_map_handle(pool, b->handle, ZPOOL_MM_RO), b->size, b->fill);
  zpool_unmap_handle(pool, b->handle);
  return whole;
}

/* Steps on up to n blocks of up to `most` bytes; in the end all are freed, and the pool has no page. */
static inline void use_blocks(struct zpool* pool, struct pool_block* blocks, unsigned int n, unsigned int most,
                              unsigned int steps) {
  unsigned int i;
  for (i = 0; i < steps; ++i) {
    struct pool_block* b = &blocks[any_below(n)];
    if (b->handle) {
      CHECK(block_is_whole(pool, b));
      zpool_free(pool, b->handle);
      b->handle = 0;
      continue;
    }
    b->size = 1 + any_below(most);
    b->fill = (unsigned char)any_below(256);
    if (CHECK(zpool_malloc(pool, b->size, GFP_KERNEL, &b->handle) == 0)) fill_block(pool, b);
  }
  CHECK(zpool_get_total_size(pool) > 0);
  for (i = 0; i < n; ++i) {
    if (!blocks[i].handle) continue;
    CHECK(block_is_whole(pool, &blocks[i]));
    zpool_free(pool, blocks[i].handle);
    blocks[i].handle = 0;
  }
  CHECK(zpool_get_total_size(pool) == 0);
}
