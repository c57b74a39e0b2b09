#pragma once
// A stack of its own for each task, and the jump from one to another.  The sanitizers are told about both.

#include <stddef.h>
#include <ucontext.h>

#include <memory>

namespace sim_port {

class Fiber {
 public:
  static constexpr size_t kStackBytes = size_t{256} << 10;

  /// The thread that the program came with.
  Fiber();
  /// `entry` must never return.
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Goes on with `to`; returns when somebody goes on with `from`.
  static void go(Fiber& from, Fiber& to);
  /// The first thing that a fiber does.
  static void entered();

 private:
  ucontext_t context_ = {};
  std::unique_ptr<char[]> own_stack_;
  const void* stack_ = nullptr;
  size_t stack_bytes_ = 0;
  [[maybe_unused]] void* sanitizer_ = nullptr;
};

}  // namespace sim_port
