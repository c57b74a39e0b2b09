#pragma once
// Pieces of the command line: compared, and cut apart.

#include "base/span.h"

namespace kmem {

/// A part of the command line; not terminated.
using Slice = Span<const char>;

inline bool equals(Slice s, const char* word) {
  size_t i = 0;
  for (; i < s.size && word[i]; ++i)
    if (s[i] != word[i]) return false;
  return i == s.size && !word[i];
}

/// The same for a name, in which - and _ are the same letter, as they are to the kernel; `name` is written with _.
inline bool is_named(Slice s, const char* name) {
  size_t i = 0;
  for (; i < s.size && name[i]; ++i)
    if ((s[i] == '-' ? '_' : s[i]) != name[i]) return false;
  return i == s.size && !name[i];
}

/// Cuts off and returns the text before the next `separator`, or all if there is none; removes the separator too.
inline Slice cut(Slice& rest, char separator) {
  size_t i = 0;
  while (i < rest.size && rest[i] != separator) ++i;
  const Slice part = rest.first(i);
  rest = rest.from(i < rest.size ? i + 1 : i);
  return part;
}

}  // namespace kmem
