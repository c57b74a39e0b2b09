#pragma once
#include <string>

namespace kmem::tool {

struct PageOptions {
  std::string recording;
  std::string output;  // empty: the recording's name and ".html"
};

/// kmem show: a page of a recording that needs nothing but itself.
void show_recording(const PageOptions& options);

}  // namespace kmem::tool
