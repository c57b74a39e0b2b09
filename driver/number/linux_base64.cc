// Bytes as letters: <linux/base64.h>.
#include <linux/base64.h>

namespace {
constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The six bits of a letter; -1: it is none.
int bits_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}
}  // namespace

extern "C" {

int base64_encode(const u8* from, int n, char* to) noexcept {
  unsigned waiting = 0, bits = 0;
  char* at = to;
  for (int i = 0; i < n; ++i) {
    waiting = waiting << 8 | from[i];
    for (bits += 8; bits >= 6; bits -= 6) *at++ = kLetters[waiting >> (bits - 6) & 63];
  }
  if (bits) *at++ = kLetters[waiting << (6 - bits) & 63];
  return static_cast<int>(at - to);
}

int base64_decode(const char* from, int n, u8* to) noexcept {
  unsigned waiting = 0, bits = 0;
  u8* at = to;
  for (int i = 0; i < n; ++i) {
    const int six = bits_of(from[i]);
    if (six < 0) return -1;
    waiting = waiting << 6 | static_cast<unsigned>(six);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    *at++ = static_cast<u8>(waiting >> bits);
  }
  return waiting & ((1u << bits) - 1) ? -1 : static_cast<int>(at - to);
}

}  // extern "C"
