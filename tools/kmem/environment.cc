#include "environment.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace kmem::tool {

std::string joined(const char* first, const std::string& second, char separator) {
  const std::string head = first ? first : "";
  if (head.empty() || second.empty()) return head + second;
  return head + separator + second;
}

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const std::string& entry) { return entry.rfind(name + "=", 0) == 0; });
  if (!value.empty()) environment.push_back(name + "=" + value);
}

std::vector<std::string> preloading(const std::string& library) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
  std::string libraries = library;
  for (const char* name : {"libkmem-exit.so", "kmem/libkmem-exit.so"}) {  // of a build tree; as installed
    const std::filesystem::path beside = std::filesystem::path(library).replace_filename(name);
    if (std::filesystem::exists(beside)) libraries += ":" + beside.string();
  }
  const char* preloaded = std::getenv("LD_PRELOAD");
  set_variable(environment, "LD_PRELOAD", joined(libraries.c_str(), preloaded ? preloaded : "", ':'));
  return environment;
}

}  // namespace kmem::tool
