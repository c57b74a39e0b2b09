#pragma once
// The arithmetic of sampling by bytes, in whole numbers: the core has no floating point.
//
// An allocation is sampled if a point of a Poisson process over all allocated bytes falls into it; points are `period` bytes
// apart on average. So s bytes are sampled with probability 1 - exp(-s / period), independent of earlier allocations.

#include "base/bits.h"
#include "base/types.h"

namespace kmem {

inline constexpr unsigned kFraction = 32;  // bits behind the point: products are multiply_high32()
inline constexpr uint64_t kOne = uint64_t{1} << kFraction;

/// log2(n) of n > 0, with 32 bits behind the point.
constexpr uint64_t log2_fixed(uint64_t n) {
  const unsigned whole = 63 - static_cast<unsigned>(__builtin_clzll(n));
  uint64_t x = n << (63 - whole) >> 32, result = whole;  // 1 <= x / 2^31 < 2
  for (unsigned bit = 0; bit < kFraction; ++bit) {
    x = x * x >> 31;
    const bool two = x >> 32;
    x >>= two;
    result = result << 1 | two;
  }
  return result;
}

/// Bytes to the next point: exponentially distributed with that mean.  `random`: 64 even bits.  At least 1.
constexpr uint64_t bytes_to_next(uint64_t random, uint64_t period) {
  constexpr unsigned kBits = 48;
  constexpr uint64_t kLn2 = 2977044472;  // ln 2 in 32 bits
  const uint64_t u = (random >> (64 - kBits)) + 1;
  const uint64_t halvings = (uint64_t{kBits} << kFraction) - log2_fixed(u);
  const uint64_t bytes = multiply_high32(multiply_high32(halvings, kLn2), period);
  return bytes ? bytes : 1;
}

/// exp(-x) of x < 64, both with 32 bits behind the point.
constexpr uint64_t exp_minus(uint64_t x) {
  constexpr unsigned kSquarings = 8;
  const uint64_t small = x >> kSquarings;  // below 1/4
  uint64_t term = kOne, e = kOne;
  for (uint64_t i = 1; i < 8; ++i) {
    term = (term * (small >> 2) >> (kFraction - 2)) / i;
    e = i & 1 ? e - term : e + term;
  }
  for (unsigned i = 0; i < kSquarings; ++i) e = multiply_high32(e, e);
  return e;
}

/// a / b with 32 bits behind the point, of b < 2^63 and a / b < 2^32: the compiler's division of 128 bits is a call.
constexpr uint64_t ratio(uint64_t a, uint64_t b) {
  uint64_t result = a / b, rest = a % b;
  for (unsigned bit = 0; bit < kFraction; ++bit) {
    rest <<= 1;
    const bool one = rest >= b;
    rest -= one ? b : 0;
    result = result << 1 | one;
  }
  return result;
}

/// The bytes that one sampled allocation of `size` stands for: size / (1 - exp(-size / period)).
constexpr uint64_t weight_of(uint64_t size, uint64_t period) {
  if (size / 22 >= period) return size;
  const uint64_t x = ratio(size, period);
  // x / (1 - exp(-x)) = 1 + x/2 + x^2/12 - x^4/720 ...: the difference from 1 would lose the digits of a small x.
  if (x < kOne / 8) {
    return multiply_high32(kOne + x / 2 + multiply_high32(x, x) / 12, period);
  }
  return ratio(size, kOne - exp_minus(x));
}

}  // namespace kmem
