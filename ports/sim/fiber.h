#pragma once
// A stack for each task, and the switch from one to another. The sanitizers are told about both.

#include <stddef.h>
#include <ucontext.h>

#include <memory>

namespace sim_port {

class Fiber {
 public:
  static constexpr size_t kStackBytes = size_t{256} << 10;

  /// The program's initial thread.
  Fiber();
  /// `entry` must never return.
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Switches to `to`; returns when another fiber switches back to `from`.
  static void go(Fiber& from, Fiber& to);
  /// Must be called first by a new fiber.
  static void entered();

 private:
  ucontext_t context_ = {};
  std::unique_ptr<char[]> own_stack_;
  const void* stack_ = nullptr;
  size_t stack_bytes_ = 0;
  [[maybe_unused]] void* sanitizer_ = nullptr;
};

}  // namespace sim_port
