#include "validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "environment.h"
#include "failure.h"
#include "launch.h"
#include "live_look.h"
#include "program.h"
#include "report_folder.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

constexpr int kWell = 0, kBroken = 1, kUnknown = 2;

/// What one process found when it ended.
struct Verdict {
  std::string name;
  int pid = 0;
  bool checked = false;
  json violations = json::array();
  uint64_t damaged = 0;
  std::string said;  // by the checkers, of damaged objects; of a running process only

  int status() const { return !violations.empty() || damaged ? kBroken : checked ? kWell : kUnknown; }
};

Verdict verdict_of(const json& report) {
  const json process = report.value("process", json::object()), check = report.value("check", json::object());
  return {process.value("name", ""),
          process.value("pid", 0),
          check.value("done", false),
          check.value("violations", json::array()),
          check.value("damaged_objects", uint64_t{0}),
          ""};
}

std::vector<std::string> make_environment(const ValidateOptions& options, const ReportFolder& folder) {
  std::vector<std::string> environment = preloading(find_library(options.library));
  std::string words = joined(std::getenv("KMEM"), options.boot_words, ' ');
  words = joined(words.c_str(), options.objects ? "validate slub_debug=FZPU" : "validate", ' ');
  set_variable(environment, "KMEM", words);
  set_variable(environment, "KMEM_REPORT", folder.pattern());
  return environment;
}

std::string text_of(const Verdict& verdict) {
  std::string out = fmt::format("  {} (process {}): ", verdict.name, verdict.pid);
  if (!verdict.checked) return out + "not looked at, for threads of it were still running\n";
  if (verdict.status() == kWell) return out + "all is well\n";
  out += fmt::format("{} broken rule{}, {} damaged object{}\n", verdict.violations.size(),
                     verdict.violations.size() == 1 ? "" : "s", verdict.damaged, verdict.damaged == 1 ? "" : "s");
  for (const json& violation : verdict.violations)
    out += fmt::format("    {}: {}; at {:#x}, {} instead of {}\n", violation.value("part", ""), violation.value("rule", ""),
                       violation.value("where", uint64_t{0}), violation.value("got", uint64_t{0}),
                       violation.value("want", uint64_t{0}));
  return out;
}

/// What both found.  Of a structure that a thread is changing the next look finds it changed.
Verdict found_by_both(const Verdict& first, const Verdict& second) {
  Verdict both = second;
  both.violations = json::array();
  for (const json& violation : second.violations)
    for (const json& before : first.violations)
      if (violation.value("part", "") == before.value("part", "") && violation.value("rule", "") == before.value("rule", "") &&
          violation.value("where", uint64_t{0}) == before.value("where", uint64_t{0})) {
        both.violations.push_back(violation);
        break;
      }
  both.damaged = std::min(first.damaged, second.damaged);
  return both;
}

Verdict look_at(LiveProcess& process, unsigned most, unsigned& looks) {
  const auto look = [&] {
    const LiveProcess::Answer answer = process.look();
    Verdict verdict = verdict_of(answer.report);
    verdict.said = answer.said;
    return verdict;
  };
  Verdict verdict = look();
  for (looks = 1; looks < most && verdict.status() == kBroken; ++looks) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    verdict = found_by_both(verdict, look());
  }
  return verdict;
}

/// The worst: something broken before something unknown.
int status_of(const std::vector<Verdict>& verdicts, pid_t first) {
  bool broken = false, unknown = true;
  for (const Verdict& verdict : verdicts)
    if (verdict.pid == first) unknown = false;
  for (const Verdict& verdict : verdicts) {
    broken |= verdict.status() == kBroken;
    unknown |= verdict.status() == kUnknown;
  }
  return broken ? kBroken : unknown ? kUnknown : kWell;
}

std::string as_text(const ValidateOptions& options, const Ended& ended, const std::vector<Verdict>& verdicts) {
  std::string out = fmt::format("kmem: {} (process {}) {}\n", options.command[0], ended.pid, describe_end(ended));
  bool found = false;
  for (const Verdict& verdict : verdicts) {
    found |= verdict.pid == ended.pid;
    out += text_of(verdict);
  }
  if (!found) out += "  It left no report, so nothing is known of it: see kmem run in kmem(1).\n";
  return out;
}

std::string as_json(const ValidateOptions& options, pid_t pid, const std::vector<Verdict>& verdicts) {
  json processes = json::array();
  for (const Verdict& verdict : verdicts)
    processes.push_back({{"name", verdict.name},
                         {"pid", verdict.pid},
                         {"checked", verdict.checked},
                         {"violations", verdict.violations},
                         {"damaged_objects", verdict.damaged}});
  const json all = {{"schema", 1},
                    {"command", options.command},
                    {"pid", pid},
                    {"status", status_of(verdicts, pid)},
                    {"processes", processes}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void save(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  if (!stream) throw Failure(fmt::format("{}: {}", file, std::strerror(errno)));
}

void hand_over(const ValidateOptions& options, pid_t pid, const std::vector<Verdict>& verdicts, const std::string& text) {
  if (!options.json_file.empty()) save(options.json_file, as_json(options, pid, verdicts));
  if (options.report_file.empty()) std::cerr << text << std::flush;
  else save(options.report_file, text);
}

int validate_running(const ValidateOptions& options) {
  LiveProcess process(options.pid, options.timeout);
  unsigned looks = 0;
  Verdict verdict = look_at(process, options.looks, looks);
  verdict.pid = options.pid;
  std::string text = fmt::format("kmem: process {} goes on; looked at {}\n", options.pid,
                                 looks == 1 ? "once" : fmt::format("{} times", looks));
  text += text_of(verdict);
  if (verdict.damaged) text += verdict.said;
  hand_over(options, options.pid, {verdict}, text);
  return status_of({verdict}, options.pid);
}

}  // namespace

int validate(const ValidateOptions& options) {
  if (options.pid) return validate_running(options);
  if (options.command.empty()) throw Failure("no program given; try: kmem validate -- ls -l");
  const std::string path = find_program(options.command[0]);
  check_preloadable(path);
  const ReportFolder folder;
  const Ended ended = run_and_wait(path, options.command, make_environment(options, folder));
  std::vector<Verdict> verdicts;
  for (const json& report : folder.read(ended.pid)) verdicts.push_back(verdict_of(report));
  hand_over(options, ended.pid, verdicts, as_text(options, ended, verdicts));
  return status_of(verdicts, ended.pid);
}

}  // namespace kmem::tool
