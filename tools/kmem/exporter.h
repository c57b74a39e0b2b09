#pragma once
#include <string>

namespace kmem::tool {

struct ExporterOptions {
  std::string listen = "127.0.0.1:9469";
  unsigned most_processes = 100, most_caches = 20;
  bool once = false;          // to standard output
  bool open_metrics = false;  // of `once`
};

/// kmem exporter: serves until it is ended.
void export_metrics(const ExporterOptions& options);

}  // namespace kmem::tool
