#include "base/format.h"

namespace kmem {

size_t length_of(const char* string) {
  size_t n = 0;
  // The compiler would turn a plain loop into a call of strlen(), which the core does not have.
  for (; string[n]; ++n) __asm__("" : "+r"(n));
  return n;
}

void Text::clear() {
  size_ = cut_ = 0;
  if (buffer_.size) buffer_[0] = '\0';
}

Text& Text::put(const char* string) {
  if (!string) string = "(null)";
  return put_n(string, length_of(string));
}

Text& Text::put_n(const char* characters, size_t n) {
  const size_t room = buffer_.size ? buffer_.size - 1 - size_ : 0;
  const size_t taken = n < room ? n : room;
  cut_ += n - taken;
  if (!taken) return *this;
  __builtin_memcpy(buffer_.data + size_, characters, taken);
  size_ += taken;
  buffer_[size_] = '\0';
  return *this;
}

Text& Text::fill(char c, size_t n) {
  const size_t room = buffer_.size ? buffer_.size - 1 - size_ : 0;
  const size_t taken = n < room ? n : room;
  cut_ += n - taken;
  if (!taken) return *this;
  __builtin_memset(buffer_.data + size_, c, taken);
  size_ += taken;
  buffer_[size_] = '\0';
  return *this;
}

namespace {

/// The digits of one number, without sign or padding.
struct Digits {
  static constexpr unsigned kMost = 22;  // 64 bits in octal
  char room[kMost];
  unsigned n = 0;

  Digits(uint64_t value, unsigned base, bool upper = false) {
    const char* names = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do {
      room[kMost - ++n] = names[value % base];
      value /= base;
    } while (value);
  }
  const char* data() const { return room + kMost - n; }
};

size_t missing(unsigned have, unsigned want) { return want > have ? want - have : 0; }

}  // namespace

Text& Text::dec(uint64_t value) {
  const Digits digits(value, 10);
  return put_n(digits.data(), digits.n);
}

Text& Text::dec_signed(int64_t value) {
  if (value >= 0) return dec(static_cast<uint64_t>(value));
  return put('-').dec(-static_cast<uint64_t>(value));
}

Text& Text::dec_left(uint64_t value, unsigned width) {
  const Digits digits(value, 10);
  return put_n(digits.data(), digits.n).fill(' ', missing(digits.n, width));
}

Text& Text::dec_right(uint64_t value, unsigned width) {
  const Digits digits(value, 10);
  return fill(' ', missing(digits.n, width)).put_n(digits.data(), digits.n);
}

Text& Text::hex(uint64_t value) { return hex_padded(value, 1); }

Text& Text::hex_padded(uint64_t value, unsigned width) {
  const Digits digits(value, 16);
  return fill('0', missing(digits.n, width)).put_n(digits.data(), digits.n);
}

Text& Text::bytes(uint64_t value) {
  static constexpr char kUnits[] = "BKMGTPE";
  unsigned unit = value ? (63u - static_cast<unsigned>(__builtin_clzll(value))) / 10 : 0;
  if (unit == 0) return dec(value).put(" B");

  const unsigned shift = 10 * unit;
  uint64_t whole = value >> shift;
  const uint64_t rest = value & ((uint64_t{1} << shift) - 1);
  uint64_t tenths = (rest * 10 + (uint64_t{1} << (shift - 1))) >> shift;
  if (tenths == 10) {  // 9.96 is 10.0, and 1023.96 KiB is 1.0 MiB
    tenths = 0;
    if (++whole == 1024) {
      whole = 1;
      ++unit;
    }
  }
  return dec(whole).put('.').dec(tenths).put(' ').put(kUnits[unit]).put("iB");
}

Text& Text::fixed(uint64_t value, unsigned decimals) {
  const Digits digits(value, 10);
  if (decimals == 0) return put_n(digits.data(), digits.n);
  const unsigned whole = digits.n > decimals ? digits.n - decimals : 0;
  if (whole) put_n(digits.data(), whole);
  else put('0');
  return put('.').fill('0', missing(digits.n, decimals)).put_n(digits.data() + whole, digits.n - whole);
}

// ---- JSON ----

namespace {

/// The length in bytes of the UTF-8 character at `s`; 0 if it is invalid: a stray or missing continuation, an overlong form,
/// half of a surrogate pair, or past U+10FFFF.
size_t utf8_length(const unsigned char* s, size_t n) {
  if (s[0] < 0x80) return 1;
  const size_t want = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || want > n) return 0;
  for (size_t i = 1; i < want; ++i)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
  if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
  return want;
}

/// The letter that stands for a character after a backslash, or 0.
char short_escape(unsigned char c) {
  switch (c) {
    case '"':
    case '\\': return static_cast<char>(c);
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
  }
}

}  // namespace

Text& Text::json(const char* string) { return string ? json_n(string, length_of(string)) : put("null"); }

Text& Text::json_n(const char* characters, size_t n) {
  const auto* s = reinterpret_cast<const unsigned char*>(characters);
  put('"');
  while (n) {
    size_t used = utf8_length(s, n);
    if (const char letter = short_escape(*s)) put('\\').put(letter);
    else if (*s < 0x20) put("\\u").hex_padded(*s, 4);
    else if (used) put_n(reinterpret_cast<const char*>(s), used);
    else put("\\ufffd");
    if (!used) used = 1;
    s += used;
    n -= used;
  }
  return put('"');
}

// ---- printf ----

namespace {

enum class Length : uint8_t { Int, Char, Short, Long, LongLong, Size };
static_assert(sizeof(intmax_t) == sizeof(long long) && sizeof(ptrdiff_t) == sizeof(size_t));

/// One conversion: the part between '%' and its letter.
struct Spec {
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  unsigned width = 0;
  bool has_precision = false;
  unsigned precision = 0;
  Length length = Length::Int;
};

/// va_list may be an array type; inside a struct it can be handed on by reference.
struct Arguments {
  va_list list;
};

bool take_flag(Spec& spec, char c) {
  switch (c) {
    case '-': return spec.left = true;
    case '+': return spec.plus = true;
    case ' ': return spec.space = true;
    case '#': return spec.alternate = true;
    case '0': return spec.zero = true;
    default: return false;
  }
}

/// The widest field that is accepted; sums of widths then cannot overflow.
constexpr unsigned kMostWidth = 1u << 30;

unsigned take_number(const char*& p) {
  unsigned value = 0;
  for (; *p >= '0' && *p <= '9'; ++p)
    if (value < kMostWidth / 10) value = value * 10 + static_cast<unsigned>(*p - '0');
  return value;
}

void take_width(Spec& spec, const char*& p, Arguments& arguments) {
  if (*p != '*') {
    spec.width = take_number(p);
    return;
  }
  ++p;
  const int width = va_arg(arguments.list, int);
  if (width < 0) spec.left = true;
  spec.width = width < 0 ? 0u - static_cast<unsigned>(width) : static_cast<unsigned>(width);
}

void take_precision(Spec& spec, const char*& p, Arguments& arguments) {
  if (*p != '.') return;
  ++p;
  spec.has_precision = true;
  if (*p != '*') {
    spec.precision = take_number(p);
    return;
  }
  ++p;
  const int precision = va_arg(arguments.list, int);
  spec.has_precision = precision >= 0;  // a negative one counts as none
  spec.precision = precision >= 0 ? static_cast<unsigned>(precision) : 0;
}

Length take_length(const char*& p) {
  const char c = *p;
  if (c != 'h' && c != 'l' && c != 'z' && c != 't' && c != 'j') return Length::Int;
  ++p;
  const bool twice = *p == c && (c == 'h' || c == 'l');
  if (twice) ++p;
  if (c == 'h') return twice ? Length::Char : Length::Short;
  if (c == 'l') return twice ? Length::LongLong : Length::Long;
  return c == 'j' ? Length::LongLong : Length::Size;
}

int64_t take_signed(Length length, Arguments& arguments) {
  switch (length) {
    case Length::Long: return va_arg(arguments.list, long);
    case Length::LongLong: return va_arg(arguments.list, long long);
    case Length::Size: return va_arg(arguments.list, ptrdiff_t);
    case Length::Char: return static_cast<signed char>(va_arg(arguments.list, int));
    case Length::Short: return static_cast<short>(va_arg(arguments.list, int));
    case Length::Int: break;
  }
  return va_arg(arguments.list, int);
}

uint64_t take_unsigned(Length length, Arguments& arguments) {
  switch (length) {
    case Length::Long: return va_arg(arguments.list, unsigned long);
    case Length::LongLong: return va_arg(arguments.list, unsigned long long);
    case Length::Size: return va_arg(arguments.list, size_t);
    case Length::Char: return static_cast<unsigned char>(va_arg(arguments.list, unsigned));
    case Length::Short: return static_cast<unsigned short>(va_arg(arguments.list, unsigned));
    case Length::Int: break;
  }
  return va_arg(arguments.list, unsigned);
}

void put_padded(Text& text, const Spec& spec, const char* characters, size_t n) {
  const size_t blanks = spec.width > n ? spec.width - n : 0;
  if (!spec.left) text.fill(' ', blanks);
  text.put_n(characters, n);
  if (spec.left) text.fill(' ', blanks);
}

/// Sign or 0x, zeros, digits; blanks around them.
void put_number(Text& text, const Spec& spec, const char* prefix, const Digits& digits, bool is_zero) {
  const unsigned n = is_zero && spec.has_precision && spec.precision == 0 ? 0 : digits.n;
  const size_t prefix_length = length_of(prefix);
  size_t zeros = spec.has_precision ? missing(n, spec.precision) : 0;
  if (spec.zero && !spec.left && !spec.has_precision && spec.width > prefix_length + n) zeros = spec.width - prefix_length - n;
  const size_t length = prefix_length + zeros + n;
  const size_t blanks = spec.width > length ? spec.width - length : 0;

  if (!spec.left) text.fill(' ', blanks);
  text.put_n(prefix, prefix_length).fill('0', zeros).put_n(digits.data(), n);
  if (spec.left) text.fill(' ', blanks);
}

void put_signed(Text& text, const Spec& spec, int64_t value) {
  const uint64_t magnitude = value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const char* sign = value < 0 ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  put_number(text, spec, sign, Digits(magnitude, 10), value == 0);
}

void put_unsigned(Text& text, Spec spec, uint64_t value, char conversion) {
  const unsigned base = conversion == 'u' ? 10 : conversion == 'o' ? 8 : 16;
  const Digits digits(value, base, conversion == 'X');
  const char* prefix = "";
  if (spec.alternate && base == 16 && value) prefix = conversion == 'X' ? "0X" : "0x";
  // "#" on octal means one leading zero, which counts as a digit of the precision.
  const bool shows_zero = value == 0 && !(spec.has_precision && spec.precision == 0);
  if (spec.alternate && base == 8 && !shows_zero && spec.precision <= digits.n) {
    if (value == 0) spec.precision = 1;
    else if (!spec.has_precision) prefix = "0";
    else spec.precision = digits.n + 1;
  }
  put_number(text, spec, prefix, digits, value == 0);
}

void put_string(Text& text, const Spec& spec, const char* string) {
  if (!string) string = "(null)";
  size_t n = 0;
  if (!spec.has_precision) n = length_of(string);
  // With a precision the string need not end; look at no byte past it.
  while (spec.has_precision && n < spec.precision && string[n]) ++n;
  put_padded(text, spec, string, n);
}

void put_pointer(Text& text, Spec spec, const void* pointer) {
  const auto value = reinterpret_cast<uintptr_t>(pointer);
  spec.has_precision = true;
  spec.precision = 2 * sizeof pointer;
  put_number(text, spec, "", Digits(value, 16), value == 0);
}

/// False if the letter is unknown.
bool put_conversion(Text& text, const Spec& spec, char conversion, Arguments& arguments) {
  switch (conversion) {
    case 'd':
    case 'i': put_signed(text, spec, take_signed(spec.length, arguments)); return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o': put_unsigned(text, spec, take_unsigned(spec.length, arguments), conversion); return true;
    case 'c': {
      const char c = static_cast<char>(va_arg(arguments.list, int));
      put_padded(text, spec, &c, 1);
      return true;
    }
    case 's': put_string(text, spec, va_arg(arguments.list, const char*)); return true;
    case 'p': put_pointer(text, spec, va_arg(arguments.list, const void*)); return true;
    case '%': text.put('%'); return true;
    default: return false;
  }
}

/// `p` points behind a '%'; returns a pointer behind the conversion.
const char* put_one(Text& text, const char* p, Arguments& arguments) {
  const char* const start = p - 1;
  Spec spec;
  while (take_flag(spec, *p)) ++p;
  take_width(spec, p, arguments);
  take_precision(spec, p, arguments);
  spec.length = take_length(p);
  if (!put_conversion(text, spec, *p, arguments)) {
    const char* const end = *p ? p + 1 : p;
    text.put_n(start, static_cast<size_t>(end - start));
    return end;
  }
  return p[0] == 'p' && p[1] == 'x' ? p + 2 : p + 1;
}

}  // namespace

Text& Text::vprintf(const char* format, va_list list) {
  Arguments arguments;
  va_copy(arguments.list, list);
  while (*format) {
    const char* end = format;
    while (*end && *end != '%') ++end;
    put_n(format, static_cast<size_t>(end - format));
    format = *end ? put_one(*this, end + 1, arguments) : end;
  }
  va_end(arguments.list);
  return *this;
}

Text& Text::printf(const char* format, ...) {
  va_list list;
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  return *this;
}

}  // namespace kmem
