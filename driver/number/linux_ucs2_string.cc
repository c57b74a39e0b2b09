// Text of 16-bit characters: <linux/ucs2_string.h>.
#include <linux/ucs2_string.h>

namespace {
unsigned size_of(ucs2_char_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : 3; }
u8* write(u8* to, ucs2_char_t c) {
  switch (size_of(c)) {
    case 1: *to++ = static_cast<u8>(c); break;
    case 2: *to++ = static_cast<u8>(0xc0 | c >> 6); break;
    default: *to++ = static_cast<u8>(0xe0 | c >> 12); *to++ = static_cast<u8>(0x80 | (c >> 6 & 0x3f));
  }
  if (c >= 0x80) *to++ = static_cast<u8>(0x80 | (c & 0x3f));
  return to;
}
}  // namespace

extern "C" {

unsigned long ucs2_strnlen(const ucs2_char_t* text, size_t most) noexcept {
  unsigned long n = 0;
  while (n < most && text[n]) ++n;
  return n;
}
unsigned long ucs2_strlen(const ucs2_char_t* text) noexcept { return ucs2_strnlen(text, ~size_t{0}); }
unsigned long ucs2_strsize(const ucs2_char_t* text, unsigned long most) noexcept {
  return ucs2_strnlen(text, most) * sizeof(ucs2_char_t);
}
int ucs2_strncmp(const ucs2_char_t* a, const ucs2_char_t* b, size_t n) noexcept {
  for (; n > 0; --n, ++a, ++b) {
    if (*a != *b) return *a < *b ? -1 : 1;
    if (!*a) return 0;
  }
  return 0;
}
unsigned long ucs2_utf8size(const ucs2_char_t* text) noexcept {
  unsigned long bytes = 0;
  for (; *text; ++text) bytes += size_of(*text);
  return bytes;
}
unsigned long ucs2_as_utf8(u8* to, const ucs2_char_t* text, unsigned long room) noexcept {
  u8* at = to;
  for (; *text && size_of(*text) <= room; ++text) {
    room -= size_of(*text);
    at = write(at, *text);
  }
  if (room) *at = 0;
  return static_cast<unsigned long>(at - to);
}

}  // extern "C"
