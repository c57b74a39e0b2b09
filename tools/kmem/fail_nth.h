#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace kmem::tool {

struct FailNthOptions {
  std::vector<std::string> command;  // PROGRAM ARGS
  uint64_t from = 1;
  uint64_t to = 0;  // 0: until the program ends without having come so far
  uint64_t step = 1;
  bool once = false, forever = false;  // neither: once
  double timeout = 0;                  // seconds; 0: by the clean run
  unsigned jobs = 1;
  bool json = false;
  bool quiet = false;  // no progress
  bool show_output = false;
  bool any_cpu = false;               // do not hold the program on one CPU
  std::string leaks = "same-status";  // when what is still held counts: never, same-status, always
  uint64_t slack = 0;                 // bytes that may be held beyond the clean run
  std::string report_file;            // empty: standard output
  std::string input;
  std::string boot_words;
  std::string library;
};

/// `kmem fail-nth`: 0 where nothing was found, else 1.  Throws a Failure where it cannot be done.
int fail_nth(const FailNthOptions& options);

}  // namespace kmem::tool
