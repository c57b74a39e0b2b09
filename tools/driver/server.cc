// A driver for several programs: they come by a socket.

#include <fcntl.h>
#include <kmem/driver.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "mappings.h"
#include "options.h"
#include "service.h"

namespace kmem::driver_host {
namespace {

bool address_of(const std::string& path, sockaddr_un* address) {
  *address = {};
  address->sun_family = AF_UNIX;
  if (path.size() >= sizeof address->sun_path) return false;
  std::memcpy(address->sun_path, path.c_str(), path.size());
  return true;
}

std::string log_of(const std::string& socket) { return socket + ".log"; }

int complain(const std::string& what) {
  std::fprintf(stderr, "kmem driver: %s: %s\n", what.c_str(), std::strerror(errno));
  return kToolFailed;
}

/// A program comes: its listener, and it may go on.
void take_program(int channel, OpenFiles& files) {
  bool exact = false;
  const int listener = receive_listener(channel, &exact);
  if (listener < 0) return;
  serve(listener, exact, files);
  const char go = 1;
  send(channel, &go, 1, MSG_NOSIGNAL);
}

/// The answer to a stop: an error number, how many bytes were lost, and whether mistakes count that were reported.
struct Stopped {
  int error;
  size_t open, lost_bytes;
  bool mistaken;
};

/// Nobody finds the socket any more when the answer is there.
bool try_to_stop(int channel, Modules& modules, OpenFiles& files, const Options& options) {
  forget_ended();
  files.reap(false);
  Stopped answer = {};
  if (has_crashed()) std::fprintf(stderr, "kmem driver: the driver has crashed; it is not unloaded\n");
  answer.error = has_crashed() ? 0 : modules.unload(options.leaks);
  answer.open = files.count();
  answer.lost_bytes = modules.lost_bytes();
  if (!answer.error) answer.mistaken = (say_mistakes() && !options.mistakes_pass) || has_crashed();
  if (!answer.error) ::unlink(options.socket.c_str());
  send(channel, &answer, sizeof answer, MSG_NOSIGNAL);
  return !answer.error;
}

/// From now on what is said goes to a file beside the socket: who started us may close theirs.
bool go_behind(const std::string& socket) {
  const int log = ::open(log_of(socket).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  const int none = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  return log >= 0 && none >= 0 && dup2(none, 0) >= 0 && dup2(none, 1) >= 0 && dup2(log, 2) >= 0;
}

int serve_at(int door, int ready, const Options& options) {
  catch_crashes();
  static OpenFiles files;
  Modules modules;
  if (kmem_driver_show_system() || !modules.load(options.modules, options.leaks)) return kToolFailed;
  start_watching(files);
  if (listen(door, 16) || !go_behind(options.socket)) return complain(options.socket);
  const char yes = 1;
  if (::write(ready, &yes, 1) != 1) return kToolFailed;
  ::close(ready);
  for (bool stopped = false; !stopped;) {
    const int channel = accept4(door, nullptr, nullptr, SOCK_CLOEXEC);
    if (channel < 0) continue;
    char word = 0;
    const bool asks = recv(channel, &word, 1, 0) == 1;
    if (asks && word == 'r') take_program(channel, files);
    if (asks && word == 's') stopped = try_to_stop(channel, modules, files, options);
    ::close(channel);
  }
  return 0;
}

}  // namespace

int serve_socket(const Options& options) {
  sockaddr_un address;
  if (!address_of(options.socket, &address)) return errno = ENAMETOOLONG, complain(options.socket);
  int ready[2];
  if (pipe(ready)) return complain("pipe");
  // The driver is loaded in the process that stays: threads do not survive a fork.
  const pid_t child = fork();
  if (child < 0) return complain("fork");
  ::close(ready[child ? 1 : 0]);
  char word = 0;
  if (child) return ::read(ready[0], &word, 1) == 1 ? 0 : kToolFailed;
  setsid();
  const int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(door, reinterpret_cast<sockaddr*>(&address), sizeof address)) return complain(options.socket);
  const int status = serve_at(door, ready[1], options);
  if (status) ::unlink(options.socket.c_str());
  std::fflush(nullptr);
  _exit(status);
}

int stop(const Options& options) {
  sockaddr_un address;
  const int channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const char word = 's';
  Stopped answer = {};
  if (!address_of(options.socket, &address)) return errno = ENAMETOOLONG, complain(options.socket);
  const std::string log = log_of(options.socket);
  std::ifstream said(log);
  said.seekg(0, std::ios::end);
  if (connect(channel, reinterpret_cast<sockaddr*>(&address), sizeof address) || send(channel, &word, 1, MSG_NOSIGNAL) != 1)
    return complain(options.socket);
  if (recv(channel, &answer, sizeof answer, MSG_WAITALL) != sizeof answer) return errno = ECONNRESET, complain(options.socket);
  for (std::string line; std::getline(said, line);) std::fprintf(stderr, "%s\n", line.c_str());
  if (answer.error)
    std::fprintf(stderr, "kmem driver: it is not unloaded: %s; %zu files are open\n", std::strerror(-answer.error),
                 answer.open);
  else ::unlink(log.c_str());
  return answer.error || answer.lost_bytes || answer.mistaken ? kToolFailed : 0;
}

}  // namespace kmem::driver_host
