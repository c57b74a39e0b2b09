#include "look.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "../kmem/failure.h"
#include "report/texts.h"

namespace kmem::tool {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr char kTries[] = "KMEM_LOOK_TRIES";
constexpr int kMostTries = 30;
constexpr int kNice = 10;
constexpr int kLooks = 4;                                 // for a report
constexpr unsigned kAtLeast = 10;                         // seconds
constexpr uint64_t kBytesPerSecond = uint64_t{32} << 20;  // far fewer than are read
constexpr size_t kRoom = 256 << 20;                       // bytes

std::string bounded(const char* text) { return std::string(text, strnlen(text, 48)); }

bool run_part(void* self, const char* part, const char* name, Parts::Work work, void* of) {
  Looker& looker = *static_cast<Looker*>(self);
  return looker.part(bounded(part), bounded(name), [&] { work(of); });
}

/// A look has time: what runs on the CPU that it is on goes first, the process that is looked at above all.  One that stands
/// still meanwhile is not made to wait.
void let_others_go_first(const Target& target) {
  if (target.runs_on()) setpriority(PRIO_PROCESS, 0, kNice);
}

/// What answers are made of comes from a heap that has all its addresses before the mirror is compared with ours: memory that
/// is mapped later could come to lie where some of the target's has yet to appear, and would be taken for it.
void take_room_for_answers() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  void* volatile room = malloc(kRoom);
  free(room);
}

void work_in_child(Target& target, const KmemPlace& place, const std::function<void(Looker&)>& ask, int to) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 0);
  sigset_t none;  // the mirror's own signals must come, whatever the tool holds back
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nowhere = open("/dev/null", O_RDWR);
  if (!std::getenv("KMEM_LOOK_DEBUG")) dup2(nowhere, 2);
  let_others_go_first(target);
  take_room_for_answers();
  const bool fits = Mirror::fits(target, place.module);
  Looker looker(target, place, to);
  if (!fits) {
    looker.put({{"conflict", true}});
    return;
  }
  if (looker.part("the system", "", [&] { adopt(place); })) ask(looker);
  looker.finish();
}

/// Everything that comes until the end, or until time is up.  False: it was.
bool read_all(int from, std::string& text, Clock::time_point until) {
  char piece[64 << 10];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{from, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(left)) < 0 && errno != EINTR) return true;
    if (!ready.revents) continue;
    const ssize_t got = read(from, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    text.append(piece, static_cast<size_t>(got));
  }
}

void sort_in(const std::string& text, Answers& answers) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    json answer =
        json::parse(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(end), nullptr, false);
    at = end + 1;
    if (answer.is_discarded() || !answer.is_object()) continue;
    if (answer.contains("skipped")) answers.skipped.push_back(answer["skipped"]);
    else if (answer.contains("lost")) answers.lost_bytes = answer["lost"].get<uint64_t>();
    else if (answer.contains("conflict")) answers.conflict = true;
    else answers.all.push_back(std::move(answer));
  }
}

std::string trouble_of(int status, bool in_time) {
  if (!in_time) return "it did not end in time";
  if (WIFSIGNALED(status)) return fmt::format("it was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return WEXITSTATUS(status) ? "it went astray" : "";
}

}  // namespace

unsigned seconds_for_all(const Target& target) { return kAtLeast + static_cast<unsigned>(target.bytes() / kBytesPerSecond); }

Looker::Looker(Target& target, const KmemPlace& place, int to) : target_(target), place_(place), mirror_(target), to_(to) {}

void Looker::put(const json& answer) {
  const std::string text = answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(to_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(0);
    done += static_cast<size_t>(n);
  }
}

bool Looker::skip(const std::string& part, const std::string& name, const std::string& why) {
  put({{"skipped", {{"part", part}, {"name", name}, {"why", why}}}});
  return false;
}

Parts Looker::parts() { return {run_part, this}; }

void Looker::finish() { put({{"lost", mirror_.lost_bytes()}}); }

const json* Answers::find(const char* member) const {
  for (const json& answer : all)
    if (answer.contains(member)) return &answer;
  return nullptr;
}

Answers look(Target& target, const KmemPlace& place, const std::function<void(Looker&)>& ask, unsigned seconds) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) throw Failure(fmt::format("a pipe: {}", std::strerror(errno)));
  const pid_t child = fork();
  if (child < 0) throw Failure(fmt::format("a child: {}", std::strerror(errno)));
  if (child == 0) {
    close(ends[0]);
    work_in_child(target, place, ask, ends[1]);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  const bool in_time = read_all(ends[0], text, Clock::now() + std::chrono::seconds(seconds));
  close(ends[0]);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Answers answers;
  sort_in(text, answers);
  answers.trouble = trouble_of(status, in_time);
  return answers;
}

namespace {

int tries_before() {
  const char* before = std::getenv(kTries);
  return before ? std::atoi(before) : 0;
}

}  // namespace

void move_out_of_the_way() {
  if (tries_before() == 0) start_over();
}

// Where all processes have the same addresses, ours are laid out from the other end.
void start_over() {
  const int tries = tries_before();
  if (tries >= kMostTries) throw Failure("its addresses are in use here, however often this tool is started anew");
  const int now = personality(0xffffffff);
  const auto compat = static_cast<unsigned long>(ADDR_COMPAT_LAYOUT), fixed = static_cast<unsigned long>(ADDR_NO_RANDOMIZE);
  if (now >= 0) personality((static_cast<unsigned long>(now) & ~(fixed | compat)) | (tries % 2 ? 0ul : compat));
  setenv(kTries, std::to_string(tries + 1).c_str(), 1);
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string words{std::istreambuf_iterator<char>(file), {}};
  std::vector<char*> argv;
  for (size_t at = 0; at < words.size(); at = words.find('\0', at) + 1) argv.push_back(const_cast<char*>(words.c_str() + at));
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  throw Failure(fmt::format("the tool cannot be started anew: {}", std::strerror(errno)));
}

namespace {

void put_snapshot(Looker& looker) {
  SystemSnapshot snapshot;
  take_snapshot(snapshot, looker.parts());
  Target& target = looker.target();
  snapshot.process = {target.pid(), target.parent(), {}, target.resident(), target.resident_peak()};
  target.name().copy(snapshot.process.name, sizeof snapshot.process.name - 1);
  static char words[512];
  snapshot.boot_words = words;
  looker.part("boot words", "", [&] { std::strncpy(words, system().machine.command_line, sizeof words - 1); });
  // Its areas are walked while it is written; what is wrong with them must not cost the rest.
  for (const bool with_areas : {true, false}) {
    if (!with_areas) snapshot.window.next = nullptr;
    std::string text;
    const bool done = looker.part("vmalloc areas", "", [&] {
      Text measured{Span<char>()};
      put_json(measured, snapshot);
      text.resize(measured.total() + measured.total() / 8 + 4096);
      Text out(Span<char>(text.data(), text.size()));
      put_json(out, snapshot);
      text.resize(out.size());
    });
    json report = done ? json::parse(text, nullptr, false) : json();
    if (report.is_object()) return looker.put({{"report", std::move(report)}});
  }
}

}  // namespace

Failure not_read(const Target& target, const Answers& answers) {
  std::string why = answers.trouble;
  for (const json& skipped : answers.skipped)
    why +=
        fmt::format("{}{}: {}", why.empty() ? "" : "; ", skipped["part"].get<std::string>(), skipped["why"].get<std::string>());
  return Failure(fmt::format("{} cannot be read: {}", target.name(),
                             why.empty() ? "it has just begun, or begun another program; try again" : why));
}

json report_of(Target& target, const KmemPlace& place, InTheWay then) {
  Answers answers = look(target, place, put_snapshot);
  // What a process changes or maps under the look leads astray: the next look may see all.
  for (int looks = 1; looks < kLooks && target.runs_on() && !answers.conflict && !answers.skipped.empty(); ++looks) {
    target.read_again();
    answers = look(target, place, put_snapshot);
  }
  if (answers.conflict && then == InTheWay::StartsOver) start_over();
  if (answers.conflict) throw Failure("its addresses are in use in this tool");
  const json* report = answers.find("report");
  if (!report) throw not_read(target, answers);
  json result = (*report)["report"];
  result["skipped"] = answers.skipped;
  result["lost_bytes"] = answers.lost_bytes;
  result["module"] = place.module;
  result["system"] = reinterpret_cast<uint64_t>(place.table.system);
  return result;
}

}  // namespace kmem::tool
