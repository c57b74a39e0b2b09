#ifndef KMEM_LINUX_RANDOM_H
#define KMEM_LINUX_RANDOM_H
/* Random numbers: the host kernel's, fit for keys.  Any context. */
#include <kmem/driver_face.h>
#include <linux/types.h>

KMEM_BEGIN_C
KMEM_API void get_random_bytes(void* to, size_t n) KMEM_DRIVER_NAME(get_random_bytes);
KMEM_API u64 get_random_u64(void) KMEM_DRIVER_NAME(get_random_u64);
/** A uniform number from 0 to ceiling - 1; 0 for a ceiling of 0. */
KMEM_API u32 get_random_u32_below(u32 ceiling) KMEM_DRIVER_NAME(get_random_u32_below);
KMEM_END_C

static inline u32 get_random_u32(void) { return (u32)get_random_u64(); }
static inline u16 get_random_u16(void) { return (u16)get_random_u64(); }
static inline u8 get_random_u8(void) { return (u8)get_random_u64(); }
static inline unsigned int get_random_int(void) { return get_random_u32(); }
static inline unsigned long get_random_long(void) { return (unsigned long)get_random_u64(); }
/** A number from floor to ceiling, inclusive; ceiling must be above floor. */
static inline u32 get_random_u32_inclusive(u32 floor, u32 ceiling) { return floor + get_random_u32_below(ceiling - floor + 1); }
static inline u32 get_random_u32_above(u32 floor) { return get_random_u32_inclusive(floor + 1, ~0u); }
/** Until 6.2; a kernel's tree has them in its <linux/prandom.h>. */
#ifndef KMEM_KERNEL_TREE
static inline u32 prandom_u32_max(u32 ceiling) { return get_random_u32_below(ceiling); }
static inline u32 prandom_u32(void) { return get_random_u32(); }
static inline void prandom_bytes(void* to, size_t n) { get_random_bytes(to, n); }
#endif
/** Does nothing: the host's random numbers need no more input. */
static inline void add_device_randomness(const void* from, size_t n) { (void)from, (void)n; }
static inline int wait_for_random_bytes(void) { return 0; }
static inline bool rng_is_initialized(void) { return true; }
static inline int get_random_bytes_wait(void* to, size_t n) {
  get_random_bytes(to, n);
  return 0;
}

#include <linux/prandom.h> /* the kernel's own asks for the above */
#endif
