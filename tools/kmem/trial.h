#pragma once
// One run of a program, one of whose failure points fails.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stack_trace.h"

namespace kmem::tool {

/// What stays the same from trial to trial.
struct TrialSetup {
  std::string path;                  // of the program
  std::vector<std::string> command;  // PROGRAM ARGS
  std::string library;
  std::string boot_words;
  std::string input;         // standard input; empty: none
  double timeout = 0;        // seconds; 0: none
  bool show_output = false;  // the program's output goes where ours goes
};

/// What the program still held when it ended, all its processes together, in bytes; "pages" and "mapped" beside the
/// caches.
using Holdings = std::map<std::string, uint64_t>;
uint64_t total(const Holdings& holdings);

/// The first failure: what was asked for, and by whom.
struct FailedCall {
  bool known = false;
  std::string point, cache;
  uint64_t size = 0;
  uint32_t gfp = 0;
  std::shared_ptr<const SavedStack> stack;  // for walk_stack(), which takes its time
};

struct Outcome {
  uint64_t n = 0;
  bool forever = false;
  uint64_t nr_points = 0;  // passed until the end
  uint64_t nr_failed = 0;  // 0: the n-th point was not reached
  bool timed_out = false;
  int wait_status = 0;
  double seconds = 0;
  bool reported = false;   // it left a report at its end
  std::string broken;      // the rule that a structure of kmem's breaks
  std::string complaint;   // the first that kmem said of a misuse
  std::string last_words;  // the end of its standard error
  Holdings holdings;
  FailedCall failed;

  bool crashed() const;
};

/// Runs the program with its n-th point failing; n = 0 only counts.  It gets a process group of its own, which is ended
/// with it.  `cpu`: where it runs, or -1.  `stop`: set, it is ended at once.  May be called by several threads.
Outcome run_trial(const TrialSetup& setup, uint64_t n, bool forever, int cpu, const std::atomic<bool>& stop);

}  // namespace kmem::tool
