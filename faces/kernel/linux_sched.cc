// The current task.

#include <linux/sched.h>

#include "port/port.h"
#include "port/task.h"
#include "sync/wait_word.h"
#include "watch/context.h"
#include "watch/report.h"

namespace {

using kmem::RateLimit;
using kmem::TaskState;
using kmem::Trouble;

TaskState& task() { return *kmem_port_task(); }

/// How long a task runs before it should let others: about the slice of the kernel's scheduler on a machine with few CPUs.
constexpr uint64_t kTurnNs = 4'000'000;

}  // namespace

// struct task_struct is the public part of TaskState.
static_assert(offsetof(TaskState, preempt_count) == offsetof(task_struct, kmem_count) &&
              offsetof(TaskState, flags) == offsetof(task_struct, flags) && sizeof(TaskState) >= sizeof(task_struct));

extern "C" {

task_struct* get_current() noexcept { return reinterpret_cast<task_struct*>(&task()); }

int task_pid_nr(const task_struct* of) noexcept { return of == get_current() ? static_cast<int>(kmem_port_task_id()) : 0; }

char* kmem_get_task_comm(char* buffer, size_t size, const task_struct* of) noexcept {
  if (!size) return buffer;
  buffer[0] = 0;
  if (of == get_current()) kmem_port_task_name(buffer, size);
  return buffer;
}

void kmem_begin_turn() noexcept { task().turn_began.poke(0); }

int kmem_need_resched() noexcept {
  const uint64_t now = kmem_port_now_ns(), began = task().turn_began.peek();
  if (!began) task().turn_began.poke(now);
  return began && now - began >= kTurnNs;
}

int kmem_cond_resched(const char* file, int line) noexcept {
  kmem::check_sleep(file, static_cast<unsigned>(line), __builtin_return_address(0));
  if (!kmem_need_resched() || !kmem::may_sleep()) return 0;
  kmem_port_yield();
  kmem_begin_turn();
  return 1;
}

long kmem_schedule_timeout(long ticks, long hz) noexcept {
  constexpr uint64_t kSecond = 1'000'000'000;
  kmem::check_sleep("schedule_timeout", __builtin_return_address(0));
  if (ticks < 0 || hz <= 0) {
    static RateLimit limit;
    kmem::bug_report_limited(limit, Trouble::Bug, "schedule_timeout: wrong timeout value %lx",
                             static_cast<unsigned long>(ticks));
    return 0;
  }
  if (!kmem::may_sleep()) return ticks;
  const auto n = static_cast<uint64_t>(ticks), a_second = static_cast<uint64_t>(hz);
  const bool for_ever = n / a_second > kmem::kForever / kSecond / 4;
  const uint64_t until =
      for_ever ? kmem::kForever : kmem_port_now_ns() + n / a_second * kSecond + n % a_second * kSecond / a_second;
  while (kmem_port_now_ns() < until) kmem::sleep_until(until);
  kmem_begin_turn();
  return 0;
}

}  // extern "C"
