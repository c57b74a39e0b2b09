#include "service.h"

#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "mappings.h"
#include "request.h"
#include "stacks.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, unsigned long long)
#endif

namespace kmem::driver_host {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kTick = milliseconds(10);
constexpr int kEintr = -EINTR, kRestartSys = -512, kRestartNoIntr = -513, kRestartNoHand = -514, kRestartBlock = -516;

struct Listener {
  int fd;
  bool exact;
  OpenFiles& files;
  std::atomic<int> idle{0};
  std::atomic<bool> ended{false};

  Listener(int of, bool is_exact, OpenFiles& all_files) : fd(of), exact(is_exact), files(all_files) {}
  ~Listener() { ::close(fd); }
  Listener(const Listener&) = delete;
};
/// Each thread that may still look at it has one.
using ListenerPointer = std::shared_ptr<Listener>;

/// A call that is being answered.
struct Current {
  std::mutex mutex;
  unsigned long long id = 0;  // 0: none
  pid_t pid = 0;
  const Listener* listener = nullptr;
  Clock::time_point began;
  std::atomic<bool> interrupted{false};
};

std::mutex all_mutex;
std::list<Current*> all;
std::atomic<unsigned> served{0};
std::atomic<bool> crashed{false};
thread_local Current* mine = nullptr;

// Memory of the program, for copy_from_user() and its kin --------------------------------------------------------------

size_t take(void* to, const void* from, size_t n, void* pid) {
  return n - read_memory(*static_cast<pid_t*>(pid), to, reinterpret_cast<unsigned long>(from), n);
}
size_t put(void* to, const void* from, size_t n, void* pid) {
  return n - write_memory(*static_cast<pid_t*>(pid), reinterpret_cast<unsigned long>(to), from, n);
}

// One call -----------------------------------------------------------------------------------------------------------

/// While it is there, the thread is the program's, for the driver.
class Acting {
 public:
  Acting(const seccomp_notif& what, const Listener& listener, const kmem_driver_caller& who) : pid_(who.pid) {
    mine->interrupted = false;
    set(what.id, &listener);
    kmem_driver_act_as(&who);
    kmem_driver_set_user(&user_);
  }
  ~Acting() {
    set(0, nullptr);
    kmem_driver_set_user(nullptr);
    kmem_driver_act_as(nullptr);
  }
  Acting(const Acting&) = delete;

 private:
  void set(unsigned long long id, const Listener* listener) {
    const std::lock_guard lock(mine->mutex);
    mine->id = id;
    mine->pid = pid_;
    mine->listener = listener;
    mine->began = Clock::now();
  }
  pid_t pid_;
  kmem_driver_user user_ = {take, put, &pid_};
};

bool names_a_path(int nr) {
  switch (nr) {
    case SYS_openat:
    case SYS_openat2:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_fstat:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_fchmodat:
    case SYS_fchownat:
    case SYS_unlinkat:
    case SYS_mknodat:
#ifdef SYS_open
    case SYS_open:
    case SYS_creat:
    case SYS_stat:
    case SYS_lstat:
    case SYS_access:
    case SYS_chmod:
    case SYS_chown:
    case SYS_unlink:
    case SYS_mknod:
#endif
      return true;
    default: return false;
  }
}

bool waits(int nr) {
#ifdef SYS_poll
  if (nr == SYS_poll || nr == SYS_select) return true;
#endif
  return nr == SYS_ppoll || nr == SYS_pselect6 || nr == SYS_epoll_ctl;
}

Answer answer(const seccomp_notif& what, Listener& listener) {
  const int nr = what.data.nr;
  const bool path = names_a_path(nr);
  if (nr == SYS_munmap && !are_any_mapped()) return pass();
  if (!path && nr != SYS_munmap && listener.files.none()) return pass();
  // The driver's file, if it is one, before anything else is asked about the program.
  if (!path && !waits(nr) && nr != SYS_sendfile && nr != SYS_copy_file_range && nr != SYS_splice && nr != SYS_mmap &&
      nr != SYS_munmap && !listener.files.find(static_cast<pid_t>(what.pid), static_cast<int>(what.data.args[0])))
    return pass();
  const kmem_driver_caller who = who_is(static_cast<pid_t>(what.pid), false);
  const Request request = {what, listener.files, listener.fd, listener.exact, who};
  const Acting acting(what, listener, who);
  const Answer a = path ? answer_path_call(request) : waits(nr) ? answer_waiting_call(request) : answer_file_call(request);
  if (a.ours && !waits(nr)) listener.files.look_at_all();
  return a;
}

/// A restart is for a signal that the program really has; else the caller hears of an interruption.
long as_program_sees(long value) {
  if (value == kRestartBlock) return kEintr;
  const bool restarts = value == kRestartSys || value == kRestartNoIntr || value == kRestartNoHand;
  return restarts && !was_interrupted() ? kEintr : value;
}

void send_answer(const Listener& listener, unsigned long long id, const Answer& a) {
  if (a.give >= 0) {
    seccomp_notif_addfd add = {};
    add.id = id;
    add.srcfd = static_cast<unsigned>(a.give);
    add.flags = SECCOMP_ADDFD_FLAG_SEND;
    add.newfd_flags = a.close_on_exec ? O_CLOEXEC : 0;
    const int fd = ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    const int error = errno;
    ::close(a.give);
    if (fd >= 0 || error == ENOENT) return;
    return send_answer(listener, id, result(-error));
  }
  seccomp_notif_resp response = {};
  response.id = id;
  const long value = as_program_sees(a.value);
  if (!a.ours) response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  else if (value < 0) response.error = static_cast<int>(value);
  else response.val = value;
  ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

// Threads that take calls ------------------------------------------------------------------------------------------------

void work(ListenerPointer listener);

void start_worker(const ListenerPointer& listener) {
  ++listener->idle;
  std::thread(work, listener).detach();
}

/// Counts the caller among the threads that take the next calls; false: there are enough.  Who leaves is never counted:
/// others would rely on it, and nobody took the next call.
bool become_idle(Listener& listener) {
  constexpr int kMostIdle = 4;
  int idle = listener.idle;
  while (idle < kMostIdle)
    if (listener.idle.compare_exchange_weak(idle, idle + 1)) return true;
  return false;
}

/// One thread is always there to take the next call, however long those before it sleep.
void work(ListenerPointer listener) {
  const OwnStack stack;
  Current current;
  mine = &current;
  {
    const std::lock_guard lock(all_mutex);
    all.push_back(&current);
  }
  while (!listener->ended) {
    seccomp_notif what = {};
    if (ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_RECV, &what)) {
      if (errno == EINTR || errno == ENOENT) continue;
      break;
    }
    if (--listener->idle == 0) start_worker(listener);
    const Answer a = answer(what, *listener);
    // Idle before the program goes on: its next call finds this thread.
    const bool stays = become_idle(*listener);
    if (!a.already) send_answer(*listener, what.id, a);
    if (!stays) break;
  }
  const std::lock_guard lock(all_mutex);
  all.remove(&current);
}

/// The last process has ended: the threads that wait for calls of it end too.
void wait_for_end(ListenerPointer listener) {
  const OwnStack stack;
  pollfd end = {listener->fd, 0, 0};
  while (poll(&end, 1, -1) < 0 || !(end.revents & POLLHUP)) continue;
  listener->ended = true;
  listener->files.reap(false);
  --served;
}

// Signals -------------------------------------------------------------------------------------------------------------

bool still_there(const Current& c) {
  unsigned long long id = c.id;
  return !ioctl(c.listener->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

/// The kernel does not tell us of signals; so calls that take long are looked at again and again.
void look_for_signal(Current& c) {
  const std::lock_guard lock(c.mutex);
  if (!c.id || Clock::now() - c.began < kTick) return;
  int signal = 0;
  if (!still_there(c)) {
    signal = SIGKILL;
  } else if (c.listener->exact) {
    const Signals s = signals_of(c.pid);
    if (const unsigned long taken = s.pending & ~s.blocked) signal = __builtin_ctzl(taken) + 1;
  }
  if (!signal) return;
  c.interrupted = true;
  kmem_driver_signal(c.pid, signal);
}

void tick() {
  for (;;) {
    std::this_thread::sleep_for(kTick);
    const std::lock_guard lock(all_mutex);
    for (Current* c : all) look_for_signal(*c);
  }
}

/// Wake-ups of the driver's that no call of a program has caused.
void follow(OpenFiles* files) {
  const OwnStack stack;
  for (;;) {
    pollfd woken = {wake_ups(), POLLIN, 0};
    if (poll(&woken, 1, -1) < 1) continue;
    unsigned long n;
    if (::read(woken.fd, &n, sizeof n) == sizeof n) files->look_at_all();
  }
}

// Crashes -----------------------------------------------------------------------------------------------------------------

void say(const char* text) { [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text, std::strlen(text)); }

/// As the kernel after an oops: the call ends, what it held stays held, everything else goes on.
void on_crash(int signal) {
  void* frames[32];
  say("kmem driver: Oops: the driver was ended by signal ");
  say(strsignal(signal));
  say("\n");
  backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
  crashed = true;
  if (!mine || !mine->id) {
    ::signal(signal, SIG_DFL);  // not in a call of a program
    raise(signal);
  } else {
    seccomp_notif_resp response = {};
    response.id = mine->id;
    response.error = -EFAULT;
    ioctl(mine->listener->fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
  for (;;) pause();
}

}  // namespace

bool was_interrupted() { return mine && mine->interrupted; }
unsigned nr_served() { return served; }
bool has_crashed() { return crashed; }

void catch_crashes() {
  void* first[1];
  backtrace(first, 1);  // what it loads is loaded now
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP}) sigaction(signal, &action, nullptr);
}

void start_watching(OpenFiles& files) {
  wake_ups();
  static OpenFiles* signalled;
  signalled = &files;
  kmem_driver_on_async([](int, int, int file, int) { signalled->signal(file); });
  std::thread(tick).detach();
  std::thread(follow, &files).detach();
  std::thread([&files] {
    const OwnStack stack;
    for (;;) files.reap(true);
  }).detach();
}

void serve(int listener, bool exact, OpenFiles& files) {
  // Who is woken by an answer runs on where the answer came from; older kernels do not have it.
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1);
  const auto l = std::make_shared<Listener>(listener, exact, files);
  ++served;
  start_worker(l);
  std::thread(wait_for_end, l).detach();
}

}  // namespace kmem::driver_host
