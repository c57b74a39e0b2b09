#pragma once
// Who did something to an object, and when.

#include "base/types.h"
#include "watch/report.h"

namespace kmem {

/// Written by whoever holds the object; read by reports, which may see half of it where the program races.
struct Owner {
  static constexpr unsigned kFrames = 16;

  uint64_t when_ns = 0;  // 0: nobody yet
  uint32_t task = 0;
  uint16_t cpu = 0;
  uint16_t nr_frames = 0;
  void* frames[kFrames] = {};

  /// The caller, now.
  void record();
  /// "Allocated in ... age=... cpu=... pid=...", and the callers' addresses; nothing where there was nobody.
  void print(Report& report, const char* what) const;
};

}  // namespace kmem
