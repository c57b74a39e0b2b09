#include "run.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "environment.h"
#include "failure.h"
#include "launch.h"
#include "program.h"
#include "report_folder.h"
#include "saved_report.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

// ---- before ----

std::vector<std::string> make_environment(const RunOptions& options, const std::string& library,
                                          const std::string& report_pattern) {
  std::vector<std::string> environment = preloading(library);
  std::string words = joined(std::getenv("KMEM"), options.boot_words, ' ');
  if (!report_pattern.empty()) words = joined(words.c_str(), "stats", ' ');
  if (options.leaks) words = joined(words.c_str(), "kmemleak=on leak_report=exit", ' ');
  set_variable(environment, "KMEM", words);
  if (!report_pattern.empty()) set_variable(environment, "KMEM_REPORT", report_pattern);
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
