#pragma once
#include <string>
#include <vector>

namespace kmem::tool {

struct ValidateOptions {
  std::vector<std::string> command;  // PROGRAM ARGS
  int pid = 0;                       // a process that runs, instead
  unsigned looks = 5;                // at most so many at that, before what is broken is called so
  unsigned timeout = 10;             // seconds that it has for each
  bool objects = false;              // look at all objects too, not only at structures
  std::string report_file;           // empty: standard error
  std::string json_file;             // empty: none
  std::string boot_words;
  std::string library;  // empty: the one that belongs to this tool
};

/// `kmem validate`, of a program that is run or of a process that runs: 0 all is well, 1 something is broken, 2 not all could
/// be looked at; or throws a Failure.
int validate(const ValidateOptions& options);

}  // namespace kmem::tool
