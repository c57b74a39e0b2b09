#pragma once
// A test that needs boot words of its own: the program is run again for it.

#include <unistd.h>

#include <cstdio>
#include <string>

namespace kmem::test {

/// Runs one test of this program, disabled in the ordinary run, with boot words; what it printed.
inline std::string run_with(const char* words, const char* test) {
  const std::string command = "KMEM='" + std::string(words) + "' /proc/" + std::to_string(getpid()) +
                              "/exe --gtest_also_run_disabled_tests --gtest_filter=" + test + " 2>&1";
  std::string text;
  FILE* out = popen(command.c_str(), "r");
  for (int c; (c = fgetc(out)) != EOF;) text += static_cast<char>(c);
  pclose(out);
  return text;
}

}  // namespace kmem::test
