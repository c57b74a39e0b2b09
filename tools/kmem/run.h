#pragma once
#include <string>
#include <vector>

namespace kmem::tool {

struct RunOptions {
  std::vector<std::string> command;  // PROGRAM ARGS
  bool report = false;
  bool count = false;       // every call, at the price of the fast paths
  std::string report_file;  // empty: standard error
  std::string json_file;    // empty: none
  std::string boot_words;
  std::string profile_file;  // of a heap profile; empty: none is taken
  std::string profile_period = "512K";
  bool follow = false;  // profile the programs too that it starts
  bool leaks = false;   // list what nobody knows any more at the end
  std::string library;  // empty: the one that belongs to this tool
  size_t most_caches = 20;
};

/// `kmem run`.  Does not return: ends as the program ended, or throws a Failure.
[[noreturn]] void run(const RunOptions& options);

}  // namespace kmem::tool
