// A module's KUnit suites: they run when it is loaded.

#include <kmem/driver.h>

#include <cstdio>
#include <string>

#include "options.h"
#include "service.h"

extern "C" int kmem_console_loglevel;

namespace kmem::driver_host {
namespace {

std::string log_text() {
  std::string text(kmem_driver_log(nullptr, 0) + 1, 0);
  kmem_driver_log(text.data(), text.size());
  text.pop_back();
  return text;
}

/// KTAP is what the log has, without the levels.
void print_log(const std::string& log) {
  for (size_t at = 0; at < log.size();) {
    const size_t end = std::min(log.find('\n', at), log.size());
    const bool has_level = end - at >= 3 && log[at] == '<' && log[at + 2] == '>';
    const size_t begin = has_level ? at + 3 : at;
    std::printf("%.*s\n", static_cast<int>(end - begin), log.c_str() + begin);
    at = end + 1;
  }
}

}  // namespace

int kunit(const Options& options) {
  catch_crashes();
  kmem_console_loglevel = 0;  // the log is printed as a whole
  int status = 0;
  for (const Wanted& one : options.modules) {
    kmem_driver_log_clear();
    Modules modules;
    const bool loaded = modules.load({one}, options.leaks);
    const std::string log = log_text();
    print_log(log);
    // A module without suites has tested nothing.
    if (!loaded || log.find("KTAP") == std::string::npos || log.find("not ok ") != std::string::npos) status = 1;
    if (loaded && (modules.unload(options.leaks) || modules.lost_bytes())) status = 1;
  }
  std::fflush(stdout);
  return status;
}

}  // namespace kmem::driver_host
