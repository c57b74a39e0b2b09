#pragma once
// What tests of a driver's surroundings share.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include <kmem/driver.h>
#include <linux/kthread.h>
#include <linux/sched.h>

namespace test {

/// Spins until it holds.  What takes a minute and does not come is not on its way.
template <typename F>
void until(F condition) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > patience) {
      ADD_FAILURE() << "what the test waits for does not come";
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

/// A file of the simulated tree: its text, or -errno as text.
inline std::string read_file(const std::string& path) {
  const int fd = kmem_driver_open(path.c_str(), O_RDONLY);
  if (fd < 0) return std::to_string(fd);
  char text[256] = {};
  const ssize_t n = kmem_driver_read(fd, text, sizeof(text) - 1);
  kmem_driver_close(fd);
  return n < 0 ? std::to_string(n) : text;
}
/// How many bytes were written, or -errno.
inline long write_file(const std::string& path, const std::string& text) {
  const int fd = kmem_driver_open(path.c_str(), O_WRONLY);
  if (fd < 0) return fd;
  const long n = kmem_driver_write(fd, text.data(), text.size());
  kmem_driver_close(fd);
  return n;
}

/// A thread of the program, whose task is known.
class Thread {
 public:
  explicit Thread(std::function<void()> body)
      : thread_([this, body] {
          task_ = get_current();
          body();
          kmem_driver_outside(0);
        }) {
    until([&] { return task_.load() != nullptr; });
  }
  ~Thread() { join(); }
  void join() {
    if (!thread_.joinable()) return;
    kmem_driver_outside(1);
    thread_.join();
    kmem_driver_outside(0);
  }
  task_struct* task() const { return task_; }
  bool sleeps_in(unsigned state) const { return (__atomic_load_n(&task()->__state, __ATOMIC_SEQ_CST) & state) != 0; }
  void wait_until_it_sleeps(unsigned state) const {
    until([&] { return sleeps_in(state); });
  }

 private:
  std::atomic<task_struct*> task_{nullptr};
  std::thread thread_;
};

/// The test's own thread does not count where time is virtual; the log begins empty.
struct VirtualTime : testing::Test {
  VirtualTime() {
    kmem_driver_virtual_time(1);
    kmem_driver_log_clear();
  }
  ~VirtualTime() override { kmem_driver_virtual_time(0); }
  unsigned long long begin = kmem_driver_now_ns();
  unsigned long long passed_ms() const { return (kmem_driver_now_ns() - begin) / 1'000'000; }
};

/// What kmem and the drivers say on standard error while it runs.
template <typename F>
std::string said_by(F body) {
  testing::internal::CaptureStderr();
  body();
  return testing::internal::GetCapturedStderr();
}
inline bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

inline bool logged(const char* text) { return kmem_driver_log_has(text) != 0; }

}  // namespace test
