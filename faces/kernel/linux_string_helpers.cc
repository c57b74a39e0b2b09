// Strings for logs.

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>

#include "on_behalf.h"
#include "sleeping.h"

namespace {

bool is_escaped(char c) {
  for (const char* one = "\f\n\r\t\v\a\033\\\""; *one; ++one)
    if (c == *one) return true;
  return false;
}

char* put_escaped(char* to, char c) {
  constexpr const char* kDigits = "0123456789abcdef";
  *to++ = '\\';
  *to++ = 'x';
  *to++ = kDigits[static_cast<unsigned char>(c) >> 4];
  *to++ = kDigits[static_cast<unsigned char>(c) & 15];
  return to;
}

}  // namespace

extern "C" {

char* kstrdup_quotable(const char* source, gfp_t flags) noexcept {
  if (!source) return nullptr;
  size_t room = 1;
  for (const char* c = source; *c; ++c) room += is_escaped(*c) ? 4 : 1;
  char* copy = static_cast<char*>(kmem_kmalloc_from(room, flags, __builtin_return_address(0)));
  if (!copy) return nullptr;
  char* to = copy;
  // If another thread changes the string meanwhile, the copy is cut at the block's end.
  for (const char* c = source; *c && to + (is_escaped(*c) ? 4 : 1) < copy + room; ++c) {
    if (is_escaped(*c)) to = put_escaped(to, *c);
    else *to++ = *c;
  }
  *to = '\0';
  return copy;
}

char** kasprintf_strarray(gfp_t flags, const char* prefix, size_t n) noexcept {
  flags = KMEM_GFP_HERE(flags);
  auto** names = static_cast<char**>(kcalloc(size_add(n, 1), sizeof(char*), flags));
  for (size_t i = 0; names && i < n; ++i) {
    names[i] = kasprintf(flags, "%s-%zu", prefix, i);
    if (names[i]) continue;
    kfree_strarray(names, i);
    return nullptr;
  }
  return names;
}

void kfree_strarray(char** array, size_t n) noexcept {
  for (size_t i = 0; array && i < n; ++i) kfree(array[i]);
  kfree(array);
}

}  // extern "C"
