// The kernel's printf: libc's conversions, and %p with further letters (pointers.cc).

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include "print/format.h"

namespace kmem_driver {
namespace {

/// Reads a conversion after its %, up to its letter.
const char* read_conversion(const char* at, Conversion& c, Arguments& arguments) {
  size_t n = 0;
  while (*at && strchr("-+ #0", *at) && n + 1 < sizeof(c.flags)) c.flags[n++] = *at++;
  const auto number = [&](const char*& p) {
    if (*p == '*') return ++p, va_arg(arguments.list, int);
    int value = 0;
    while (*p >= '0' && *p <= '9') value = value * 10 + (*p++ - '0');
    return value;
  };
  if (*at == '*' || (*at >= '1' && *at <= '9')) c.width = number(at);
  if (c.width < -1 && n + 1 < sizeof(c.flags)) c.flags[n++] = '-', c.width = -c.width;
  if (*at == '.') c.precision = number(++at);
  for (n = 0; *at && strchr("hlLzjt", *at) && n < 2;) c.length[n++] = *at++;
  c.letter = *at;
  return *at ? at + 1 : at;
}

template <typename T>
void print_with(Output& out, const Conversion& c, const char* length, T value) {
  char format[64], text[512];
  char width[16] = "", precision[16] = "";
  if (c.width >= 0) snprintf(width, sizeof(width), "%d", c.width);
  if (c.precision >= 0) snprintf(precision, sizeof(precision), ".%d", c.precision);
  snprintf(format, sizeof(format), "%%%s%s%s%s%c", c.flags, width, precision, length, c.letter);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(text, sizeof(text), format, value);
#pragma GCC diagnostic pop
  out.put(text);
}

long long signed_argument(const char* length, Arguments& a) {
  switch (length[0]) {
    case 'h': {
      const int value = va_arg(a.list, int);
      return length[1] == 'h' ? static_cast<signed char>(value) : static_cast<short>(value);
    }
    case 'l': return length[1] == 'l' ? va_arg(a.list, long long) : va_arg(a.list, long);
    case 'L': return va_arg(a.list, long long);
    case 'z': return va_arg(a.list, ssize_t);
    case 't': return va_arg(a.list, ptrdiff_t);
    case 'j': return va_arg(a.list, intmax_t);
    default: return va_arg(a.list, int);
  }
}
unsigned long long unsigned_argument(const char* length, Arguments& a) {
  const auto value = static_cast<unsigned long long>(signed_argument(length, a));
  if (!length[0]) return static_cast<unsigned>(value);
  if (length[0] == 'h') return length[1] == 'h' ? static_cast<unsigned char>(value) : static_cast<unsigned short>(value);
  return value;
}

void print_string(Output& out, const Conversion& c, const char* text) {
  if (!text) text = "(null)";
  size_t length = 0;
  while (text[length] && (c.precision < 0 || length < static_cast<size_t>(c.precision))) ++length;
  const size_t width = c.width > 0 ? static_cast<size_t>(c.width) : 0;
  const bool left = strchr(c.flags, '-') != nullptr;
  for (size_t i = length; !left && i < width; ++i) out.put(' ');
  for (size_t i = 0; i < length; ++i) out.put(text[i]);
  for (size_t i = length; left && i < width; ++i) out.put(' ');
}

/// Prints one conversion; returns how many further letters belong to it.
size_t print_one(Output& out, const Conversion& c, const char* behind, Arguments& a) {
  switch (c.letter) {
    case '%': out.put('%'); return 0;
    case 'd':
    case 'i': print_with(out, c, "ll", signed_argument(c.length, a)); return 0;
    case 'u':
    case 'x':
    case 'X':
    case 'o': print_with(out, c, "ll", unsigned_argument(c.length, a)); return 0;
    case 'c': print_with(out, c, "", va_arg(a.list, int)); return 0;
    case 's': print_string(out, c, va_arg(a.list, const char*)); return 0;
    case 'p': return print_pointer(out, c, behind, va_arg(a.list, const void*));
    default:
      out.put('%');
      if (c.letter) out.put(c.letter);
      return 0;
  }
}

}  // namespace

void Output::print(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  put(text);
}

int print_all(char* buffer, size_t size, const char* format, va_list list) {
  Output out(buffer, size);
  Arguments arguments;
  va_copy(arguments.list, list);
  while (*format) {
    if (*format != '%') {
      out.put(*format++);
      continue;
    }
    Conversion c;
    format = read_conversion(format + 1, c, arguments);
    format += print_one(out, c, format, arguments);
  }
  va_end(arguments.list);
  return out.end();
}

}  // namespace kmem_driver

using kmem_driver::print_all;

extern "C" {

int kmem_driver_vsnprintf(char* buffer, size_t size, const char* format, va_list arguments) noexcept {
  return print_all(buffer, size, format, arguments);
}

int kmem_driver_snprintf(char* buffer, size_t size, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = print_all(buffer, size, format, arguments);
  va_end(arguments);
  return length;
}

int kmem_driver_sprintf(char* buffer, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = print_all(buffer, INT32_MAX, format, arguments);
  va_end(arguments);
  return length;
}

int vscnprintf(char* buffer, size_t size, const char* format, va_list arguments) noexcept {
  const int length = print_all(buffer, size, format, arguments);
  if (static_cast<size_t>(length) < size) return length;
  return size ? static_cast<int>(size - 1) : 0;
}

int scnprintf(char* buffer, size_t size, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  const int length = vscnprintf(buffer, size, format, arguments);
  va_end(arguments);
  return length;
}

char* kmem_driver_kvasprintf(gfp_t flags, const char* format, va_list arguments) noexcept {
  va_list again;
  va_copy(again, arguments);
  const int length = print_all(nullptr, 0, format, again);
  va_end(again);
  char* text = static_cast<char*>(kmalloc(static_cast<size_t>(length) + 1, flags));
  if (text) print_all(text, static_cast<size_t>(length) + 1, format, arguments);
  return text;
}

char* kmem_driver_kasprintf(gfp_t flags, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  char* text = kmem_driver_kvasprintf(flags, format, arguments);
  va_end(arguments);
  return text;
}

const char* kvasprintf_const(gfp_t flags, const char* format, va_list arguments) noexcept {
  if (!strchr(format, '%')) return kstrdup_const(format, flags);
  if (!strcmp(format, "%s")) return kstrdup_const(va_arg(arguments, const char*), flags);
  return kmem_driver_kvasprintf(flags, format, arguments);
}

}  // extern "C"
