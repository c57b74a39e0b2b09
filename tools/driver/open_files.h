#pragma once
// The driver's files that programs have open.  In a program each is the reading end of a pipe: its number says which file it
// is, wherever the descriptor was copied or inherited to, and we hear of it when the last of them is closed.

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "readiness.h"

namespace kmem::driver_host {

/// What stat() tells of a driver's file.
struct NodeFacts {
  unsigned mode = 0, major = 0, minor = 0;
  unsigned long number = 0;  // the inode's: cmp, cp and grep take two files with one number for the same
};

struct OpenFile {
  int driver = -1;  // the surroundings' number
  int ours = -1;    // the writing end
  NodeFacts node;
  std::unique_ptr<Readiness> readiness;
  std::mutex mutex;  // of `readiness`
};
using FilePointer = std::shared_ptr<OpenFile>;

class OpenFiles {
 public:
  OpenFiles();
  /// Takes the driver's file; the pipe's reading end, for the program.  -1: no more descriptors; the file is closed.
  int add(int driver, const NodeFacts& node);
  /// The file that a descriptor of a program's thread is; null.
  FilePointer find(pid_t pid, int fd);
  bool none() const { return !nr_; }
  size_t count();
  /// A number that no descriptor of ours has.
  int invalid() const { return 1 << 30; }
  /// Closes what no program has open any more.  `wait`: until there is something.
  void reap(bool wait);
  /// Asks all files for which somebody waits what they are ready for.
  void look_at_all();
  void note_watched() { ++nr_watched_; }
  /// Who wants signals of the driver's file (O_ASYNC) gets one. Any context.
  void signal(int driver);

 private:
  void close_if_unused(unsigned long number);

  std::mutex mutex_, reap_mutex_;
  std::unordered_map<unsigned long, FilePointer> files_;
  std::atomic<size_t> nr_{0};
  std::atomic<size_t> nr_watched_{0};
  int epoll_;
};

}  // namespace kmem::driver_host
