#include "fail_nth.h"

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "failure.h"
#include "finding.h"
#include "program.h"
#include "summary.h"
#include "trial.h"

namespace kmem::tool {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

std::atomic<bool> stop;
void ask_to_stop(int) { stop = true; }

/// The CPUs that we may use, or none of them where the program shall go where it likes.
std::vector<int> cpus(const FailNthOptions& options) {
  cpu_set_t allowed;
  std::vector<int> list;
  if (options.any_cpu || sched_getaffinity(0, sizeof allowed, &allowed)) return {};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<unsigned>(cpu), &allowed)) list.push_back(cpu);
  return list;
}

/// One line that is written over, or on a file one now and then.
class Progress {
 public:
  explicit Progress(bool quiet) : quiet_(quiet), terminal_(isatty(2)) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& line) {
    const auto now = Clock::now();
    if (quiet_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(terminal_ ? 100 : 5000);
    if (terminal_) fmt::print(stderr, "\r\033[K{}", line);
    else fmt::print(stderr, "{}\n", line);
    std::fflush(stderr);
    shown_ = terminal_;
  }
  void clear() {
    if (shown_) fmt::print(stderr, "\r\033[K");
    std::fflush(stderr);
    shown_ = false;
  }

 private:
  bool quiet_, terminal_, shown_ = false;
  Clock::time_point next_ = Clock::now() + std::chrono::milliseconds(500);
};

/// One mode's run over n.
struct Swept {
  bool forever = false;
  uint64_t from = 1, end = ~uint64_t{0};  // `end`: the first n that was not reached
  uint64_t nr_trials = 0;
  std::map<std::string, uint64_t> by_point;
  std::vector<Finding> findings;
};

class Sweep {
 public:
  Sweep(const FailNthOptions& options, const TrialSetup& setup, const Outcome& clean, std::vector<int> cpus)
      : options_(options), setup_(setup), clean_(clean), cpus_(std::move(cpus)), progress_(options.quiet) {}

  Swept run(bool forever) {
    swept_ = {};
    swept_.forever = forever;
    swept_.from = next_ = options_.from;
    start_ = Clock::now();
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < options_.jobs; ++i) workers.emplace_back([this, i] { work(i); });
    for (std::thread& worker : workers) worker.join();
    progress_.clear();
    if (failure_) std::rethrow_exception(failure_);
    std::sort(swept_.findings.begin(), swept_.findings.end(),
              [](const Finding& a, const Finding& b) { return a.outcome.n < b.outcome.n; });
    return swept_;
  }

 private:
  /// The next n, or 0 where there is none.
  uint64_t take() {
    const std::lock_guard lock(mutex_);
    const uint64_t n = next_;
    if (stop || failure_ || n >= swept_.end || (options_.to && n > options_.to)) return 0;
    next_ += options_.step;
    return n;
  }

  void work(unsigned nr) {
    const int cpu = cpus_.empty() ? -1 : cpus_[nr % cpus_.size()];
    try {
      while (const uint64_t n = take()) {
        const Outcome outcome = run_trial(setup_, n, swept_.forever, cpu, stop);
        Finding finding;
        const LeakRule rule{options_.leaks != "never", options_.leaks == "always", options_.slack};
        const bool found = outcome.nr_failed && judge(outcome, clean_, rule, finding);
        if (!stop) note(outcome, found ? &finding : nullptr);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
  }

  void note(const Outcome& outcome, const Finding* finding) {
    const std::lock_guard lock(mutex_);
    ++swept_.nr_trials;
    if (!outcome.nr_failed) {
      swept_.end = std::min(swept_.end, outcome.n);
      return;
    }
    ++swept_.by_point[outcome.failed.known ? outcome.failed.point : "unknown"];
    if (finding) tell(*finding);
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const double rate = static_cast<double>(swept_.nr_trials) / seconds;
    progress_.show(fmt::format("kmem fail-nth {}: n = {} of about {}, {} found, {:.1f} runs/s",
                               swept_.forever ? "forever" : "once", outcome.n, clean_.nr_points, swept_.findings.size(), rate));
  }

  void tell(const Finding& finding) {
    progress_.clear();
    swept_.findings.push_back(finding);
    if (options_.json || !options_.report_file.empty()) return;
    fmt::print("{}\n", as_text(finding));
    std::fflush(stdout);
  }

  const FailNthOptions& options_;
  const TrialSetup& setup_;
  const Outcome& clean_;
  const std::vector<int> cpus_;
  std::mutex mutex_;
  Progress progress_;
  Swept swept_;
  uint64_t next_ = 1;
  Clock::time_point start_;
  std::exception_ptr failure_;
};

// The clean run ---------------------------------------------------------------------------------------------------------------

std::string end_text(const Outcome& outcome) {
  if (WIFSIGNALED(outcome.wait_status)) return fmt::format("killed by signal {}", WTERMSIG(outcome.wait_status));
  return fmt::format("status {}", WEXITSTATUS(outcome.wait_status));
}

/// Twice, to see whether it is the same; what the program holds at its end is the most of both.
Outcome run_clean(const FailNthOptions& options, TrialSetup& setup, int cpu) {
  setup.timeout = options.timeout;
  Outcome one = run_trial(setup, 0, false, cpu, stop);
  if (stop) return one;
  if (one.timed_out)
    throw Failure(fmt::format("{} does not end within {} s even where nothing fails", setup.path, options.timeout));
  if (!one.nr_points)
    throw Failure(fmt::format("{} passes no failure point: it allocates nothing, or kmem could not start in it", setup.path));
  const Outcome two = run_trial(setup, 0, false, cpu, stop);
  if (one.nr_points != two.nr_points && !options.quiet)
    fmt::print(stderr,
               "kmem: the program does not do the same each time ({} failure points, then {}): n may mean another call\n",
               one.nr_points, two.nr_points);
  if (total(two.holdings) > total(one.holdings)) one.holdings = two.holdings;
  constexpr double kLeast = 10, kTimes = 20;
  if (!options.timeout) setup.timeout = std::max(kLeast, kTimes * std::max(one.seconds, two.seconds));
  return one;
}

// Telling -------------------------------------------------------------------------------------------------------------

std::string summary_of(const Swept& swept) {
  std::map<std::string, uint64_t> kinds;
  for (const Finding& finding : swept.findings) ++kinds[name_of(finding.kind)];
  std::string text = fmt::format("{}: {} runs", swept.forever ? "forever" : "once", swept.nr_trials);
  if (swept.end != ~uint64_t{0}) text += fmt::format(", {} points", swept.end - 1);
  std::string points;
  for (const auto& [point, nr] : swept.by_point) points += fmt::format("{}{} {}", points.empty() ? "" : ", ", point, nr);
  text += fmt::format(" ({}); ", points);
  if (kinds.empty()) return text + "nothing found\n";
  std::string found;
  for (const auto& [kind, nr] : kinds) found += fmt::format("{}{} {}", found.empty() ? "" : ", ", nr, kind);
  return text + found + "\n";
}

json as_json(const std::vector<Swept>& all, const FailNthOptions& options, const Outcome& clean) {
  json findings = json::array(), sweeps = json::array();
  for (const Swept& swept : all) {
    for (const Finding& finding : swept.findings) findings.push_back(as_json(finding));
    json sweep = {{"mode", swept.forever ? "forever" : "once"},
                  {"runs", swept.nr_trials},
                  {"from", swept.from},
                  {"failed", swept.by_point}};
    if (swept.end != ~uint64_t{0}) sweep["points"] = swept.end - 1;
    sweeps.push_back(sweep);
  }
  return {{"schema", 1},
          {"command", options.command},
          {"clean", {{"points", clean.nr_points}, {"seconds", clean.seconds}, {"held", clean.holdings}}},
          {"interrupted", stop.load()},
          {"sweeps", sweeps},
          {"findings", findings}};
}

void write_out(const FailNthOptions& options, const std::string& text) {
  if (options.report_file.empty()) {
    fmt::print("{}", text);
    return;
  }
  std::ofstream stream(options.report_file);
  stream << text << std::flush;
  if (!stream) throw Failure(fmt::format("{}: {}", options.report_file, std::strerror(errno)));
}

void tell_all(const FailNthOptions& options, const Outcome& clean, const std::vector<Swept>& all) {
  if (options.json)
    return write_out(options, as_json(all, options, clean).dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  std::string text;
  if (!options.report_file.empty())
    for (const Swept& swept : all)
      for (const Finding& finding : swept.findings) text += as_text(finding) + "\n";
  for (const Swept& swept : all) text += summary_of(swept);
  if (stop) text += "interrupted: what lies beyond was not tried\n";
  write_out(options, text);
}

void listen_to_signals() {
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

}  // namespace

int fail_nth(const FailNthOptions& options) {
  if (options.command.empty()) throw Failure("no program given; try: kmem fail-nth -- ls -l");
  TrialSetup setup;
  setup.path = find_program(options.command[0]);
  check_preloadable(setup.path);
  setup.command = options.command;
  setup.library = find_library(options.library);
  setup.boot_words = options.boot_words;
  setup.input = options.input;
  setup.show_output = options.show_output;
  unsetenv("DEBUGINFOD_URLS");  // traces are named from what is here
  listen_to_signals();

  const std::vector<int> where = cpus(options);
  const Outcome clean = run_clean(options, setup, where.empty() ? -1 : where[0]);
  if (!options.quiet && !stop)
    fmt::print(stderr, "kmem: {} ends with {} after {:.2f} s and {} failure points where nothing fails\n", options.command[0],
               end_text(clean), clean.seconds, clean.nr_points);
  std::vector<Swept> all;
  Sweep sweep(options, setup, clean, where);
  if (!stop && (options.once || !options.forever)) all.push_back(sweep.run(false));
  if (!stop && options.forever) all.push_back(sweep.run(true));
  tell_all(options, clean, all);
  const bool found = std::any_of(all.begin(), all.end(), [](const Swept& swept) { return !swept.findings.empty(); });
  return found ? 1 : stop ? kToolFailed : 0;
}

}  // namespace kmem::tool
