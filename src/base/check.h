#pragma once
// Assertions: a failed one is a bug of kmem. Mistakes of callers are reported instead (watch/report.h), and the program
// continues.

#include "base/attributes.h"
#include "base/types.h"

namespace kmem {

/// Prints the assertion with both values, then calls the port's panic. Neither allocates nor waits; any context.
[[noreturn]] KMEM_COLD void assertion_failed(const char* file, int line, const char* text, uint64_t left, uint64_t right);

namespace check {
template <typename T>
uint64_t value_of(T* p) {
  return reinterpret_cast<uint64_t>(p);
}
template <typename T>
uint64_t value_of(T value) {
  return static_cast<uint64_t>(value);
}
}  // namespace check

}  // namespace kmem

/// `KMEM_ASSERT(count, <=, capacity);` In builds with KMEM_DEBUG each side is evaluated once; in others neither is, though both
/// are compiled.  Sides are integers, enumerations, bools or pointers.
#ifdef KMEM_DEBUG
#define KMEM_ASSERT(left, op, right)                                                                             \
  do {                                                                                                           \
    const auto kmem_left = (left);                                                                               \
    const decltype(kmem_left) kmem_right = (right);                                                              \
    if (KMEM_UNLIKELY(!(kmem_left op kmem_right)))                                                               \
      ::kmem::assertion_failed(__FILE__, __LINE__, #left " " #op " " #right, ::kmem::check::value_of(kmem_left), \
                               ::kmem::check::value_of(kmem_right));                                             \
  } while (false)
#else
#define KMEM_ASSERT(left, op, right) static_cast<void>(sizeof((left)op(right)))
#endif

/// A value that only a later assertion needs, such as a count before a change; 0 if assertions are not evaluated.
#ifdef KMEM_DEBUG
#define KMEM_IN_DEBUG(value) (value)
#else
#define KMEM_IN_DEBUG(value) 0
#endif
