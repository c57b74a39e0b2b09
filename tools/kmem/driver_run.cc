#include "driver_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

#include "driver_build.h"
#include "environment.h"
#include "failure.h"
#include "launch.h"

extern char** environ;

namespace kmem::tool {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

struct Module {
  std::string file, parameters;
};

/// "a.kmo x=1 y=2 b.kmo": what does not set a parameter is a module.
std::vector<Module> modules_in(const Words& words) {
  std::vector<Module> modules;
  for (const std::string& word : words) {
    const bool is_file = word.size() > 4 && word.compare(word.size() - 4, 4, ".kmo") == 0;
    if (is_file) {
      if (!fs::exists(word)) throw Failure(fmt::format("{}: {}", word, std::strerror(ENOENT)));
      modules.push_back({fs::absolute(word).string(), ""});
    } else if (modules.empty()) {
      throw Failure(fmt::format("{} is no module; kmem driver build makes one, NAME.kmo", word));
    } else {
      modules.back().parameters += (modules.back().parameters.empty() ? "\"" : " \"") + word + "\"";
    }
  }
  if (modules.empty()) throw Failure("no module given; try: kmem driver run scull.kmo -- ls -l /dev/scull0");
  return modules;
}

/// A library of clang's lies in a folder that only the module names, among others, in its list of where to look.
std::string found_by(const std::string& text, const std::string& library) {
  for (size_t at = text.find('/'); at != std::string::npos; at = text.find('/', at + 1)) {
    const size_t end = text.find_first_of(std::string(":\0", 2), at);
    if (end == std::string::npos) break;
    const std::string path = text.substr(at, end - at) + "/" + library;
    if (path.size() < PATH_MAX && access(path.c_str(), R_OK) == 0) return path;
  }
  return library;
}

/// The sanitizer that a module was built with must be in its process from the start.
std::string sanitizer_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  const std::string text = content.str();
  for (const char* name : {"libasan.so.", "libtsan.so.", "libclang_rt.asan-", "libclang_rt.tsan-"}) {
    const size_t at = text.find(name);
    if (at == std::string::npos) continue;
    const std::string library = text.c_str() + at;
    return library.rfind("libclang", 0) == 0 ? found_by(text, library) : library;
  }
  return {};
}

Words own_environment() {
  Words environment;
  for (char** variable = environ; *variable; ++variable) environment.emplace_back(*variable);
  return environment;
}

/// What the driver's process gets.
Words environment_of(const DriverRunOptions& options, const std::vector<Module>& modules) {
  Words environment = own_environment();
  std::string preload;
  for (const Module& module : modules)
    if (preload.empty()) preload = sanitizer_of(module.file);
  const bool asan = preload.find("asan") != std::string::npos;
  // AddressSanitizer is not told of objects that kmem keeps the callers of.
  std::string words = asan ? "sanitize=on" : options.no_leaks ? "" : "kmemleak=on";
  words = joined(words.c_str(), "alias=1", ' ');  // programs map the driver's pages
  words = joined(words.c_str(), joined(std::getenv("KMEM"), options.boot_words, ' '), ' ');
  set_variable(environment, "KMEM", words);
  set_variable(environment, "LD_PRELOAD", preload);
  // The driver's memory is kmem's, which looks for what is lost itself.
  const char* asked = std::getenv("ASAN_OPTIONS");
  if (asan) set_variable(environment, "ASAN_OPTIONS", joined("detect_leaks=0", asked ? asked : "", ':'));
  return environment;
}

Words host_words(const char* mode, const DriverRunOptions& options, const std::vector<Module>& modules) {
  Words words = {"kmem-driver-host", mode};
  for (const auto& [option, variable] : {std::pair("--program-kmem", "KMEM"), std::pair("--program-preload", "LD_PRELOAD"),
                                         std::pair("--program-asan", "ASAN_OPTIONS")}) {
    const char* value = std::getenv(variable);
    if (value) words.insert(words.end(), {option, value});
  }
  if (!options.no_leaks) words.emplace_back("--leaks");
  if (options.mistakes_pass) words.emplace_back("--mistakes-pass");
  for (const Module& module : modules) words.insert(words.end(), {"--module", module.file, module.parameters});
  return words;
}

void append_command(Words& words, const Words& command) {
  if (command.empty()) throw Failure("no program given; try: kmem driver run scull.kmo -- ls -l /dev/scull0");
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
}

/// Where a driver that stays listens: a folder that is the user's alone.
std::string socket_of(const std::string& name) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string folder =
      runtime && *runtime ? fmt::format("{}/kmem-driver", runtime) : fmt::format("/tmp/kmem-driver-{}", getuid());
  struct stat about {};
  mkdir(folder.c_str(), 0700);
  if (lstat(folder.c_str(), &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != getuid())
    throw Failure(fmt::format("{} is not a folder of ours", folder));
  if (name.find('/') != std::string::npos) throw Failure(fmt::format("{} is no name", name));
  return folder + "/" + name;
}

// Each allocation fails once ---------------------------------------------------------------------------------------------

/// A file that is gone with this.
class Scratch {
 public:
  Scratch() {
    const char* folder = std::getenv("TMPDIR");
    path_ = std::string(folder && *folder ? folder : "/tmp") + "/kmem-driver-XXXXXX";
    const int fd = mkstemp(path_.data());
    if (fd < 0) throw Failure(fmt::format("{}: {}", path_, std::strerror(errno)));
    ::close(fd);
  }
  ~Scratch() { ::unlink(path_.c_str()); }
  Scratch(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  std::string text() const {
    std::ifstream stream(path_);
    std::stringstream content;
    content << stream.rdbuf();
    return content.str();
  }

 private:
  std::string path_;
};

struct Trial {
  unsigned long injected = 0;
  int crashed = 0, still_loaded = 0;
  size_t lost = 0;
  unsigned long mistakes = 0;
  bool told = false, hung = false;
  int status = 0;
  std::string said;

  std::string what_is_wrong() const {
    if (hung) return "hung";
    if (!told && WIFSIGNALED(status)) return fmt::format("the driver's process was ended by signal {}", WTERMSIG(status));
    if (!told) return fmt::format("the driver's process ended with status {}", WEXITSTATUS(status));
    if (crashed) return "the driver crashed";
    if (still_loaded) return "the driver could not be unloaded";
    if (lost) return fmt::format("{} bytes are lost", lost);
    if (mistakes) return mistakes == 1 ? "a mistake was reported" : fmt::format("{} mistakes were reported", mistakes);
    return {};
  }
};

/// Its output goes to a file; it is ended where it takes too long.
int run_quietly(const Words& words, const Words& environment, const std::string& output, unsigned timeout, bool* hung) {
  const pid_t child = fork();
  if (child < 0) throw Failure(fmt::format("fork: {}", std::strerror(errno)));
  if (!child) {
    setpgid(0, 0);
    const int out = ::open(output.c_str(), O_WRONLY | O_TRUNC), in = ::open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    become(find_host(), words, environment);
  }
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(timeout);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() > end) {
      *hung = true;
      kill(-child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return status;
}

Trial try_one(const DriverRunOptions& options, const std::vector<Module>& modules, unsigned n) {
  const Scratch result, output;
  Words words = host_words("run", options, modules);
  words.insert(words.end(), {"--result", result.path(), "--fail-nth", std::to_string(n)});
  append_command(words, options.command);
  Trial trial;
  trial.status = run_quietly(words, environment_of(options, modules), output.path(), options.timeout, &trial.hung);
  std::istringstream told(result.text());
  trial.told = static_cast<bool>(told >> trial.injected >> trial.crashed >> trial.still_loaded >> trial.lost >> trial.mistakes);
  if (options.mistakes_pass) trial.mistakes = 0;
  trial.said = output.text();
  return trial;
}

}  // namespace

int driver_run(const DriverRunOptions& options) {
  if (!options.name.empty()) {
    if (!options.words.empty())
      throw Failure("a driver that was started has its modules; kmem driver run --on NAME -- PROGRAM");
    Words words = {"kmem-driver-host", "join", "--socket", socket_of(options.name)};
    append_command(words, options.command);
    become(find_host(), words, own_environment());
  }
  const std::vector<Module> modules = modules_in(options.words);
  Words words = host_words("run", options, modules);
  append_command(words, options.command);
  become(find_host(), words, environment_of(options, modules));
}

int driver_fail_nth(const DriverRunOptions& options) {
  const std::vector<Module> modules = modules_in(options.words);
  unsigned nr_runs = 0, nr_found = 0, n = options.fail_from;
  for (; n <= options.fail_to; ++n, ++nr_runs) {
    const Trial trial = try_one(options, modules, n);
    if (trial.told && !trial.injected) break;
    if (options.show_output) fmt::print("{}", trial.said);
    const std::string wrong = trial.what_is_wrong();
    if (wrong.empty()) continue;
    ++nr_found;
    fmt::print("n = {}: {}\n", n, wrong);
    if (!options.show_output) fmt::print("{}", trial.said);
    std::fflush(stdout);
  }
  fmt::print("{} allocations failed, one in each run; {} found\n", nr_runs, nr_found ? std::to_string(nr_found) : "nothing");
  return nr_found ? 1 : 0;
}

int driver_start(const DriverRunOptions& options) {
  const std::vector<Module> modules = modules_in(options.words);
  Words words = host_words("serve", options, modules);
  words.insert(words.end(), {"--socket", socket_of(options.name)});
  become(find_host(), words, environment_of(options, modules));
}

int driver_stop(const DriverRunOptions& options) {
  become(find_host(), {"kmem-driver-host", "stop", "--socket", socket_of(options.name)}, own_environment());
}

int driver_reload(const DriverRunOptions& options) {
  const std::vector<Module> modules = modules_in(options.words);
  Words words = host_words("reload", options, modules);
  words.insert(words.end(), {"--times", std::to_string(options.times)});
  become(find_host(), words, environment_of(options, modules));
}

int driver_kunit(const DriverRunOptions& options) {
  const std::vector<Module> modules = modules_in(options.words);
  become(find_host(), host_words("kunit", options, modules), environment_of(options, modules));
}

}  // namespace kmem::tool
