// One program on the driver.

#include <kmem/driver.h>
#include <kmem/fault.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "mappings.h"
#include "options.h"
#include "service.h"

namespace kmem::driver_host {
namespace {

/// As the program ended, for who started us.
[[noreturn]] void end_like(int status) {
  std::fflush(nullptr);
  if (WIFSIGNALED(status)) {
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);  // the program's own core is enough
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
  }
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : kToolFailed);
}

/// A child of the program may still have a file open.
int unload(Modules& modules, OpenFiles& files, bool leaks) {
  constexpr int kPatience = 500;
  for (int i = 0; i < kPatience; ++i) {
    forget_ended();
    files.reap(false);
    if (has_crashed()) return 0;
    // Calls of a program that was killed end a little later than it.
    const int error = files.count() ? -EBUSY : modules.unload(leaks);
    if (error != -EBUSY) return error;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return -EBUSY;
}

int finish(Modules& modules, OpenFiles& files, const Options& options) {
  const int error = unload(modules, files, options.leaks);
  if (has_crashed()) {
    std::fprintf(stderr, "kmem driver: the driver has crashed; it is not unloaded\n");
    return kToolFailed;
  }
  if (error) {
    std::fprintf(stderr, "kmem driver: the driver is not unloaded: %s; %zu files are open\n", std::strerror(-error),
                 files.count());
    return kToolFailed;
  }
  const bool mistaken = say_mistakes() && !options.mistakes_pass;
  return mistaken || modules.lost_bytes() ? kToolFailed : 0;
}

/// For who runs us again and again: was a failure injected, did the driver crash, was it unloaded, how much was lost, how many
/// mistakes were reported?
void write_result(const Options& options, const Modules& modules) {
  if (options.result.empty()) return;
  std::FILE* file = std::fopen(options.result.c_str(), "w");
  if (!file) return;
  std::fprintf(file, "%lu %d %d %zu %lu\n", kmem_fault_injected(), has_crashed(), modules.is_any_loaded(), modules.lost_bytes(),
               kmem_driver_mistakes());
  std::fclose(file);
}

bool begin_to_fail(unsigned n) {
  if (!n) return true;
  const std::string words = "fail_nth=" + std::to_string(n) + ",verbose=2";
  return !kmem_fault_set(words.c_str());
}

/// Loads, and has the program wait for its start; -1 where that cannot be.
int prepare(const Options& options, Program& program, Modules& modules, OpenFiles& files, bool* exact) {
  if (kmem_driver_show_system() || !begin_to_fail(options.fail_nth) || !modules.load(options.modules, options.leaks)) return -1;
  start_watching(files);
  const int listener = program.listener(exact);
  if (listener >= 0) return listener;
  std::fprintf(stderr, "kmem driver: no system calls can be watched here (seccomp user notification): %s\n",
               std::strerror(errno));
  modules.unload(false);
  return -1;
}

}  // namespace

int run(const Options& options) {
  Program program(options.command, options.environment);
  catch_crashes();
  static OpenFiles files;
  Modules modules;
  bool exact = false;
  const int listener = prepare(options, program, modules, files, &exact);
  if (listener < 0) return write_result(options, modules), kToolFailed;
  serve(listener, exact, files);
  program.start();
  const int status = program.wait();
  const int failed = finish(modules, files, options);
  write_result(options, modules);
  // What the driver did wrong must not hide behind a program that went well.
  if (failed && WIFEXITED(status) && !WEXITSTATUS(status)) {
    std::fflush(nullptr);
    _exit(failed);
  }
  end_like(status);
}

}  // namespace kmem::driver_host
