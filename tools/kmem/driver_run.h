#pragma once
// Programs on a module's devices: kmem-driver-host does it, and is started here.

#include <string>
#include <vector>

namespace kmem::tool {

struct DriverRunOptions {
  std::vector<std::string> words;    // modules, each with its parameters behind it
  std::vector<std::string> command;  // a program and its arguments
  std::string name;                  // of a driver that stays
  std::string boot_words;
  unsigned fail_from = 1, fail_to = ~0u;
  unsigned timeout = 60, times = 1000;
  bool no_leaks = false, mistakes_pass = false, show_output = false;
};

/// An exit status, or the program takes our place.
int driver_run(const DriverRunOptions& options);
int driver_fail_nth(const DriverRunOptions& options);
int driver_start(const DriverRunOptions& options);
int driver_stop(const DriverRunOptions& options);
int driver_reload(const DriverRunOptions& options);
int driver_kunit(const DriverRunOptions& options);

}  // namespace kmem::tool
