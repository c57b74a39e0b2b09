#pragma once
// Arithmetic on words of bits; every function here is pure.

#include "base/types.h"

namespace kmem {

constexpr bool is_power_of_two(uint64_t x) { return x && !(x & (x - 1)); }
constexpr uint64_t round_up(uint64_t x, uint64_t to) { return (x + to - 1) & ~(to - 1); }
constexpr uint64_t round_down(uint64_t x, uint64_t to) { return x & ~(to - 1); }
constexpr unsigned lowest_bit(uint64_t x) { return static_cast<unsigned>(__builtin_ctzll(x)); }
constexpr unsigned highest_bit(uint64_t x) { return 63u - static_cast<unsigned>(__builtin_clzll(x)); }
constexpr unsigned count_bits(uint64_t x) {
  // Without a popcount instruction in the baseline the compiler would call into libgcc.
  x = x - ((x >> 1) & 0x5555555555555555u);
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  return static_cast<unsigned>((((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u) >> 56);
}
/// The n lowest bits set; n up to 64.
constexpr uint64_t low_mask(unsigned n) { return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1; }
constexpr unsigned log2_ceil(uint64_t x) { return x <= 1 ? 0 : highest_bit(x - 1) + 1; }

/// The n lowest set bits of `word`, or all of them if it has fewer.
constexpr uint64_t lowest_bits(uint64_t word, unsigned n) {
  uint64_t taken = 0;
  for (; n && word; --n) {
    taken |= word & -word;
    word &= word - 1;
  }
  return taken;
}

/// a * b / 2^32, in 64 bits.
constexpr uint64_t multiply_high32(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  __extension__ typedef unsigned __int128 Wide;
  return static_cast<uint64_t>(static_cast<Wide>(a) * b >> 32);
#else
  const uint64_t low_a = static_cast<uint32_t>(a), low_b = static_cast<uint32_t>(b);
  return (low_a * low_b >> 32) + (a >> 32) * low_b + low_a * (b >> 32) + ((a >> 32) * (b >> 32) << 32);
#endif
}

/// The multiples of 2^order in a word; order <= 6.
constexpr uint64_t multiples(unsigned order) {
  constexpr uint64_t kStarts[7] = {
      ~uint64_t{0}, 0x5555555555555555u, 0x1111111111111111u, 0x0101010101010101u, 0x0001000100010001u, 0x0000000100000001u, 1};
  return kStarts[order];
}

/// The positions in `word`, multiples of 2^order, at which 2^order bits in a row are set; order <= 6.
constexpr uint64_t aligned_runs(uint64_t word, unsigned order) {
  for (unsigned i = 0; i < order; ++i) word &= word >> (1u << i);
  return word & multiples(order);
}

/// The positions in `word` at which n bits in a row are set; n from 1 to 64.
constexpr uint64_t runs(uint64_t word, unsigned n) {
  for (unsigned have = 1, more; have < n; have += more) {
    more = have < n - have ? have : n - have;
    word &= word >> more;
  }
  return word;
}

/// Set bits in a row at the lower and at the upper end of a word.
constexpr unsigned ones_below(uint64_t word) { return ~word ? lowest_bit(~word) : 64; }
constexpr unsigned ones_above(uint64_t word) { return ~word ? 63 - highest_bit(~word) : 64; }

}  // namespace kmem
