// Cyclic redundancy checks: <linux/crc32.h>, <linux/crc16.h>, <linux/crc-ccitt.h>, <linux/crc7.h>, <linux/crc8.h>.
#include <array>

#include <linux/crc-ccitt.h>
#include <linux/crc-itu-t.h>
#include <linux/crc16.h>
#include <linux/crc32.h>
#include <linux/crc4.h>
#include <linux/crc7.h>
#include <linux/crc8.h>

namespace {

template <class T>
using Table = std::array<T, 256>;

/// The table for each byte: low bits first, with the reversed polynomial.
template <class T>
constexpr Table<T> low_first(T polynomial) {
  Table<T> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    T rest = static_cast<T>(byte);
    for (int i = 0; i < 8; ++i) rest = static_cast<T>(rest & 1 ? (rest >> 1) ^ polynomial : rest >> 1);
    table[byte] = rest;
  }
  return table;
}
/// The same, high bits first.
template <class T>
constexpr Table<T> high_first(T polynomial) {
  constexpr unsigned kShift = 8 * sizeof(T) - 8;
  constexpr T kTop = static_cast<T>(T{1} << (8 * sizeof(T) - 1));
  Table<T> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    T rest = static_cast<T>(static_cast<T>(byte) << kShift);
    for (int i = 0; i < 8; ++i) rest = static_cast<T>(rest & kTop ? (rest << 1) ^ polynomial : rest << 1);
    table[byte] = rest;
  }
  return table;
}

template <class T>
T from_low(const Table<T>& table, T crc, const u8* p, size_t n) {
  for (; n > 0; --n, ++p) crc = static_cast<T>((sizeof(T) > 1 ? crc >> 8 : 0) ^ table[(crc ^ *p) & 0xff]);
  return crc;
}
template <class T>
T from_high(const Table<T>& table, T crc, const u8* p, size_t n) {
  constexpr unsigned kShift = 8 * sizeof(T) - 8;
  for (; n > 0; --n, ++p) crc = static_cast<T>((crc << 8) ^ table[(crc >> kShift ^ *p) & 0xff]);
  return crc;
}

constexpr auto kCrc32Low = low_first<u32>(0xedb88320);
constexpr auto kCrc32High = high_first<u32>(0x04c11db7);
constexpr auto kCrc32c = low_first<u32>(0x82f63b78);
constexpr auto kCrc16 = low_first<u16>(0xa001);
constexpr auto kCcitt = low_first<u16>(0x8408);
constexpr auto kCcittHigh = high_first<u16>(0x1021);
constexpr auto kCrc7 = high_first<u8>(0x09 << 1);

}  // namespace

u32 crc32_le(u32 crc, const unsigned char* p, size_t n) noexcept { return from_low(kCrc32Low, crc, p, n); }
u32 crc32_be(u32 crc, const unsigned char* p, size_t n) noexcept { return from_high(kCrc32High, crc, p, n); }
u32 __crc32c_le(u32 crc, const unsigned char* p, size_t n) noexcept { return from_low(kCrc32c, crc, p, n); }
u16 crc16(u16 crc, const u8* p, size_t n) noexcept { return from_low(kCrc16, crc, p, n); }
u16 crc_ccitt(u16 crc, const u8* p, size_t n) noexcept { return from_low(kCcitt, crc, p, n); }
u16 crc_ccitt_false(u16 crc, const u8* p, size_t n) noexcept { return from_high(kCcittHigh, crc, p, n); }
u16 crc_itu_t(u16 crc, const u8* p, size_t n) noexcept { return from_high(kCcittHigh, crc, p, n); }

uint8_t crc4(uint8_t crc, uint64_t value, int bits) noexcept {
  // Four bits at a time, the high ones first; x^4 + x^2 + x + 1.
  constexpr auto step = [](unsigned nibble) {
    for (int i = 0; i < 4; ++i) nibble = nibble & 8 ? (nibble << 1 ^ 0x17) & 0xf : nibble << 1;
    return nibble;
  };
  if (bits < 64) value &= (uint64_t{1} << bits) - 1;
  for (int shift = (bits + 3) / 4 * 4 - 4; shift >= 0; shift -= 4)
    crc = static_cast<uint8_t>(step((crc ^ (value >> shift)) & 0xf));
  return crc;
}
u8 crc7_be(u8 crc, const u8* p, size_t n) noexcept {
  for (; n > 0; --n, ++p) crc = kCrc7[crc ^ *p];
  return crc;
}

void crc8_populate_msb(u8* table, u8 polynomial) noexcept {
  const Table<u8> made = high_first<u8>(polynomial);
  for (unsigned i = 0; i < made.size(); ++i) table[i] = made[i];
}
void crc8_populate_lsb(u8* table, u8 polynomial) noexcept {
  const Table<u8> made = low_first<u8>(polynomial);
  for (unsigned i = 0; i < made.size(); ++i) table[i] = made[i];
}
u8 crc8(const u8* table, const u8* p, size_t n, u8 crc) noexcept {
  for (; n > 0; --n, ++p) crc = table[crc ^ *p];
  return crc;
}

/// What crc_itu_t_byte() looks up.
#define KMEM_EIGHT_(n)                                                                                                    \
  kCcittHigh[n], kCcittHigh[(n) + 1], kCcittHigh[(n) + 2], kCcittHigh[(n) + 3], kCcittHigh[(n) + 4], kCcittHigh[(n) + 5], \
      kCcittHigh[(n) + 6], kCcittHigh[(n) + 7]
#define KMEM_64_(n)                                                                                          \
  KMEM_EIGHT_(n), KMEM_EIGHT_((n) + 8), KMEM_EIGHT_((n) + 16), KMEM_EIGHT_((n) + 24), KMEM_EIGHT_((n) + 32), \
      KMEM_EIGHT_((n) + 40), KMEM_EIGHT_((n) + 48), KMEM_EIGHT_((n) + 56)
const u16 kmem_crc_itu_t_table[256] = {KMEM_64_(0), KMEM_64_(64), KMEM_64_(128), KMEM_64_(192)};
