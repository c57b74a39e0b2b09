#pragma once
// Text formatting without a C library, for reports, statistics and kasprintf().

#include <stdarg.h>

#include "base/span.h"
#include "base/types.h"

namespace kmem {

/// Text in a buffer that the caller owns. Never allocates, never writes past the buffer, and always ends in a NUL if the buffer
/// has at least one byte. Characters that do not fit are counted, so after a first pass with an empty buffer total() is the
/// length that is needed.
class Text {
 public:
  explicit Text(Span<char> buffer) : buffer_(buffer) { clear(); }

  const char* data() const { return buffer_.size ? buffer_.data : ""; }
  size_t size() const { return size_; }
  /// Characters that did not fit.
  size_t cut() const { return cut_; }
  size_t total() const { return size_ + cut_; }
  void clear();

  Text& put(char c) { return put_n(&c, 1); }
  Text& put(const char* string);
  Text& put_n(const char* characters, size_t n);
  Text& fill(char c, size_t n);

  Text& dec(uint64_t value);
  Text& dec_signed(int64_t value);
  /// Padded with blanks to `width`: blanks after the number, or before it.
  Text& dec_left(uint64_t value, unsigned width);
  Text& dec_right(uint64_t value, unsigned width);
  Text& hex(uint64_t value);
  /// With leading zeros, at least `digits` digits.
  Text& hex_padded(uint64_t value, unsigned digits);

  /// "12.3 MiB": binary units, one decimal, rounded to the nearest.
  Text& bytes(uint64_t value);
  /// `value` in units of 10^-decimals: fixed(12345, 3) is "12.345".
  Text& fixed(uint64_t value, unsigned decimals);
  /// A JSON string with its quotes.  Invalid UTF-8 becomes U+FFFD, so the document is always valid.
  Text& json(const char* string);
  Text& json_n(const char* characters, size_t n);

  /// The subset of printf that kernel messages use: %d %i %u %x %X %o %c %s %p %%, the flags "-+ #0", width,
  /// precision, '*', and the lengths hh h l ll z t j.  %p, and %px, are 16 digits without 0x, as the kernel prints
  /// them.  A conversion that it doesn't know is copied as it stands, and takes no argument.
  Text& printf(const char* format, ...) __attribute__((format(printf, 2, 3)));
  Text& vprintf(const char* format, va_list arguments);

 private:
  Span<char> buffer_;
  size_t size_ = 0;
  size_t cut_ = 0;
};

/// A Text with a buffer of its own.
template <size_t N>
class TextOf : public Text {
 public:
  TextOf() : Text(Span<char>(characters_)) {}

 private:
  char characters_[N];
};

/// The length of a string; the core has no strlen().
size_t length_of(const char* string);

}  // namespace kmem
