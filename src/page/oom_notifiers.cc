#include "page/oom_notifiers.h"

#include "page/policy.h"
#include "page/task_mark.h"

namespace kmem {
namespace {
constexpr uint64_t kWaitNs = 10'000'000;
constexpr int64_t kAboveAll = int64_t{1} << 40, kNone = -kAboveAll;
}  // namespace

uint64_t OomNotifiers::call_all(Counter& rounds) {
  if (running_.exchange(1)) {
    running_.wait_for(1, kWaitNs);
    return 1;
  }
  const TaskMark mark(task_flag::kOutOfMemory);
  rounds.add();
  uint64_t freed = 0;
  bool go_on = true;
  // From the highest priority down; among equals in the order of the table.
  for (int64_t below = kAboveAll, next; go_on; below = next) {
    next = kNone;
    table_.for_each([&](OomNotifier& n) { return (n.priority < below && n.priority > next ? next = n.priority : next), true; });
    if (next == kNone) break;
    table_.for_each([&](OomNotifier& n) { return n.priority != next || (go_on = n.call(n, freed)); });
  }
  running_.store(0);
  running_.wake_all();
  return freed;
}

}  // namespace kmem
