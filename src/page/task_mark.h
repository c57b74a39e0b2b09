#pragma once
#include "port/port.h"
#include "port/task.h"

namespace kmem {

/// Sets some of task_flag's bits in the calling task for the lifetime of this object; scopes nest.
class TaskMark {
 public:
  explicit TaskMark(uint32_t bits) : flags_(kmem_port_task()->flags), before_(flags_.peek()) { flags_.poke(before_ | bits); }
  ~TaskMark() { flags_.poke(before_); }
  TaskMark(const TaskMark&) = delete;

 private:
  Atomic<uint32_t>& flags_;
  uint32_t before_;
};

}  // namespace kmem
