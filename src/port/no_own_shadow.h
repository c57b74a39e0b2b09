#pragma once
// For a port whose tasks have no shadow CPUs of their own.

#include "base/attributes.h"

namespace kmem {

/// No task has a shadow CPU of its own.
struct OwnStack {
  static void* try_pop(char*, Slot) { return nullptr; }
  static Push try_push(char*, Slot, const void*) { return Push::Full; }
  template <ptrdiff_t kDivisors>
  static Push try_push_object(char*, Slot, const void*) {
    return Push::Full;
  }
};

}  // namespace kmem
