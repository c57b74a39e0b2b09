#pragma once
// What a driver's file is ready for, as a descriptor that the kernel can wait for: one end of a pair of sockets, which is
// readable and writable as the driver says.

#include <kmem/driver.h>

namespace kmem::driver_host {

class Readiness {
 public:
  /// Of an open file, by its number; `descriptor()` is -1 where there is no memory or no descriptor.
  explicit Readiness(int driver);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  int descriptor() const { return shown_; }
  /// Asks the driver, and makes the socket so.  Not from two threads at a time.
  void look();

 private:
  void set_readable(bool to);
  void set_writable(bool to);

  kmem_driver_watch* watch_ = nullptr;
  int shown_ = -1, other_ = -1;
  bool readable_ = false, writable_ = true;
};

/// A descriptor that is readable whenever a driver has woken somebody who waits for a file since it was last read.
int wake_ups();

}  // namespace kmem::driver_host
