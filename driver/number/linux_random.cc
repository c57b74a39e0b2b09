// Random numbers: <linux/random.h>, <linux/prandom.h>.
#include <cstring>

#include <sys/random.h>

#include <linux/random.h>

void get_random_bytes(void* to, size_t n) noexcept {
  for (char* at = static_cast<char*>(to); n > 0;) {
    const ssize_t got = getrandom(at, n, 0);
    if (got <= 0) continue;  // interrupted by a signal before the first byte
    at += got;
    n -= static_cast<size_t>(got);
  }
}

u64 get_random_u64() noexcept {
  u64 value;
  get_random_bytes(&value, sizeof(value));
  return value;
}

u32 get_random_u32_below(u32 ceiling) noexcept {
  if (ceiling == 0) return 0;
  // The lowest 2^32 % ceiling numbers would make some results more frequent, so they are drawn again.
  const u32 unfair = (0u - ceiling) % ceiling;
  for (;;) {
    const u64 product = static_cast<u64>(get_random_u32()) * ceiling;
    if (static_cast<u32>(product) >= unfair) return static_cast<u32>(product >> 32);
  }
}

namespace {

/// One of the four shift registers.
u32 step(u32 s, unsigned a, unsigned b, u32 mask, unsigned d) { return ((s & mask) << d) ^ (((s << a) ^ s) >> b); }
/// A register needs a least initial value.
u32 at_least(u32 seed, u32 low) { return seed < low ? seed + low : seed; }

}  // namespace

u32 prandom_u32_state(rnd_state* state) noexcept {
  state->s1 = step(state->s1, 6, 13, ~1u, 18);
  state->s2 = step(state->s2, 2, 27, ~7u, 2);
  state->s3 = step(state->s3, 13, 21, ~15u, 7);
  state->s4 = step(state->s4, 3, 12, ~127u, 13);
  return state->s1 ^ state->s2 ^ state->s3 ^ state->s4;
}

void prandom_seed_state(rnd_state* state, u64 seed) noexcept {
  const u32 mixed = static_cast<u32>(seed >> 32) ^ static_cast<u32>(seed << 10) ^ static_cast<u32>(seed);
  *state = {at_least(mixed, 2), at_least(mixed, 8), at_least(mixed, 16), at_least(mixed, 128)};
  for (int i = 0; i < 10; ++i) prandom_u32_state(state);
}

void prandom_bytes_state(rnd_state* state, void* to, size_t n) noexcept {
  for (char* at = static_cast<char*>(to); n > 0;) {
    const u32 value = prandom_u32_state(state);
    const size_t part = n < sizeof(value) ? n : sizeof(value);
    std::memcpy(at, &value, part);
    at += part;
    n -= part;
  }
}
