#pragma once
// Open files, by number; and the frame around each call of one.

#include <linux/fs.h>

#include "fs/nodes.h"

namespace kmem_driver {

/// One call of an open file: holds a reference to the file, and checks afterwards that the driver left no lock held or
/// preemption off.
class Call {
 public:
  explicit Call(int fd);
  ~Call();
  Call(const Call&) = delete;
  explicit operator bool() const { return file_ && entered_; }
  /// -EBADF, or -EIO for a removed node.
  int error() const { return file_ ? -EIO : -EBADF; }
  file* operator->() const { return file_; }
  file* get() const { return file_; }
  /// The result for the program: -EINTR if a signal ended the call.
  static long seen(long result);

 private:
  file* file_;
  bool entered_;
};

Node* node_of(const file* file);
/// Opens the node, and passes the caller's reference to the file. ERR_PTR() on failure.
file* open_node(Node* node, int flags);
int number_of(file* file);

}  // namespace kmem_driver
