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

#include "boot/command_line.h"
#include "environment.h"
#include "failure.h"
#include "launch.h"
#include "profile.h"
#include "profile_text.h"
#include "program.h"
#include "report_folder.h"
#include "saved_report.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

// ---- before ----

bool wants_report(const RunOptions& options) {
  return options.report || !options.report_file.empty() || !options.json_file.empty();
}

std::vector<std::string> make_environment(const RunOptions& options, const std::string& library, const ReportFolder* folder) {
  std::vector<std::string> environment = preloading(library);
  std::string words = joined(std::getenv("KMEM"), options.boot_words, ' ');
  if (options.count) words = joined(words.c_str(), "stats", ' ');
  if (options.leaks) words = joined(words.c_str(), "kmemleak=on leak_report=exit", ' ');
  if (!options.profile_file.empty()) words = joined(words.c_str(), "profile=" + options.profile_period, ' ');
  set_variable(environment, "KMEM", words);
  if (wants_report(options)) set_variable(environment, "KMEM_REPORT", folder->pattern());
  if (!options.profile_file.empty()) set_variable(environment, "KMEM_PROFILE", folder->profile_pattern());
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
  if (!options.report_file.empty()) save(options.report_file, as_text(options, ended, reports));
  else if (options.report) std::cerr << as_text(options, ended, reports) << std::flush;
}

void write_profiles(const RunOptions& options, const Ended& ended, const ReportFolder& folder) {
  std::vector<Profile> profiles;
  for (const auto& [pid, text] : folder.profiles(ended.pid)) {
    if (pid != ended.pid && !options.follow) continue;
    profiles.push_back(profile_from_text(text));
    profiles.back().pid = pid;
    profiles.back().seconds = ended.seconds;
  }
  if (profiles.empty())
    throw Failure(fmt::format("{} has left no heap profile, as when it is killed by a signal", options.command[0]));
  ProfileOptions output;
  output.output = options.profile_file;
  write_profile(joined_profiles(profiles), output);
}

/// Runs the program and reports; the folder is gone when this returns.
Ended run_and_report(const RunOptions& options, const std::string& path, const std::string& library) {
  const ReportFolder folder;
  const Ended ended = run_and_wait(path, options.command, make_environment(options, library, &folder));
  // The program has run; nothing that goes wrong from here on may hide how it ended.
  try {
    if (wants_report(options)) write_reports(options, ended, folder);
    if (!options.profile_file.empty()) write_profiles(options, ended, folder);
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
  uint64_t period = 0;
  if (!parse_size({options.profile_period.data(), options.profile_period.size()}, period) || !period)
    throw Failure(fmt::format("--profile-period {}: a size is wanted, such as 512K", options.profile_period));
  if (!wants_report(options) && options.profile_file.empty())
    become(path, options.command, make_environment(options, library, nullptr));

  check_writable(options.report_file);
  check_writable(options.json_file);
  check_writable(options.profile_file);
  end_like(run_and_report(options, path, library).wait_status);
}

}  // namespace kmem::tool
