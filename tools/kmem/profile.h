#pragma once
#include <cstdint>
#include <string>

namespace kmem::tool {

struct ProfileOptions {
  std::string source;  // a process, or what was saved as JSON, or what a program wrote
  double seconds = 10;
  std::string period = "512K";
  std::string output;        // empty: standard output
  std::string format;        // empty: by the name of the output
  std::string base;          // what was saved before, to be subtracted
  bool allocated = false;    // instead of what is alive, where a form has one of them
  size_t limit = 20;         // of the table; 0: all
  bool since_start = false;  // all since sampling began, and not since this call
  std::string module;
};

/// kmem profile: which code allocates.
void profile(const ProfileOptions& options);

struct Profile;
/// Throws a Failure where the options' output cannot be written.
void write_profile(const Profile& profile, const ProfileOptions& options);

}  // namespace kmem::tool
