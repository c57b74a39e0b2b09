// Numbers from strings: <linux/kstrtox.h>.
#include <cerrno>

#include <linux/err.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>

namespace {

struct Parsed {
  unsigned long long value = 0;
  const char* end;
  bool digits = false;
  bool overflow = false;
};

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

/// Skips 0x if the base allows it, and determines a base of 0.
const char* prefix(const char* s, unsigned& base) {
  const bool hex = s[0] == '0' && (s[1] | 0x20) == 'x' && digit_of(s[2]) < 16;
  if (base == 0) base = hex ? 16 : s[0] == '0' ? 8 : 10;
  return hex && base == 16 ? s + 2 : s;
}

Parsed parse(const char* s, unsigned base) {
  s = prefix(s, base);
  Parsed found;
  for (; digit_of(*s) < 16 && static_cast<unsigned>(digit_of(*s)) < base; ++s) {
    found.digits = true;
    found.overflow |= __builtin_mul_overflow(found.value, static_cast<unsigned long long>(base), &found.value);
    found.overflow |= __builtin_add_overflow(found.value, static_cast<unsigned long long>(digit_of(*s)), &found.value);
  }
  found.end = s;
  return found;
}

/// Converts a whole string after its sign.
int whole(const char* s, unsigned base, unsigned long long& value) {
  const Parsed found = parse(s, base);
  if (!found.digits) return -EINVAL;
  if (found.overflow) return -ERANGE;
  const char* end = *found.end == '\n' ? found.end + 1 : found.end;
  if (*end) return -EINVAL;
  value = found.value;
  return 0;
}

/// Copies a user's string of at most the length of a number; the caller frees it.
char* from_user(const char* s, std::size_t count) {
  constexpr std::size_t kLongest = 1 + 64 + 1;  // a sign, binary digits, a newline
  return static_cast<char*>(memdup_user_nul(s, count < kLongest ? count : kLongest));
}

}  // namespace

int kstrtoull(const char* s, unsigned base, unsigned long long* result) noexcept {
  return whole(*s == '+' ? s + 1 : s, base, *result);
}

int kstrtoll(const char* s, unsigned base, long long* result) noexcept {
  const bool negative = *s == '-';
  unsigned long long value;
  const int error = negative ? whole(s + 1, base, value) : kstrtoull(s, base, &value);
  if (error) return error;
  constexpr unsigned long long kLimit = 1ull << 63;
  if (negative ? value > kLimit : value >= kLimit) return -ERANGE;
  *result = static_cast<long long>(negative ? 0 - value : value);
  return 0;
}

int kstrtobool(const char* s, bool* result) noexcept {
  if (!s) return -EINVAL;
  switch (s[0]) {
    case 'y':
    case 'Y':
    case 't':
    case 'T':
    case '1': *result = true; return 0;
    case 'n':
    case 'N':
    case 'f':
    case 'F':
    case '0': *result = false; return 0;
    case 'o':
    case 'O': break;
    default: return -EINVAL;
  }
  const char second = static_cast<char>(s[1] | 0x20);
  if (second != 'n' && second != 'f') return -EINVAL;
  *result = second == 'n';
  return 0;
}

int kstrtobool_from_user(const char* s, size_t count, bool* result) noexcept {
  char* const copy = from_user(s, count < 4 ? count : 4);
  if (IS_ERR(copy)) return static_cast<int>(PTR_ERR(copy));
  const int error = kstrtobool(copy, result);
  kfree(copy);
  return error;
}

int kmem_driver_kstrtoull_user(const char* s, size_t count, unsigned base, unsigned long long high,
                               unsigned long long* result) noexcept {
  char* const copy = from_user(s, count);
  if (IS_ERR(copy)) return static_cast<int>(PTR_ERR(copy));
  unsigned long long value;
  int error = kstrtoull(copy, base, &value);
  kfree(copy);
  if (!error && value > high) error = -ERANGE;
  if (!error) *result = value;
  return error;
}

int kmem_driver_kstrtoll_user(const char* s, size_t count, unsigned base, long long low, long long high,
                              long long* result) noexcept {
  char* const copy = from_user(s, count);
  if (IS_ERR(copy)) return static_cast<int>(PTR_ERR(copy));
  long long value;
  int error = kstrtoll(copy, base, &value);
  kfree(copy);
  if (!error && (value < low || value > high)) error = -ERANGE;
  if (!error) *result = value;
  return error;
}

unsigned long long simple_strtoull(const char* s, char** end, unsigned base) noexcept {
  const Parsed found = parse(s, base);
  if (end) *end = const_cast<char*>(found.end);
  return found.value;
}
