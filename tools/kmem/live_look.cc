#include "live_look.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "failure.h"

namespace kmem::tool {
namespace {

constexpr int kUnknown = 2;  // exit status: it could not be looked at
constexpr char kWord[] = "validate_signal=";

std::string contents(pid_t pid, const char* name) {
  std::ifstream file(fmt::format("/proc/{}/{}", pid, name), std::ios::binary);
  if (!file) throw Failure(fmt::format("/proc/{}/{}: {}", pid, name, std::strerror(errno)));
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The signal that its boot words name, as it was started; 0 for none.
int signal_of(pid_t pid) {
  const std::string environment = contents(pid, "environ");
  int signal = 0;
  for (size_t at = 0; at < environment.size(); at = environment.find('\0', at) + 1) {
    const std::string variable = environment.c_str() + at;
    if (variable.rfind("KMEM=", 0) == 0) {
      std::istringstream words(variable.substr(5));
      for (std::string word; words >> word;)
        if (word.rfind(kWord, 0) == 0) signal = std::atoi(word.c_str() + sizeof kWord - 1);
    }
    if (environment.find('\0', at) == std::string::npos) break;
  }
  return signal > 0 && signal <= 64 ? signal : 0;
}

/// A signal without a handler would end the process.
bool catches(pid_t pid, int signal) {
  std::istringstream lines(contents(pid, "status"));
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("SigCgt:", 0) == 0) return std::strtoull(line.c_str() + 7, nullptr, 16) >> (signal - 1) & 1;
  return false;
}

uid_t owner_of(pid_t pid) {
  struct stat about;
  return stat(fmt::format("/proc/{}", pid).c_str(), &about) == 0 ? about.st_uid : 0;
}

int listening_socket() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("kmem-validate.{}", getpid());
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), bytes) || listen(fd, 8))
    throw Failure(fmt::format("a socket: {}", std::strerror(errno)));
  return fd;
}

bool wait_for(int fd, unsigned seconds) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, static_cast<int>(seconds * 1000)) == 1;
}

}  // namespace

LiveProcess::LiveProcess(pid_t pid, unsigned timeout_seconds) : pid_(pid), timeout_(timeout_seconds), signal_(signal_of(pid)) {
  if (!signal_)
    throw Failure(
        fmt::format("process {} was not started with the boot word validate_signal=N; try: kmem run --boot "
                    "validate_signal=40 -- PROGRAM",
                    pid));
  if (!catches(pid, signal_))
    throw Failure(
        fmt::format("process {} does not listen to signal {}: it does not run on kmem's malloc, or has given the "
                    "signal another meaning",
                    pid, signal_));
  socket_ = listening_socket();
}

LiveProcess::~LiveProcess() {
  if (socket_ >= 0) close(socket_);
}

/// Of others than the process's user nothing is taken.
int LiveProcess::accept_one() const {
  while (wait_for(socket_, timeout_)) {
    const int fd = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    ucred peer{};
    socklen_t bytes = sizeof peer;
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && (peer.uid == owner_of(pid_) || peer.uid == 0))
      return fd;
    if (fd >= 0) close(fd);
  }
  throw Failure(kUnknown,
                fmt::format("process {} does not answer: all its threads block signal {}, or it is stopped", pid_, signal_));
}

std::string LiveProcess::read_all(int fd) const {
  std::string text;
  char part[65536];
  while (wait_for(fd, timeout_)) {
    const ssize_t n = read(fd, part, sizeof part);
    if (n <= 0) break;
    text.append(part, static_cast<size_t>(n));
  }
  close(fd);
  return text;
}

LiveProcess::Answer LiveProcess::look() {
  sigval value{};
  value.sival_int = getpid();
  if (sigqueue(pid_, signal_, value)) throw Failure(fmt::format("process {}: {}", pid_, std::strerror(errno)));
  const std::string text = read_all(accept_one());
  size_t start = text.rfind("{", 0) == 0 ? 0 : text.find("\n{");
  if (start != std::string::npos && start) ++start;
  Answer answer;
  if (start != std::string::npos) answer.report = nlohmann::json::parse(text.substr(start), nullptr, false);
  if (!answer.report.is_object())
    throw Failure(kUnknown, fmt::format("process {} gave no report: the structures changed under the look; try again", pid_));
  answer.said = text.substr(0, start);
  return answer;
}

}  // namespace kmem::tool
