#pragma once
#include "base/types.h"

namespace kmem {

/// What a consistency walk found.  No rule means that nothing is wrong.
struct Fault {
  const char* rule = nullptr;  // the invariant, as a sentence that begins with its number
  uint64_t where = 0;          // a frame number or an address, as the rule's class says
  uint64_t want = 0, got = 0;

  constexpr explicit operator bool() const { return rule != nullptr; }
  /// Is the broken rule the one with this id, such as "F2"?
  constexpr bool is(const char* id) const {
    if (!rule) return false;
    const char* r = rule;
    for (; *id; ++id, ++r)
      if (*id != *r) return false;
    return *r == ' ';
  }
};

}  // namespace kmem
