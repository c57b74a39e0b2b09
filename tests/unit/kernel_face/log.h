#pragma once
// What kmem's log says while something happens: it goes to standard error.

#include <gtest/gtest.h>

#include <string>

namespace kmem::test {

template <typename F>
std::string log_of(F&& happens) {
  testing::internal::CaptureStderr();
  happens();
  return testing::internal::GetCapturedStderr();
}

inline bool mentions(const std::string& text, const std::string& words) { return text.find(words) != text.npos; }

}  // namespace kmem::test
