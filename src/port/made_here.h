#pragma once
// For sequences in assembler.

#include "base/attributes.h"

namespace kmem {
/// A constant that is returned after a label. Otherwise g++ 12 may load it before the sequence into a register that the
/// sequence uses for an output.
template <typename T>
KMEM_INLINE T made_here(T value) {
  asm volatile("" : "+r"(value));
  return value;
}
}  // namespace kmem
