#pragma once

namespace kmem {

/// A value, or nothing, for calls with one way to fail.
template <typename T>
class [[nodiscard]] Maybe {
 public:
  constexpr Maybe() = default;
  constexpr Maybe(T value) : value_(value), has_(true) {}  // NOLINT: a value is one
  constexpr explicit operator bool() const { return has_; }
  constexpr const T& operator*() const { return value_; }
  constexpr const T* operator->() const { return &value_; }

 private:
  T value_{};
  bool has_ = false;
};

}  // namespace kmem
