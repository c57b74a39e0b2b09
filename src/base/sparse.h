#pragma once
// Clearing and copying without making untouched pages resident: a page that reads as zero is not written. Reading a page that
// is not resident maps the host's shared zero page, which needs no memory.

#include "base/bits.h"
#include "base/memory.h"
#include "base/types.h"

namespace kmem {

/// Two words at once, wherever they lie.
using TwoWords [[gnu::vector_size(16)]] = uint64_t;
inline TwoWords load_two(const char* at) {
  TwoWords two;
  __builtin_memcpy(&two, at, sizeof two);
  return two;
}
inline bool is_zero(TwoWords two) { return !(two[0] | two[1]); }
/// The bitwise or of 64 bytes: zero if all of them are.
inline TwoWords or_of_eight(const char* at) {
  return (load_two(at) | load_two(at + 16)) | (load_two(at + 32) | load_two(at + 48));
}

/// Do `bytes` from `at` on read as zero?
inline bool reads_as_zero(const char* at, size_t bytes) {
  constexpr size_t kWord = sizeof(uint64_t), kAtOnce = 8 * kWord;
  for (; bytes && (reinterpret_cast<uint64_t>(at) % kWord); ++at, --bytes)
    if (*at) return false;
  for (; bytes >= kAtOnce; at += kAtOnce, bytes -= kAtOnce)
    if (!is_zero(or_of_eight(at))) return false;
  for (; bytes >= kWord; at += kWord, bytes -= kWord)
    if (*reinterpret_cast<const uint64_t*>(at)) return false;
  for (; bytes; ++at, --bytes)
    if (*at) return false;
  return true;
}

/// The bytes from `at` to the end of its page, or `left` if that is less.
inline size_t to_page_end(const char* at, size_t left) {
  const size_t rest = kPageSize - (reinterpret_cast<uint64_t>(at) & (kPageSize - 1));
  return rest < left ? rest : left;
}

/// Makes `bytes` from `at` on zero.
inline void clear_sparsely(char* at, size_t bytes) {
  for (size_t some; bytes; at += some, bytes -= some) {
    some = to_page_end(at, bytes);
    if (!reads_as_zero(at, some)) memset(at, 0, some);
  }
}

/// memcpy() to memory that reads as zero.
inline void copy_sparsely(char* to, const char* from, size_t bytes) {
  for (size_t some; bytes; to += some, from += some, bytes -= some) {
    some = to_page_end(from, bytes);
    if (!reads_as_zero(from, some)) memcpy(to, from, some);
  }
}

}  // namespace kmem
