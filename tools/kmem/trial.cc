#include "trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "environment.h"
#include "failure.h"
#include "report_folder.h"
#include "watch/fault_injection.h"

namespace kmem::tool {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// The file in which the program counts its points and describes the first that failed.
class Record {
 public:
  explicit Record(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof(SharedFaultRecord)) != 0)
      throw Failure(fmt::format("{}: {}", path, std::strerror(errno)));
    fchmod(fd, 0666);  // it may run as another user
    void* got = mmap(nullptr, sizeof(SharedFaultRecord), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (got == MAP_FAILED) throw Failure(fmt::format("{}: {}", path, std::strerror(errno)));
    record_ = static_cast<SharedFaultRecord*>(got);
  }
  ~Record() { munmap(record_, sizeof(SharedFaultRecord)); }
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  const SharedFaultRecord& operator*() const { return *record_; }

 private:
  SharedFaultRecord* record_;
};

// Starting -----------------------------------------------------------------------------------------------------------

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_of(const TrialSetup& setup, uint64_t n, bool forever, const ReportFolder& folder) {
  std::vector<std::string> environment = preloading(setup.library);
  std::string words = joined(std::getenv("KMEM"), setup.boot_words, ' ');
  words += fmt::format(" fail_nth={},{},verbose=0,record={}/record", n, forever ? "forever" : "once", folder.path());
  set_variable(environment, "KMEM", words);
  set_variable(environment, "KMEM_REPORT", folder.pattern());
  return environment;
}

/// The program, just started; ends it and all of its group with itself.
class Child {
 public:
  Child(const TrialSetup& setup, const std::vector<std::string>& environment, const std::string& error_file) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const char* input = setup.input.empty() ? "/dev/null" : setup.input.c_str();
    posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
    if (!setup.show_output) {
      posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
      posix_spawn_file_actions_addopen(&files, 2, error_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    const int error = posix_spawn(&pid_, setup.path.c_str(), &files, &attributes, pointers(setup.command).data(),
                                  pointers(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error)
      throw Failure(error == ENOENT ? kNotFound : kNotExecutable, fmt::format("{}: {}", setup.path, std::strerror(error)));
  }
  ~Child() { kill(-pid_, SIGKILL); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

  /// False where the time is up, or somebody says stop; it is dead then too.
  bool wait(double timeout, const std::atomic<bool>& stop, int& status) const {
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    const auto until = Clock::now() + std::chrono::duration<double>(timeout ? timeout : 1e9);
    bool ended = false;
    while (!ended && !stop && Clock::now() < until) {
      pollfd watched{fd, POLLIN, 0};
      const double left = std::chrono::duration<double>(until - Clock::now()).count();
      constexpr double kLook = 0.2;  // seconds between two looks at `stop`
      if (fd >= 0) poll(&watched, 1, static_cast<int>(1000 * std::min(left, kLook)) + 1);
      else usleep(2000);
      siginfo_t info{};
      ended = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
    }
    if (fd >= 0) close(fd);
    if (!ended) kill(-pid_, SIGKILL);
    waitpid(pid_, &status, 0);
    return ended;
  }

 private:
  pid_t pid_ = 0;
};

void run_on(int cpu) {
  if (cpu < 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(cpu), &one);
  sched_setaffinity(0, sizeof one, &one);
}

// Looking afterwards -------------------------------------------------------------------------------------------------

uint64_t number(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<uint64_t>() : 0;
}

void add_holdings(const json& report, Holdings& holdings) {
  uint64_t in_caches = 0;
  for (const json& cache : report.value("caches", json::array())) {
    const uint64_t bytes = number(cache, "active_objs") * number(cache, "stride");
    in_caches += bytes;
    if (bytes) holdings[cache.value("name", std::string())] += bytes;
  }
  const uint64_t mapped = number(report.value("mapped", json::object()), "bytes");
  const uint64_t all = number(report.value("memory", json::object()), "bytes_in_use");
  if (mapped) holdings["mapped"] += mapped;
  if (all > in_caches + mapped) holdings["pages"] += all - in_caches - mapped;
}

void read_reports(const ReportFolder& folder, pid_t first, Outcome& outcome) {
  for (const json& report : folder.read(first)) {
    outcome.reported |= number(report.value("process", json::object()), "pid") == static_cast<uint64_t>(first);
    add_holdings(report, outcome.holdings);
    const std::string broken = report.value("check", json::object()).value("broken", std::string());
    if (outcome.broken.empty()) outcome.broken = broken;
  }
}

/// The last lines, and the first line of kmem's that names a bug.
void read_errors(const std::string& file, Outcome& outcome) {
  constexpr size_t kLast = 2000;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (outcome.complaint.empty() && line.rfind("kmem: BUG", 0) == 0) outcome.complaint = line.substr(strlen("kmem: "));
    outcome.last_words += line + "\n";
    if (outcome.last_words.size() > 2 * kLast) outcome.last_words.erase(0, outcome.last_words.size() - kLast);
  }
  if (outcome.last_words.size() > kLast) outcome.last_words.erase(0, outcome.last_words.size() - kLast);
}

FailedCall describe(const SharedFaultRecord& record) {
  FailedCall call;
  call.known = record.described.load() == FaultRecord::Whole;
  if (!call.known) return call;
  if (record.point < kNrFaultPoints) call.point = fault_point_name(static_cast<FaultPoint>(record.point));
  call.cache = record.cache;
  call.size = record.size;
  call.gfp = record.gfp;
  call.stack = std::make_shared<const SavedStack>(record.stack);
  return call;
}

}  // namespace

uint64_t total(const Holdings& holdings) {
  uint64_t sum = 0;
  for (const auto& [name, bytes] : holdings) sum += bytes;
  return sum;
}

bool Outcome::crashed() const {
  int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) > 128) signal = WEXITSTATUS(wait_status) - 128;  // of a shell
  for (const int one : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
    if (signal == one) return !timed_out;
  return WIFSIGNALED(wait_status) && !timed_out;
}

Outcome run_trial(const TrialSetup& setup, uint64_t n, bool forever, int cpu, const std::atomic<bool>& stop) {
  const ReportFolder folder;
  const Record record(folder.path() + "/record");
  Outcome outcome;
  outcome.n = n;
  outcome.forever = forever;
  run_on(cpu);
  const auto start = Clock::now();
  const Child child(setup, environment_of(setup, n, forever, folder), folder.path() + "/errors");
  outcome.timed_out = !child.wait(setup.timeout, stop, outcome.wait_status);
  outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  outcome.nr_points = (*record).nr_points.load();
  outcome.nr_failed = (*record).nr_failed.load();
  read_reports(folder, child.pid(), outcome);
  read_errors(folder.path() + "/errors", outcome);
  outcome.failed = describe(*record);
  return outcome;
}

}  // namespace kmem::tool
