#pragma once
#include <linux/mutex.h>

namespace kmem_driver {

/// Holds a mutex to the end of a block.
class MutexHold {
 public:
  explicit MutexHold(mutex& lock) : lock_(lock) { mutex_lock(&lock_); }
  ~MutexHold() { mutex_unlock(&lock_); }
  MutexHold(const MutexHold&) = delete;

 private:
  mutex& lock_;
};

}  // namespace kmem_driver
