#pragma once
// The record of injected failures, which survives a crash of the program: a file that the program shares with its parent and
// with every process that it starts.

#include "base/atomic.h"
#include "base/types.h"
#include "port/saved_stack.h"

namespace kmem {

/// Zero at first.  The first failure fills the description and then sets `described`; later ones only count.
struct FaultRecord {
  enum Described : uint32_t { Nothing, Filling, Whole };

  Atomic<uint64_t> nr_points;  // failure points passed since the start
  Atomic<uint64_t> nr_failed;
  Atomic<uint32_t> described;
  uint32_t gfp = 0;
  uint64_t size = 0;
  uint32_t point = 0;
  uint32_t spare = 0;
  char cache[32] = {};
};
/// With the stack of the first failure.
struct SharedFaultRecord : FaultRecord {
  SavedStack stack;
};

}  // namespace kmem
