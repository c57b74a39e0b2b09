#pragma once
#include <string>
#include <vector>

namespace kmem::tool {

struct RunOptions {
  std::vector<std::string> command;  // PROGRAM ARGS
  bool report = false;
  std::string report_file;  // empty: standard error
  std::string json_file;    // empty: none
  std::string boot_words;
  bool leaks = false;   // list what nobody knows any more at the end
  std::string library;  // empty: the one that belongs to this tool
  size_t most_caches = 20;
};

/// `kmem run`.  Does not return: ends as the program ended, or throws a Failure.
[[noreturn]] void run(const RunOptions& options);

}  // namespace kmem::tool
