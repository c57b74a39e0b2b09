#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "port/saved_stack.h"

namespace kmem::tool {

/// One caller.  What could not be found out is empty or 0.
struct Frame {
  uint64_t address = 0;
  std::string function;
  std::string file;  // of the source
  int line = 0;
  std::string module;   // the file that the code was loaded from
  uint64_t offset = 0;  // in it, as the linker counted
};

/// Unwinds a stack that a process left behind, innermost frame first, without the frames of kmem itself.  Empty where
/// it cannot be read.
std::vector<Frame> walk_stack(const SavedStack& stack);

}  // namespace kmem::tool
