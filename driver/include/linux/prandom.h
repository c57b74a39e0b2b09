#ifndef KMEM_LINUX_PRANDOM_H
#define KMEM_LINUX_PRANDOM_H
/* Pseudo-random numbers from a seed: the same on every run, and not for keys. L'Ecuyer's taus113 generator. The caller locks
 * the state. */
#include <kmem/driver_face.h>
#include <linux/types.h>

struct rnd_state {
  u32 s1, s2, s3, s4;
};

KMEM_BEGIN_C
KMEM_API u32 prandom_u32_state(struct rnd_state* state) KMEM_DRIVER_NAME(prandom_u32_state);
KMEM_API void prandom_seed_state(struct rnd_state* state, u64 seed) KMEM_DRIVER_NAME(prandom_seed_state);
KMEM_API void prandom_bytes_state(struct rnd_state* state, void* to, size_t n) KMEM_DRIVER_NAME(prandom_bytes_state);
KMEM_END_C
#endif
