#pragma once
// What the dynamic linker will say to LD_PRELOAD, found out before a program is started: it ignores the library
// silently where it cannot or must not load it, and the user would look at a report of nothing.

#include <string>

namespace kmem::tool {

/// The file that execvp() would start for `name`.  Throws a Failure with status 126 or 127, as the shell has them.
std::string find_program(const std::string& name);

/// Throws a Failure that says why, where the program, or the interpreter that a script names, cannot be preloaded:
/// linked statically, made for another kind of machine, or run with the rights of another user.
void check_preloadable(const std::string& path);

/// The libkmem-malloc.so that belongs to this tool: beside it in a build tree, else in ../lib as installed.
/// `wanted` is what the user asked for, or empty.  An absolute path that LD_PRELOAD can carry.
std::string find_library(const std::string& wanted);

}  // namespace kmem::tool
