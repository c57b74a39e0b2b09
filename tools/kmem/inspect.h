#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace kmem::tool {

struct InspectOptions {
  std::string target;              // a process, or a core file
  std::string what = "status";     // the question
  std::vector<std::string> words;  // and what it is about
  std::string module;
  std::string state = "out";  // of objects
  std::string sort;           // of objects: "age"
  uint64_t limit = 100;       // lines; 0: all
  int looks = 3;
  bool json = false, stop = false, objects = false;
};

/// kmem inspect: the exit status, 0, 1 where something is broken, 2 where not all could be looked at.
int inspect(const InspectOptions& options);

}  // namespace kmem::tool
