#pragma once
// kmem driver: builds a kernel module as a shared object, and runs programs on its devices.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace kmem::tool {

class DriverCommand {
 public:
  /// Adds the subcommand to the tool's.
  explicit DriverCommand(CLI::App& app);
  ~DriverCommand();
  const CLI::App& word() const;
  /// Does what was asked for; `behind` is what lies behind "--".  The exit status.
  int run(const std::vector<std::string>& behind);

 private:
  struct Options;
  std::unique_ptr<Options> options_;
  CLI::App& app_;
};

}  // namespace kmem::tool
