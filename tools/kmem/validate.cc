#include "validate.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "environment.h"
#include "failure.h"
#include "launch.h"
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

  int status() const { return !violations.empty() || damaged ? kBroken : checked ? kWell : kUnknown; }
};

Verdict verdict_of(const json& report) {
  const json process = report.value("process", json::object()), check = report.value("check", json::object());
  return {process.value("name", ""), process.value("pid", 0), check.value("done", false),
          check.value("violations", json::array()), check.value("damaged_objects", uint64_t{0})};
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

std::string as_json(const ValidateOptions& options, const Ended& ended, const std::vector<Verdict>& verdicts) {
  json processes = json::array();
  for (const Verdict& verdict : verdicts)
    processes.push_back({{"name", verdict.name},
                         {"pid", verdict.pid},
                         {"checked", verdict.checked},
                         {"violations", verdict.violations},
                         {"damaged_objects", verdict.damaged}});
  const json all = {{"schema", 1},
                    {"command", options.command},
                    {"pid", ended.pid},
                    {"status", status_of(verdicts, ended.pid)},
                    {"processes", processes}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void save(const std::string& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  if (!stream) throw Failure(fmt::format("{}: {}", file, std::strerror(errno)));
}

}  // namespace

int validate(const ValidateOptions& options) {
  if (options.command.empty()) throw Failure("no program given; try: kmem validate -- ls -l");
  const std::string path = find_program(options.command[0]);
  check_preloadable(path);
  const ReportFolder folder;
  const Ended ended = run_and_wait(path, options.command, make_environment(options, folder));
  std::vector<Verdict> verdicts;
  for (const json& report : folder.read(ended.pid)) verdicts.push_back(verdict_of(report));
  if (!options.json_file.empty()) save(options.json_file, as_json(options, ended, verdicts));
  const std::string text = as_text(options, ended, verdicts);
  if (options.report_file.empty())
    std::cerr << text << std::flush;
  else
    save(options.report_file, text);
  return status_of(verdicts, ended.pid);
}

}  // namespace kmem::tool
