#pragma once
// What a program that is made to fail leaves behind, also when it crashes: a page or two in a file that it shares with
// whoever started it, and with every process that it starts itself.

#include "base/atomic.h"
#include "base/types.h"

namespace kmem {

/// Zero at first.  The first failure fills the description and says so by `described`; later ones only count.
struct FaultRecord {
  static constexpr unsigned kMaxFrames = 24;
  /// Where the code at an address came from: a place in a file.
  struct Frame {
    uint64_t address = 0;
    uint64_t offset = 0;
    char module[232] = {};
  };
  enum Described : uint32_t { Nothing, Filling, Whole };

  Atomic<uint64_t> nr_points;  // failure points passed since the start
  Atomic<uint64_t> nr_failed;
  Atomic<uint32_t> described;
  uint32_t gfp = 0;
  uint64_t size = 0;
  uint32_t point = 0;
  uint32_t nr_frames = 0;
  char cache[32] = {};
  Frame frames[kMaxFrames];
};
inline constexpr size_t kFaultRecordBytes = 8192;
static_assert(sizeof(FaultRecord) <= kFaultRecordBytes);

}  // namespace kmem
