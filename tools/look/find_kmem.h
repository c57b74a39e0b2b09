#pragma once
#include <string>
#include <vector>

#include "system/look_table.h"
#include "target.h"

namespace kmem::tool {

/// A kmem in a process: its library, or the program that it is linked into.
struct KmemPlace {
  std::string module;       // the file
  LookTable table{};        // as the process has it; checked where `problem` is empty
  uint64_t areas_used = 0;  // the address of the port's number
  bool is_up = false, serves_malloc = false;
  std::string problem;  // why it cannot be looked at
};

/// All of a process: a library and a program may each have one.
std::vector<KmemPlace> find_all_kmem(Target& target);
/// The one that matters: it is up, and serves malloc rather than not.  `module`: a part of its file's name; empty for any.
/// Throws a Failure that says why there is none.
KmemPlace find_kmem(Target& target, const std::string& module = {});

}  // namespace kmem::tool
