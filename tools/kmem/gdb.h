#pragma once
#include <string>
#include <vector>

namespace kmem::tool {

/// kmem gdb: gdb with kmem's commands; the arguments are gdb's own.  Becomes gdb.
[[noreturn]] void run_gdb(const std::vector<std::string>& arguments);
/// The commands alone, as Python for gdb.
const char* gdb_commands();

}  // namespace kmem::tool
