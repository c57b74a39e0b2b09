#pragma once
#include <cstdint>
#include <string>

namespace kmem::tool {

struct MapOptions {
  std::string target, module;
  std::string color = "auto";  // auto, always or never
  unsigned width = 0;          // cells in a row; 0: as the terminal
  unsigned rows = 40;          // at most, about
  bool json = false;
};

/// kmem map: what each page frame of a heap is used for, in colours or in letters.  The exit status.
int map(const MapOptions& options);

}  // namespace kmem::tool
