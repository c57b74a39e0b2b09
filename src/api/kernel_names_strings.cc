// Copies of strings and memory, and text made to measure.

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/format.h"
#include "base/memory.h"

namespace {

/// `length` bytes of a string, and a NUL behind them.
char* copy_of_text(const char* source, size_t length, gfp_t flags) {
  if (length == SIZE_MAX) return nullptr;
  char* copy = static_cast<char*>(kmalloc(length + 1, flags));
  if (!copy) return nullptr;
  memcpy(copy, source, length);
  copy[length] = '\0';
  return copy;
}

size_t length_up_to(const char* string, size_t max) {
  size_t n = 0;
  while (n < max && string[n]) ++n;
  return n;
}

}  // namespace

extern "C" {

char* kstrdup(const char* string, gfp_t flags) noexcept {
  return string ? copy_of_text(string, kmem::length_of(string), flags) : nullptr;
}

char* kstrndup(const char* string, size_t max, gfp_t flags) noexcept {
  return string ? copy_of_text(string, length_up_to(string, max), flags) : nullptr;
}

char* kmemdup_nul(const char* source, size_t length, gfp_t flags) noexcept {
  return source ? copy_of_text(source, length, flags) : nullptr;
}

void* kmemdup(const void* source, size_t length, gfp_t flags) noexcept {
  void* copy = kmalloc(length, flags);
  if (copy && length) memcpy(copy, source, length);
  return copy;
}

void* kmemdup_array(const void* source, size_t n, size_t size, gfp_t flags) noexcept {
  size_t bytes;
  return __builtin_mul_overflow(n, size, &bytes) ? nullptr : kmemdup(source, bytes, flags);
}

char* kvasprintf(gfp_t flags, const char* format, va_list arguments) noexcept {
  va_list again;
  va_copy(again, arguments);
  kmem::Text measure{kmem::Span<char>()};
  const size_t room = measure.vprintf(format, again).total() + 1;
  va_end(again);

  char* text = static_cast<char*>(kmalloc(room, flags));
  // An argument that another thread shortens or lengthens between the two passes can't do harm: the buffer bounds it.
  if (text) kmem::Text(kmem::Span<char>(text, room)).vprintf(format, arguments);
  return text;
}

char* kasprintf(gfp_t flags, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  char* text = kvasprintf(flags, format, arguments);
  va_end(arguments);
  return text;
}

}  // extern "C"
