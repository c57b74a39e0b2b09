#pragma once
// Functions that may free memory when it has run out: <linux/oom.h>.

#include "page/registry.h"
#include "watch/counters.h"

namespace kmem {

struct OomNotifier {
  /// Returns false if the notifiers after it must not be called.
  bool (*call)(OomNotifier& self, uint64_t& freed) = nullptr;
  void* owner = nullptr;
  int priority = 0;  // the highest first
};

class OomNotifiers {
 public:
  bool add(OomNotifier& notifier) { return table_.add(notifier); }
  /// Waits until its running calls have ended.  Task context.
  bool remove(OomNotifier& notifier) { return table_.remove(notifier); }
  bool has(OomNotifier& notifier) { return table_.has(notifier); }

  /// Calls the notifiers, the highest priority first; returns the number of pages that they report as freed. One caller at a
  /// time does it; the others wait for at most 10 ms and return 1, so that they retry. `rounds` counts the calls of call_all()
  /// that did it.  Task context.
  uint64_t call_all(Counter& rounds);
  void after_fork() { running_.store(0), table_.after_fork(); }
  Fault check() const { return table_.check(); }

 private:
  Registry<OomNotifier, 64> table_;
  WaitWord<uint32_t> running_{0};
};

}  // namespace kmem
