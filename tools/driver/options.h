#pragma once
// What the host is to do.

#include <string>
#include <vector>

#include "modules.h"
#include "programs.h"

namespace kmem::driver_host {

constexpr int kToolFailed = 125;

struct Options {
  std::string mode, socket;
  std::vector<Wanted> modules;
  std::vector<std::string> command;
  Environment environment;
  std::string result;  // a file for how it went
  unsigned fail_nth = 0, times = 0;
  bool leaks = false, mistakes_pass = false;
};

/// False: a word is not understood.
bool parse(int argc, char** argv, Options* options);

// Each is an exit status.
int run(const Options& options);
int serve_socket(const Options& options);
int stop(const Options& options);
int kunit(const Options& options);
int reload(const Options& options);

}  // namespace kmem::driver_host
