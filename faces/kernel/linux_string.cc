// Copies of strings and memory.

#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/format.h"
#include "base/memory.h"
#include "on_behalf.h"
#include "port/port.h"
#include "sleeping.h"

namespace {

/// Copies `length` bytes of a string, and appends a NUL.
char* copy_of_text(const char* source, size_t length, gfp_t flags, const void* site) {
  if (length == SIZE_MAX) return nullptr;
  char* copy = static_cast<char*>(kmem_kmalloc_from(length + 1, flags, site));
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

constexpr long kTooLong = -7, kFault = -14, kInvalid = -22, kNoMemory = -12, kTooMuch = -75;  // -E2BIG ... -EOVERFLOW

/// Fills a new block; if the source cannot be read, frees it again.
void* filled(void* copy, const void* source, size_t length) {
  if (!copy) return ERR_PTR(kNoMemory);
  if (!length || kmem_port_read(source, copy, length) == length) return copy;
  kvfree(copy);
  return ERR_PTR(kFault);
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

void memzero_explicit(void* memory, size_t bytes) noexcept {
  memset(memory, 0, bytes);
  asm volatile("" : : "r"(memory) : "memory");  // keeps the compiler from dropping the store
}

void* kvmemdup(const void* source, size_t length, gfp_t flags) noexcept {
  void* copy = kvmalloc(length, KMEM_GFP_HERE(flags));
  if (copy && length) memcpy(copy, source, length);
  return copy;
}

// Constants ------------------------------------------------------------------------------------------------------------

const char* kstrdup_const(const char* string, gfp_t flags) noexcept {
  if (!string || kmem_port_is_constant(string)) return string;
  return copy_of_text(string, kmem::length_of(string), flags, __builtin_return_address(0));
}

void kfree_const(const void* pointer) noexcept {
  if (!ZERO_OR_NULL_PTR(pointer) && !kmem_port_is_constant(pointer)) kfree(pointer);
}

// Copies from user space ---------------------------------------------------------------------------------------------------

void* memdup_user(const void* source, size_t length) noexcept {
  const gfp_t flags = KMEM_GFP_HERE(GFP_USER | __GFP_NOWARN);
  return filled(kmalloc(length, flags), source, length);
}

void* vmemdup_user(const void* source, size_t length) noexcept {
  const gfp_t flags = KMEM_GFP_HERE(GFP_USER);
  return filled(kvmalloc(length, flags), source, length);
}

void* memdup_user_nul(const void* source, size_t length) noexcept {
  const gfp_t flags = KMEM_GFP_HERE(GFP_USER | __GFP_NOWARN);
  char* copy = static_cast<char*>(filled(kmalloc(size_add(length, 1), flags), source, length));
  if (!IS_ERR(copy)) copy[length] = '\0';
  return copy;
}

char* strndup_user(const char* string, long n) noexcept {
  const gfp_t flags = KMEM_GFP_HERE(GFP_USER | __GFP_NOWARN);
  if (n <= 0) return static_cast<char*>(ERR_PTR(kInvalid));
  long length = 0;
  for (char piece[64];;) {
    const size_t got = kmem_port_read(string + length, piece, sizeof piece);
    const size_t text = length_up_to(piece, got);
    length += static_cast<long>(text);
    if (text < got) break;
    if (length >= n) break;
    if (got < sizeof piece) return static_cast<char*>(ERR_PTR(kFault));
  }
  if (length >= n) return static_cast<char*>(ERR_PTR(kInvalid));
  char* copy = static_cast<char*>(filled(kmalloc(static_cast<size_t>(length) + 1, flags), string, static_cast<size_t>(length)));
  if (!IS_ERR(copy)) copy[length] = '\0';
  return copy;
}

void* memdup_array_user(const void* source, size_t n, size_t size) noexcept {
  size_t bytes;
  const gfp_t flags = KMEM_GFP_HERE(GFP_USER | __GFP_NOWARN);
  return __builtin_mul_overflow(n, size, &bytes) ? ERR_PTR(kTooMuch) : filled(kmalloc(bytes, flags), source, bytes);
}

void* vmemdup_array_user(const void* source, size_t n, size_t size) noexcept {
  size_t bytes;
  const gfp_t flags = KMEM_GFP_HERE(GFP_USER);
  return __builtin_mul_overflow(n, size, &bytes) ? ERR_PTR(kTooMuch) : filled(kvmalloc(bytes, flags), source, bytes);
}

// Into a caller's buffer ------------------------------------------------------------------------------------------------------

long kmem_strscpy(char* to, const char* from, size_t room) noexcept {
  if (!room) return kTooLong;
  const size_t length = length_up_to(from, room);
  const size_t kept = length < room ? length : room - 1;
  memmove(to, from, kept);
  to[kept] = '\0';
  return length < room ? static_cast<long>(length) : kTooLong;
}

long kmem_strscpy_pad(char* to, const char* from, size_t room) noexcept {
  const long length = kmem_strscpy(to, from, room);
  if (length >= 0) memset(to + length, 0, room - static_cast<size_t>(length));
  return length;
}

}  // extern "C"
