// kmem record: how a heap changes, into a file.

#include "record.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

#include "../look/page_map.h"
#include "environment.h"
#include "failure.h"
#include "launch.h"
#include "program.h"
#include "recording.h"

namespace kmem::tool {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

/// Is the process there, and more than its exit status?
bool runs(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t name_end = text.rfind(')');
  return name_end != std::string::npos && name_end + 2 < text.size() && !std::strchr("ZX", text[name_end + 2]);
}

class Recorder {
 public:
  explicit Recorder(const RecordOptions& options)
      : options_(options), file_(options.output, options.megabytes << 20, head()), began_(Clock::now()) {}

  /// Takes what is due of a process, and says how many seconds there are until something is.
  double tick(int pid) {
    const double now = seconds_since(began_);
    if (now >= next_sample_) {
      look(pid, now);
      const double step = std::ldexp(1 / options_.rate, static_cast<int>(file_.halvings()));
      next_sample_ = std::max(next_sample_ + step, std::floor(seconds_since(began_) / step) * step);
    }
    return std::max(0.001, next_sample_ - seconds_since(began_));
  }
  bool is_over() const { return options_.seconds > 0 && seconds_since(began_) >= options_.seconds; }

  void finish(const json& end) {
    file_.finish({{"end", end}, {"t", seconds_since(began_)}, {"missed", missed_}});
    fmt::print(stderr, "kmem: {} samples in {}{}; kmem show {} makes a page of it\n", file_.nr_samples(), options_.output,
               missed_ ? fmt::format(" ({} missed: {})", missed_, why_) : "", options_.output);
  }

 private:
  json head() const {
    return {{"kmem_recording", 1},   {"pid", options_.pid},           {"command", options_.command},
            {"rate", options_.rate}, {"started", std::time(nullptr)}, {"version", KMEM_VERSION}};
  }

  void look(int pid, double now) {
    try {
      const std::unique_ptr<Target> target = open_process(pid);
      const KmemPlace place = find_kmem(*target, options_.module);
      const json report = report_of(*target, place, InTheWay::Fails);
      json sample = sample_of(report, now);
      if (target->name() != name_) sample["name"] = name_ = target->name();
      file_.add(RecordingFile::Kind::Sample, sample);
      seen_ = true;
      if (now < next_map_) return;
      next_map_ = now + std::ldexp(1 / options_.map_rate, static_cast<int>(file_.halvings()));
      const json map = page_map_of(*target, place, options_.cells);
      // Its memory goes away while a process ends: a map of what was left would be the one that the page opens on.
      if (map["ranges"].empty() || (!map["skipped"].empty() && !runs(pid)))
        throw Failure(fmt::format("{} cannot be read: it ends", target->name()));
      file_.add(RecordingFile::Kind::Map, {{"t", now}, {"map", map}});
    } catch (const Failure& failure) {
      // Before its first allocation, and when it ends, there is nothing to see.
      if (seen_ && runs(pid)) ++missed_;
      why_ = failure.what();
    }
  }

  const RecordOptions& options_;
  RecordingFile file_;
  const Clock::time_point began_;
  double next_sample_ = 0, next_map_ = 0;
  std::string name_, why_;
  uint64_t missed_ = 0;
  bool seen_ = false;
};

int record_command(const RecordOptions& options) {
  const std::string path = find_program(options.command[0]);
  check_preloadable(path);
  std::vector<std::string> environment = preloading(find_library(options.library));
  if (!options.boot_words.empty()) set_variable(environment, "KMEM", joined(std::getenv("KMEM"), options.boot_words, ' '));
  Recorder recorder(options);
  const Ended ended = run_and_wait(path, options.command, environment, [&](pid_t pid) {
    constexpr double kLong = 3600;
    return recorder.is_over() ? kLong : recorder.tick(pid);
  });
  json end{{"seconds", ended.seconds}};
  if (WIFEXITED(ended.wait_status)) end["status"] = WEXITSTATUS(ended.wait_status);
  else end["signal"] = WTERMSIG(ended.wait_status);
  recorder.finish(end);
  end_like(ended.wait_status);
}

/// Until a signal ends it, which is how one says that it is enough.
int record_process(const RecordOptions& options) {
  move_out_of_the_way();
  find_kmem(*open_process(options.pid), options.module);  // what cannot be recorded is said at once
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  Recorder recorder(options);
  const char* why = "process";
  while (runs(options.pid)) {
    const double rest = recorder.tick(options.pid);
    const timespec time{static_cast<time_t>(rest), static_cast<long>((rest - std::floor(rest)) * 1e9)};
    const bool stopped = sigtimedwait(&ends, nullptr, &time) > 0;
    if (!stopped && !recorder.is_over()) continue;
    why = stopped ? "signal" : "time";
    break;
  }
  recorder.finish({{"by", why}});
  return 0;
}

}  // namespace

int record(const RecordOptions& options) {
  if (options.command.empty() && !options.pid) throw Failure("of what?  kmem record -- PROGRAM ARGS, or kmem record PID");
  return options.pid ? record_process(options) : record_command(options);
}

}  // namespace kmem::tool
