#pragma once
// The memory of a target at its own addresses in this process, which is a child made for it: a page comes when it is touched.

#include <csetjmp>
#include <cstdint>
#include <string>

#include "target.h"

namespace kmem::tool {

/// What went wrong in a part of a look.
struct Astray {
  enum Kind : int { None, Address, Time, Memory, Check } kind = None;
  uint64_t address = 0;  // of Address
  std::string text() const;
};

/// One to a process, for the rest of its life.
class Mirror {
 public:
  /// False where memory that kmem may be in - anonymous, or of the file `module` - would come to lie over our own: then the
  /// mirror cannot be.
  static bool fits(const Target& target, const std::string& module);

  explicit Mirror(Target& target);
  /// Runs what reads the target's memory through its pointers.  Where that goes astray - an address with nothing behind it, no
  /// end after `seconds` of CPU time, too much memory - it is left as by longjmp(): what it had allocated is lost.
  template <typename F>
  Astray run(F work, unsigned seconds = 2) {
    astray_ = {};
    begin(seconds);
    if (sigsetjmp(back_, 1) == 0) work();
    end();
    return astray_;
  }
  uint64_t lost_bytes() const { return lost_; }
  uint64_t mapped_bytes() const { return mapped_; }

  /// For the signal handler.
  bool fill(uint64_t at);
  [[noreturn]] void leave(Astray::Kind kind, uint64_t address);
  bool is_running() const { return running_; }

 private:
  void begin(unsigned seconds);
  void end();

  Target& target_;
  sigjmp_buf back_;
  Astray astray_;
  volatile bool running_ = false;
  uint64_t mapped_ = 0, lost_ = 0, limit_;
};

}  // namespace kmem::tool
