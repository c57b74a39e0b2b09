#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kmem::tool {

/// A process that runs on kmem, or one that may not be looked at.
struct OnKmem {
  int pid = 0;
  std::string name;
  nlohmann::json report;  // null where `problem` says why
  std::string problem;
};

/// All processes of this host that have a kmem which is in use, by number.  `denied`: how many may not be read at all.
std::vector<OnKmem> find_processes(unsigned& denied);

struct PsOptions {
  bool json = false;
  std::string sort = "held";
};
void ps(const PsOptions& options);

}  // namespace kmem::tool
