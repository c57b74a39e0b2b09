#include "programs.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "filter.h"

namespace kmem::driver_host {
namespace {

constexpr int kToolFailed = 125, kNotExecutable = 126, kNotFound = 127;

std::atomic<pid_t> the_program{0};
void pass_on(int signal) {
  if (the_program > 0) kill(the_program, signal);
}

/// A number, and the listener beside it if there is one: 0, 1 where it is exact, or an error number.
struct Message {
  int error;
  bool exact;
};

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  const int error = errno;
  std::fprintf(stderr, "kmem: %s: %s\n", words[0], std::strerror(error));
  _exit(error == ENOENT ? kNotFound : kNotExecutable);
}

void set_or_take(const char* name, const std::string& value) {
  if (value.empty()) unsetenv(name);
  else setenv(name, value.c_str(), 1);
}

/// Puts the filter on, hands the listener over and waits for the word to go on.
void submit(int channel) {
  bool exact = false;
  const int listener = install_filter(&exact);
  const bool sent = send_listener(channel, listener, exact);
  if (listener >= 0) ::close(listener);
  char go = 0;
  // Not read(), which is asked about already.
  if (!sent || listener < 0 || recv(channel, &go, 1, 0) != 1) _exit(kToolFailed);
  ::close(channel);
}

}  // namespace

bool send_listener(int channel, int listener, bool exact) {
  Message message = {listener < 0 ? errno : 0, exact};
  iovec piece = {&message, sizeof message};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr whole = {};
  whole.msg_iov = &piece;
  whole.msg_iovlen = 1;
  if (listener >= 0) {
    whole.msg_control = room;
    whole.msg_controllen = sizeof room;
    cmsghdr* rights = CMSG_FIRSTHDR(&whole);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &listener, sizeof(int));
  }
  return sendmsg(channel, &whole, MSG_NOSIGNAL) == sizeof message;
}

int receive_listener(int channel, bool* exact) {
  Message message = {};
  iovec piece = {&message, sizeof message};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr whole = {};
  whole.msg_iov = &piece;
  whole.msg_iovlen = 1;
  whole.msg_control = room;
  whole.msg_controllen = sizeof room;
  if (recvmsg(channel, &whole, MSG_CMSG_CLOEXEC) != sizeof message) return errno = ECONNRESET, -1;
  const cmsghdr* rights = CMSG_FIRSTHDR(&whole);
  if (message.error || !rights) return errno = message.error, -1;
  int listener;
  std::memcpy(&listener, CMSG_DATA(rights), sizeof listener);
  *exact = message.exact;
  return listener;
}

Program::Program(const std::vector<std::string>& command, const Environment& environment) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) std::abort();
  pid_ = fork();
  channel_ = ends[0];
  if (pid_) {
    ::close(ends[1]);
    return;
  }
  ::close(ends[0]);
  set_or_take("KMEM", environment.kmem);
  set_or_take("LD_PRELOAD", environment.preload);
  set_or_take("ASAN_OPTIONS", environment.asan);
  char go = 0;
  if (recv(ends[1], &go, 1, 0) != 1) _exit(kToolFailed);
  submit(ends[1]);
  become(command);
}

int Program::listener(bool* exact) {
  const char go = 1;
  if (send(channel_, &go, 1, MSG_NOSIGNAL) != 1) return -1;
  return receive_listener(channel_, exact);
}

void Program::start() {
  the_program = pid_;
  struct sigaction action {};
  action.sa_handler = pass_on;
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) sigaction(signal, &action, nullptr);
  // A terminal sends these to the program too.
  for (const int signal : {SIGINT, SIGQUIT}) ::signal(signal, SIG_IGN);
  const char go = 1;
  send(channel_, &go, 1, MSG_NOSIGNAL);
  ::close(channel_);
}

int Program::wait() {
  int status = 0;
  // Its end alone: its stops are for the thread that traces it.
  const int ended = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  pollfd end = {ended, POLLIN, 0};
  while (poll(&end, 1, -1) < 1) continue;
  while (waitpid(pid_, &status, __WNOTHREAD) < 0 && errno == EINTR) continue;
  ::close(ended);
  the_program = 0;
  return status;
}

void join(const std::string& socket_path, const std::vector<std::string>& command) {
  const int channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path)
    std::fprintf(stderr, "kmem: %s: too long\n", socket_path.c_str()), _exit(kToolFailed);
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  const char word = 'r';
  if (connect(channel, reinterpret_cast<sockaddr*>(&address), sizeof address) || send(channel, &word, 1, MSG_NOSIGNAL) != 1) {
    std::fprintf(stderr, "kmem: %s: %s\n", socket_path.c_str(), std::strerror(errno));
    _exit(kToolFailed);
  }
#ifdef PR_SET_PTRACER
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // where only a parent may read a process's memory
#endif
  submit(channel);
  become(command);
}

}  // namespace kmem::driver_host
