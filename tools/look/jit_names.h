#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "target.h"

namespace kmem::tool {

/// Names of code that a process has generated, from the file that it keeps for perf: /tmp/perf-PID.map, with PID and /tmp as
/// the process sees them. node --perf-basic-prof writes it, python -X perf, and `jcmd PID Compiler.perfmap` of a Java process.
class JitNames {
 public:
  /// Of a core, and where there is no such file: no names.
  explicit JitNames(const Target& target);
  /// Empty where the address lies in none.
  std::string at(uint64_t address) const;

 private:
  struct Code {
    uint64_t bytes;
    std::string name;
  };
  std::map<uint64_t, Code> by_start_;
};

}  // namespace kmem::tool
