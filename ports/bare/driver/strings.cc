// The functions of a C library that driver/ calls. Weak: a kernel that has its own keeps them.

#include <errno.h>
#include <limits.h>
#include <stdarg.h>

#include "base/format.h"
#include "base/memory.h"
#include "host/host.h"

#include <linux/gfp.h>

extern "C" char* kmem_kstrdup(const char* text, gfp_t flags) noexcept;  // <linux/string.h> would declare strchr() twice

#define KERNELS_OWN __attribute__((weak))

namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = static_cast<char>(c | 0x20);
  return small >= 'a' && small <= 'z' ? small - 'a' + 10 : 99;
}

/// A number as strtoull() reads it. `wrong` is set where it does not fit.
struct Number {
  unsigned long long value = 0;
  bool minus = false, wrong = false;
};
Number read_number(const char* text, char** end, int base) {
  Number n;
  const char* at = text;
  while (*at == ' ' || (*at >= '\t' && *at <= '\r')) ++at;
  if (*at == '-' || *at == '+') n.minus = *at++ == '-';
  const bool hex = at[0] == '0' && (at[1] | 0x20) == 'x' && digit_of(at[2]) < 16;
  if (!base) base = hex ? 16 : *at == '0' ? 8 : 10;
  if (base == 16 && hex) at += 2;
  const char* const first = at;
  for (; digit_of(*at) < base; ++at) {
    n.wrong |= __builtin_mul_overflow(n.value, static_cast<unsigned>(base), &n.value);
    n.wrong |= __builtin_add_overflow(n.value, static_cast<unsigned>(digit_of(*at)), &n.value);
  }
  if (end) *end = const_cast<char*>(at == first ? text : at);
  return n;
}

char* cut(char** rest, const char* separators);

}  // namespace

extern "C" {

// Declared here: <string.h> has some of them twice in C++.
size_t strlen(const char* text);
size_t strnlen(const char* text, size_t most);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, size_t n);
char* strchr(const char* text, int c);
char* strrchr(const char* text, int c);
char* strstr(const char* text, const char* part);
char* strcpy(char* to, const char* from);
char* strdup(const char* text);
char* strncpy(char* to, const char* from, size_t n);
char* strsep(char** rest, const char* separators);
char* strtok_r(char* text, const char* separators, char** rest);
long strtol(const char* text, char** end, int base);
long long strtoll(const char* text, char** end, int base);
unsigned long strtoul(const char* text, char** end, int base);
unsigned long long strtoull(const char* text, char** end, int base);
void* memchr(const void* from, int byte, size_t n);
void* memmem(const void* from, size_t n, const void* what, size_t size);
int vsnprintf(char* to, size_t size, const char* format, va_list arguments);
int snprintf(char* to, size_t size, const char* format, ...);
const char* strerrorname_np(int error);

KERNELS_OWN size_t strlen(const char* text) {
  size_t n = 0;
  while (text[n]) ++n;
  return n;
}
KERNELS_OWN size_t strnlen(const char* text, size_t most) {
  size_t n = 0;
  while (n < most && text[n]) ++n;
  return n;
}
KERNELS_OWN int strcmp(const char* a, const char* b) {
  for (; *a && *a == *b; ++a, ++b) {
  }
  return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
}
KERNELS_OWN int strncmp(const char* a, const char* b, size_t n) {
  for (; n && *a && *a == *b; ++a, ++b) --n;
  return n ? static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b) : 0;
}
KERNELS_OWN char* strchr(const char* text, int c) {
  for (; *text != static_cast<char>(c); ++text)
    if (!*text) return nullptr;
  return const_cast<char*>(text);
}
KERNELS_OWN char* strrchr(const char* text, int c) {
  const char* last = nullptr;
  do {
    if (*text == static_cast<char>(c)) last = text;
  } while (*text++);
  return const_cast<char*>(last);
}
KERNELS_OWN char* strstr(const char* text, const char* part) {
  for (const size_t n = strlen(part); *text || !n; ++text)
    if (!strncmp(text, part, n)) return const_cast<char*>(text);
  return nullptr;
}
KERNELS_OWN char* strcpy(char* to, const char* from) {
  memcpy(to, from, strlen(from) + 1);
  return to;
}
/// For kfree().
KERNELS_OWN char* strdup(const char* text) { return kmem_kstrdup(text, GFP_ATOMIC); }
KERNELS_OWN char* strncpy(char* to, const char* from, size_t n) {
  const size_t length = strnlen(from, n);
  memcpy(to, from, length);
  memset(to + length, 0, n - length);
  return to;
}

KERNELS_OWN char* strsep(char** rest, const char* separators) { return *rest ? cut(rest, separators) : nullptr; }
KERNELS_OWN char* strtok_r(char* text, const char* separators, char** rest) {
  char* at = text ? text : *rest;
  while (at && *at && strchr(separators, *at)) ++at;
  if (!at || !*at) return *rest = nullptr;
  *rest = at;
  return cut(rest, separators);
}

KERNELS_OWN long long strtoll(const char* text, char** end, int base) {
  const Number n = read_number(text, end, base);
  const unsigned long long most = static_cast<unsigned long long>(LLONG_MAX) + n.minus;
  if (n.wrong || n.value > most) return errno = ERANGE, n.minus ? LLONG_MIN : LLONG_MAX;
  return static_cast<long long>(n.minus ? -n.value : n.value);
}
KERNELS_OWN unsigned long long strtoull(const char* text, char** end, int base) {
  const Number n = read_number(text, end, base);
  if (n.wrong) return errno = ERANGE, ULLONG_MAX;
  return n.minus ? -n.value : n.value;
}
KERNELS_OWN long strtol(const char* text, char** end, int base) { return static_cast<long>(strtoll(text, end, base)); }
KERNELS_OWN unsigned long strtoul(const char* text, char** end, int base) { return strtoull(text, end, base); }

KERNELS_OWN void* memchr(const void* from, int byte, size_t n) {
  for (auto* at = static_cast<const unsigned char*>(from); n; --n, ++at)
    if (*at == static_cast<unsigned char>(byte)) return const_cast<unsigned char*>(at);
  return nullptr;
}
KERNELS_OWN void* memmem(const void* from, size_t n, const void* what, size_t size) {
  for (auto* at = static_cast<const unsigned char*>(from); n >= size; --n, ++at)
    if (!memcmp(at, what, size)) return const_cast<unsigned char*>(at);
  return nullptr;
}

KERNELS_OWN int vsnprintf(char* to, size_t size, const char* format, va_list arguments) {
  kmem::Text text(kmem::Span<char>(to, size));
  text.vprintf(format, arguments);
  return static_cast<int>(text.total());
}
KERNELS_OWN int snprintf(char* to, size_t size, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(to, size, format, arguments);
  va_end(arguments);
  return n;
}

/// %pe prints the number.
KERNELS_OWN const char* strerrorname_np(int) { return nullptr; }

KERNELS_OWN int* __errno_location() noexcept { return &kmem_driver::host::own().error; }

}  // extern "C"

namespace {

/// The text up to a separator, which becomes its end.
char* cut(char** rest, const char* separators) {
  char* const begin = *rest;
  char* at = begin;
  while (*at && !strchr(separators, *at)) ++at;
  *rest = *at ? at + 1 : nullptr;
  *at = 0;
  return begin;
}

}  // namespace
