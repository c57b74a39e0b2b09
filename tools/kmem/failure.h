#pragma once
#include <stdexcept>
#include <string>

namespace kmem::tool {

/// Exit statuses of our own, those that env(1) and nice(1) use too; any other is the program's.
inline constexpr int kToolFailed = 125;
inline constexpr int kNotExecutable = 126;
inline constexpr int kNotFound = 127;

/// Why the tool gives up: a sentence for people, a status for scripts.
class Failure : public std::runtime_error {
 public:
  Failure(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  explicit Failure(const std::string& message) : Failure(kToolFailed, message) {}
  int status() const { return status_; }

 private:
  int status_;
};

}  // namespace kmem::tool
