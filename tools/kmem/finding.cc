#include "finding.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "page/gfp_names.h"
#include "summary.h"

namespace kmem::tool {
namespace {

using nlohmann::json;

std::string signal_text(const Outcome& outcome) {
  const int number = WIFSIGNALED(outcome.wait_status) ? WTERMSIG(outcome.wait_status) : WEXITSTATUS(outcome.wait_status) - 128;
  return fmt::format("by signal {} ({})", number, strsignal(number));
}

bool ended_alike(const Outcome& a, const Outcome& b) { return a.wait_status == b.wait_status; }

/// Caches that hold more than after the clean run, the most first: "4 KiB in malloc-112".
std::string excess(const Holdings& now, const Holdings& clean) {
  std::vector<std::pair<uint64_t, std::string>> more;
  for (const auto& [name, bytes] : now) {
    const auto before = clean.find(name);
    const uint64_t had = before == clean.end() ? 0 : before->second;
    if (bytes > had) more.emplace_back(bytes - had, name);
  }
  std::sort(more.rbegin(), more.rend());
  std::string text;
  constexpr size_t kMost = 4;
  for (size_t i = 0; i < more.size() && i < kMost; ++i)
    text += fmt::format("{}{} in {}", i ? ", " : "", size_text(more[i].first), more[i].second);
  return text;
}

bool leaked(const Outcome& outcome, const Outcome& clean, const LeakRule& rule) {
  if (!rule.ever || !outcome.reported || !clean.reported) return false;
  if (!rule.whatever_status && !ended_alike(outcome, clean)) return false;
  return total(outcome.holdings) > total(clean.holdings) + rule.slack;
}

std::string flags_text(uint32_t gfp) {
  char names[192];
  name_flags(gfp, names, sizeof names);
  return names;
}

std::string frame_text(const Frame& frame) {
  std::string text = frame.function.empty() ? fmt::format("{:#x}", frame.address) : frame.function;
  if (!frame.file.empty()) text += fmt::format("  {}:{}", frame.file, frame.line);
  if (!frame.module.empty()) text += fmt::format("  ({}+{:#x})", frame.module, frame.offset);
  return text;
}

std::string indented(const std::string& text, const char* by) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out += by + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

}  // namespace

const char* name_of(Kind kind) {
  constexpr const char* kNames[] = {"crashed", "hung", "broken", "misused", "leaked"};
  return kNames[static_cast<int>(kind)];
}

bool judge(const Outcome& outcome, const Outcome& clean, const LeakRule& rule, Finding& finding) {
  finding.outcome = outcome;
  const auto found = [&](Kind kind, const std::string& what) {
    finding.kind = kind;
    if (outcome.failed.known) finding.trace = walk_stack(*outcome.failed.stack);
    finding.what = what;
    return true;
  };
  if (outcome.timed_out) return found(Kind::Hung, fmt::format("for {:.1f} s, and was ended", outcome.seconds));
  if (outcome.crashed() && !ended_alike(outcome, clean)) return found(Kind::Crashed, signal_text(outcome));
  if (!outcome.broken.empty() && outcome.broken != clean.broken)
    return found(Kind::Broken, "a structure of kmem: " + outcome.broken);
  if (!outcome.complaint.empty() && outcome.complaint != clean.complaint)
    return found(Kind::Misused, "memory: " + outcome.complaint);
  if (!leaked(outcome, clean, rule)) return false;
  return found(Kind::Leaked, fmt::format("{}: {}", size_text(total(outcome.holdings) - total(clean.holdings)),
                                         excess(outcome.holdings, clean.holdings)));
}

std::string as_text(const Finding& finding) {
  const Outcome& o = finding.outcome;
  std::string text =
      fmt::format("n = {}{}: {} {}\n", o.n, o.forever ? " and all after it" : "", name_of(finding.kind), finding.what);
  if (o.failed.known) {
    const std::string flags = o.failed.gfp ? ", " + flags_text(o.failed.gfp) : "";
    text += fmt::format("  failed: {}, {} bytes{}{}{}\n", o.failed.point, o.failed.size,
                        o.failed.cache.empty() ? "" : " of cache ", o.failed.cache, flags);
    size_t nr = 0;
    for (const Frame& frame : finding.trace) text += fmt::format("    #{:<2} {}\n", nr++, frame_text(frame));
  }
  if (!o.last_words.empty()) text += "  standard error ended with:\n" + indented(o.last_words, "    | ");
  return text;
}

json as_json(const Finding& finding) {
  const Outcome& o = finding.outcome;
  json trace = json::array();
  for (const Frame& frame : finding.trace)
    trace.push_back({{"address", frame.address},
                     {"function", frame.function},
                     {"file", frame.file},
                     {"line", frame.line},
                     {"module", frame.module},
                     {"offset", frame.offset}});
  json failed = nullptr;
  if (o.failed.known)
    failed = {{"point", o.failed.point},
              {"cache", o.failed.cache},
              {"bytes", o.failed.size},
              {"gfp", flags_text(o.failed.gfp)},
              {"trace", trace}};
  json end = {{"seconds", o.seconds}};
  if (WIFEXITED(o.wait_status)) end["status"] = WEXITSTATUS(o.wait_status);
  if (WIFSIGNALED(o.wait_status)) end["signal"] = WTERMSIG(o.wait_status);
  return {{"n", o.n},
          {"mode", o.forever ? "forever" : "once"},
          {"kind", name_of(finding.kind)},
          {"what", finding.what},
          {"failed", failed},
          {"end", end},
          {"held", o.holdings},
          {"standard_error", o.last_words}};
}

}  // namespace kmem::tool
