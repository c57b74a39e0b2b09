#pragma once
#include "base/types.h"

namespace kmem {

/// An array that another object owns.
template <typename T>
struct Span {
  T* data = nullptr;
  size_t size = 0;

  constexpr Span() = default;
  constexpr Span(T* first, size_t n) : data(first), size(n) {}
  template <size_t N>
  constexpr Span(T (&array)[N]) : data(array), size(N) {}  // NOLINT: an array is a span

  constexpr T& operator[](size_t i) const { return data[i]; }
  constexpr T* begin() const { return data; }
  constexpr T* end() const { return data + size; }
  constexpr Span first(size_t n) const { return {data, n}; }
  constexpr Span from(size_t n) const { return {data + n, size - n}; }
};

}  // namespace kmem
