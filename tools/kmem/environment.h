#pragma once
#include <string>
#include <vector>

namespace kmem::tool {

/// Our environment with `library`, and libkmem-exit.so if it lies beside it or in the folder kmem there, in front of what
/// LD_PRELOAD has.
std::vector<std::string> preloading(const std::string& library);

/// Sets NAME=VALUE; an empty value takes the variable away.
void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value);

/// Two lists as one, with `separator` between them where both have something.
std::string joined(const char* first, const std::string& second, char separator);

}  // namespace kmem::tool
