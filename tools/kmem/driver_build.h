#pragma once
// What a module is compiled and linked with.

#include <string>
#include <vector>

namespace kmem::tool {

struct BuildOptions {
  std::vector<std::string> sources;
  std::vector<std::string> more;  // options of the compiler's
  std::string output, compiler;
  bool asan = false, tsan = false, ubsan = false, coverage = false;
};

/// As words of a command line, for each source; and those that follow the sources where they are linked.
std::vector<std::string> compile_words(const BuildOptions& options);
std::vector<std::string> link_words(const BuildOptions& options);

/// Compiles and links the module; the compiler's exit status.
int build_module(const BuildOptions& options);

/// Words as a shell reads them.
std::string quoted(const std::vector<std::string>& words);

/// The program that a module is loaded into; it lies beside the tool, or in the libraries' folder.
std::string find_host();

}  // namespace kmem::tool
