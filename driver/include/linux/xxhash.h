#ifndef KMEM_LINUX_XXHASH_H
#define KMEM_LINUX_XXHASH_H
/* XXH32 and XXH64: fast hashes, of bytes at once or in pieces; not against enemies.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

struct xxh32_state {
  uint32_t total_len_32, large_len;
  uint32_t v1, v2, v3, v4;
  uint32_t mem32[4]; /* bytes that fill no block yet */
  uint32_t memsize;
};
struct xxh64_state {
  uint64_t total_len;
  uint64_t v1, v2, v3, v4;
  uint64_t mem64[4];
  uint32_t memsize;
};

KMEM_BEGIN_C
KMEM_API uint32_t xxh32(const void* data, size_t n, uint32_t seed) KMEM_DRIVER_NAME(xxh32);
KMEM_API uint64_t xxh64(const void* data, size_t n, uint64_t seed) KMEM_DRIVER_NAME(xxh64);
static inline unsigned long xxhash(const void* data, size_t n, uint64_t seed) {
  return sizeof(long) == 8 ? (unsigned long)xxh64(data, n, seed) : xxh32(data, n, (uint32_t)seed);
}
KMEM_API void xxh32_reset(struct xxh32_state* state, uint32_t seed) KMEM_DRIVER_NAME(xxh32_reset);
/** 0; -EINVAL: no data. */
KMEM_API int xxh32_update(struct xxh32_state* state, const void* data, size_t n) KMEM_DRIVER_NAME(xxh32_update);
KMEM_API uint32_t xxh32_digest(const struct xxh32_state* state) KMEM_DRIVER_NAME(xxh32_digest);
KMEM_API void xxh64_reset(struct xxh64_state* state, uint64_t seed) KMEM_DRIVER_NAME(xxh64_reset);
KMEM_API int xxh64_update(struct xxh64_state* state, const void* data, size_t n) KMEM_DRIVER_NAME(xxh64_update);
KMEM_API uint64_t xxh64_digest(const struct xxh64_state* state) KMEM_DRIVER_NAME(xxh64_digest);
KMEM_API void xxh32_copy_state(struct xxh32_state* to, const struct xxh32_state* from) KMEM_DRIVER_NAME(xxh32_copy_state);
KMEM_API void xxh64_copy_state(struct xxh64_state* to, const struct xxh64_state* from) KMEM_DRIVER_NAME(xxh64_copy_state);
KMEM_END_C
#endif
