#include "run.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "failure.h"
#include "launch.h"
#include "program.h"
#include "saved_report.h"
#include "summary.h"

namespace kmem::tool {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Where the processes leave their reports until we have read them.
class ReportFolder {
 public:
  ReportFolder() {
    std::string name = fs::temp_directory_path() / "kmem-run-XXXXXX";
    if (!mkdtemp(name.data())) throw Failure(fmt::format("{}: {}", name, std::strerror(errno)));
    path_ = name;
    // A program that gives up its rights writes as another user: anybody may add a file, nobody may list them.
    chmod(path_.c_str(), 01733);
  }
  ~ReportFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ReportFolder(const ReportFolder&) = delete;
  ReportFolder& operator=(const ReportFolder&) = delete;

  std::string pattern() const { return path_ + "/%p.json"; }

  /// What has been written whole, the process `first` before the others, these by number.
  std::vector<json> read(pid_t first) const {
    std::vector<std::pair<pid_t, json>> found;
    for (const auto& file : fs::directory_iterator(path_)) {
      const auto pid = static_cast<pid_t>(std::atol(file.path().filename().c_str()));
      std::ifstream stream(file.path());
      json report = json::parse(stream, nullptr, false);
      if (report.is_object()) found.emplace_back(pid, std::move(report));
    }
    std::sort(found.begin(), found.end(), [first](const auto& a, const auto& b) {
      return std::pair(a.first != first, a.first) < std::pair(b.first != first, b.first);
    });
    std::vector<json> reports;
    for (auto& [pid, report] : found) reports.push_back(std::move(report));
    return reports;
  }

 private:
  std::string path_;
};

// ---- before ----

/// Words after what the variable says already, with `separator` between; or before.
std::string joined(const char* first, const std::string& second, char separator) {
  const std::string head = first ? first : "";
  if (head.empty() || second.empty()) return head + second;
  return head + separator + second;
}

void set(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const std::string& entry) { return entry.rfind(name + "=", 0) == 0; });
  if (!value.empty()) environment.push_back(name + "=" + value);
}

std::vector<std::string> make_environment(const RunOptions& options, const std::string& library,
                                          const std::string& report_pattern) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);

  const char* preloaded = std::getenv("LD_PRELOAD");
  set(environment, "LD_PRELOAD", joined(library.c_str(), preloaded ? preloaded : "", ':'));
  std::string words = joined(std::getenv("KMEM"), options.boot_words, ' ');
  if (!report_pattern.empty()) words = joined(words.c_str(), "stats", ' ');
  set(environment, "KMEM", words);
  if (!report_pattern.empty()) set(environment, "KMEM_REPORT", report_pattern);
  return environment;
}

/// Before the program runs for an hour: can what it leaves be written?
void check_writable(const std::string& file) {
  if (file.empty()) return;
  std::FILE* opened = std::fopen(file.c_str(), "a");
  if (!opened) throw Failure(fmt::format("{}: {}", file, std::strerror(errno)));
  std::fclose(opened);
}

// ---- after ----

json end_of(const Ended& ended) {
  json end;
  if (WIFEXITED(ended.wait_status)) end["status"] = WEXITSTATUS(ended.wait_status);
  if (WIFSIGNALED(ended.wait_status)) end["signal"] = WTERMSIG(ended.wait_status);
  end["seconds"] = ended.seconds;
  end["user_seconds"] = ended.user_seconds;
  end["system_seconds"] = ended.system_seconds;
  end["resident_peak"] = ended.resident_peak;
  return end;
}

std::string as_json(const RunOptions& options, const Ended& ended, const std::vector<json>& reports) {
  const json all = {
      {"schema", 1}, {"command", options.command}, {"pid", ended.pid}, {"end", end_of(ended)}, {"processes", reports}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

/// Why there may be no report, for the reader to choose from.
constexpr char kNoReport[] =
    "  It left no report.  That happens when it is killed by a signal, may not write files any more (chroot, "
    "seccomp),\n"
    "  when its environment was cleared, or when kmem could not start in it: then it has said so itself.\n";

std::string as_text(const RunOptions& options, const Ended& ended, const std::vector<json>& reports) {
  std::string out = fmt::format("kmem: {} (process {}) {}\n", options.command[0], ended.pid, describe_end(ended));
  std::vector<std::unique_ptr<SavedReport>> saved;
  for (const json& report : reports) {
    try {
      saved.push_back(std::make_unique<SavedReport>(report));
    } catch (const Failure& failure) {
      out += fmt::format("  A report cannot be read: {}\n", failure.what());
    }
  }
  std::vector<const SystemSnapshot*> others;
  bool found = false;
  for (const auto& one : saved) {
    if (one->system().process.pid != ended.pid) {
      others.push_back(&one->system());
      continue;
    }
    found = true;
    out += describe_process(one->system(), options.most_caches);
  }
  if (!found) out += fmt::format("{}  {:<12} {} resident\n", kNoReport, "peak", size_text(ended.resident_peak));
  if (!others.empty()) out += describe_others(others, 10);
  out += fmt::format("\n  {} process{} reported\n", saved.size(), saved.size() == 1 ? "" : "es");
  return out;
}

void save(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  if (!stream) fmt::print(stderr, "kmem: {}: {}\n", file, std::strerror(errno));
}

void write_reports(const RunOptions& options, const Ended& ended, const ReportFolder& folder) {
  const std::vector<json> reports = folder.read(ended.pid);
  if (!options.json_file.empty()) save(options.json_file, as_json(options, ended, reports));
  if (!options.report_file.empty())
    save(options.report_file, as_text(options, ended, reports));
  else if (options.report)
    std::cerr << as_text(options, ended, reports) << std::flush;
}

/// Runs the program and reports; the folder is gone when this returns.
Ended run_and_report(const RunOptions& options, const std::string& path, const std::string& library) {
  const ReportFolder folder;
  const Ended ended = run_and_wait(path, options.command, make_environment(options, library, folder.pattern()));
  // The program has run; nothing that goes wrong from here on may hide how it ended.
  try {
    write_reports(options, ended, folder);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "kmem: the report failed: {}\n", failure.what());
  }
  return ended;
}

}  // namespace

void run(const RunOptions& options) {
  if (options.command.empty()) throw Failure("no program given; try: kmem run --report -- ls -l");
  const std::string path = find_program(options.command[0]);
  check_preloadable(path);
  const std::string library = find_library(options.library);
  const bool reports = options.report || !options.report_file.empty() || !options.json_file.empty();
  if (!reports) become(path, options.command, make_environment(options, library, ""));

  check_writable(options.report_file);
  check_writable(options.json_file);
  end_like(run_and_report(options, path, library).wait_status);
}

}  // namespace kmem::tool
