#pragma once
#include <memory>
#include <string>
#include <vector>

#include "target.h"

namespace kmem::tool {

/// Names for addresses of a target's code and data.
class Symbols {
 public:
  explicit Symbols(const Target& target);
  ~Symbols();
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;
  /// "function  file:line  (module+0x12)"; the address where nothing is known.  `call`: what comes back from a call.
  std::string name(uint64_t address, bool call = true) const;
  /// The function at a return address, and those that it is inlined into, innermost first; at least one.
  struct Frame {
    std::string function, file;  // file: empty where it is not known
    int line = 0;
  };
  std::vector<Frame> frames(uint64_t address) const;
  /// "variable+0x8 in module" of data; empty where it has no name.
  std::string data(uint64_t address) const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace kmem::tool
