// Patterns as a shell's: <linux/glob.h>.
#include <string.h>

#include <linux/glob.h>

namespace {

/// The end of a set that begins behind `[`, past its `]`; null: it is not closed.  A `]` that comes first is one of the set.
const char* set_end(const char* p) {
  if (*p == '!') ++p;
  const char* end = *p ? strchr(p + 1, ']') : nullptr;
  return end ? end + 1 : nullptr;
}
bool in_set(const char* p, const char* end, unsigned char c) {
  const bool inverted = *p == '!';
  if (inverted) ++p;
  bool is_in = false;
  for (const char* last = end - 1; p < last; ++p) {
    const auto low = static_cast<unsigned char>(*p);
    auto high = low;
    if (p[1] == '-' && p + 2 < last) high = static_cast<unsigned char>(*(p += 2));
    is_in |= low <= c && c <= high;
  }
  return is_in != inverted;
}

/// Does one character match what is at the pattern's beginning?  Sets *rest behind that.
bool matches_one(const char* p, unsigned char c, const char** rest) {
  *rest = p + 1;
  if (*p == '?') return true;
  if (*p == '[') {
    if (const char* end = set_end(p + 1)) return *rest = end, in_set(p + 1, end, c);
  } else if (*p == '\\' && p[1]) {
    return *rest = p + 2, static_cast<unsigned char>(p[1]) == c;
  }
  return static_cast<unsigned char>(*p) == c;
}

/// After a mismatch only the last * takes one character more: what the earlier ones took can stay.
bool match(const char* p, const char* text, const char* end) {
  const char *star = nullptr, *star_text = nullptr;
  for (;;) {
    const char* rest;
    if (*p == '*') {
      star = ++p;
      star_text = text;
    } else if (text == end) {
      return !*p;
    } else if (*p && matches_one(p, static_cast<unsigned char>(*text), &rest)) {
      p = rest;
      ++text;
    } else if (star) {
      p = star;
      text = ++star_text;
    } else {
      return false;
    }
  }
}

}  // namespace

extern "C" {
bool glob_match(const char* pattern, const char* text) noexcept { return match(pattern, text, text + strlen(text)); }
bool glob_match_len(const char* pattern, const char* text, size_t n) noexcept {
  return match(pattern, text, text + strnlen(text, n));
}
}
