#include "jit_names.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace kmem::tool {
namespace {

/// The process's number in its own namespace, the last one that is listed.
std::string own_number(int pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  std::string line, number = std::to_string(pid);
  while (std::getline(status, line))
    if (line.compare(0, 6, "NSpid:") == 0) {
      std::istringstream words(line.substr(6));
      while (words >> number) {
      }
    }
  return number;
}

}  // namespace

JitNames::JitNames(const Target& target) {
  if (target.is_core()) return;
  std::ifstream file(fmt::format("/proc/{}/root/tmp/perf-{}.map", target.pid(), own_number(target.pid())));
  // "START BYTES NAME", in base 16; a later line is of newer code.
  for (std::string line; std::getline(file, line);) {
    char* end = nullptr;
    const uint64_t start = std::strtoull(line.c_str(), &end, 16), bytes = std::strtoull(end, &end, 16);
    if (*end == ' ' && end[1]) by_start_[start] = {bytes, end + 1};
  }
}

std::string JitNames::at(uint64_t address) const {
  auto next = by_start_.upper_bound(address);
  if (next == by_start_.begin()) return {};
  const auto& [start, code] = *--next;
  return address - start < code.bytes ? code.name : std::string{};
}

}  // namespace kmem::tool
