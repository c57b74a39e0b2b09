#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace kmem::tool {

struct RecordOptions {
  std::vector<std::string> command;
  int pid = 0;              // instead of a command
  double rate = 10;         // samples a second
  double map_rate = 1;      // page maps a second
  double seconds = 0;       // end after so many; 0: with the process
  uint64_t megabytes = 64;  // of the file
  unsigned cells = 8192;    // of a map
  std::string output = "kmem.recording";
  std::string boot_words, library, module;
};

/// kmem record: samples a process from outside until it ends.  The exit status: of a command its own.
int record(const RecordOptions& options);

}  // namespace kmem::tool
