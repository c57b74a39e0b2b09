// Copies of strings and memory, and text made to measure.

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/format.h"
#include "base/memory.h"

extern "C" void* kmem_kmalloc_from(size_t size, gfp_t flags, const void* site);

namespace {

/// `length` bytes of a string, and a NUL behind them.
char* copy_of_text(const char* source, size_t length, gfp_t flags, const void* site) {
  if (length == SIZE_MAX) return nullptr;
  char* copy = static_cast<char*>(kmem_kmalloc_from(length + 1, flags, site));
  if (!copy) return nullptr;
  memcpy(copy, source, length);
  copy[length] = '\0';
  return copy;
}

/// printf into a block that is just long enough.
char* text_to_measure(gfp_t flags, const char* format, va_list arguments, const void* site) {
  va_list again;
  va_copy(again, arguments);
  kmem::Text measure{kmem::Span<char>()};
  const size_t room = measure.vprintf(format, again).total() + 1;
  va_end(again);

  char* text = static_cast<char*>(kmem_kmalloc_from(room, flags, site));
  // An argument that another thread shortens or lengthens between the two passes can't do harm: the buffer bounds it.
  if (text) kmem::Text(kmem::Span<char>(text, room)).vprintf(format, arguments);
  return text;
}

size_t length_up_to(const char* string, size_t max) {
  size_t n = 0;
  while (n < max && string[n]) ++n;
  return n;
}

}  // namespace

extern "C" {

char* kstrdup(const char* string, gfp_t flags) noexcept {
  return string ? copy_of_text(string, kmem::length_of(string), flags, __builtin_return_address(0)) : nullptr;
}

char* kstrndup(const char* string, size_t max, gfp_t flags) noexcept {
  return string ? copy_of_text(string, length_up_to(string, max), flags, __builtin_return_address(0)) : nullptr;
}

char* kmemdup_nul(const char* source, size_t length, gfp_t flags) noexcept {
  return source ? copy_of_text(source, length, flags, __builtin_return_address(0)) : nullptr;
}

void* kmemdup(const void* source, size_t length, gfp_t flags) noexcept {
  void* copy = kmem_kmalloc_from(length, flags, __builtin_return_address(0));
  if (copy && length) memcpy(copy, source, length);
  return copy;
}

void* kmemdup_array(const void* source, size_t n, size_t size, gfp_t flags) noexcept {
  size_t bytes;
  return __builtin_mul_overflow(n, size, &bytes) ? nullptr : kmemdup(source, bytes, flags);
}

char* kvasprintf(gfp_t flags, const char* format, va_list arguments) noexcept {
  return text_to_measure(flags, format, arguments, __builtin_return_address(0));
}

char* kasprintf(gfp_t flags, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  char* text = text_to_measure(flags, format, arguments, __builtin_return_address(0));
  va_end(arguments);
  return text;
}

}  // extern "C"
