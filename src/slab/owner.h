#pragma once
// The code and task that allocated or freed an object, and when.

#include "base/types.h"

namespace kmem {

class Report;

/// What was done to an object.
enum class OwnerCall : uint8_t { Alloc, Free };

/// Written by the thread that holds the object; read by reports, which may see half of it if the program races.
struct Owner {
  static constexpr unsigned kFrames = 16;

  uint64_t when_ns = 0;  // 0: not recorded
  uint32_t task = 0;
  uint16_t cpu = 0;
  uint16_t nr_frames = 0;
  void* frames[kFrames] = {};

  /// Records the caller and the time.
  void record();
  /// "Allocated in ... age=... cpu=... pid=...", and the callers by name, without kmem's own; nothing if it is not known.
  void print(Report& report, const char* what) const;
};

}  // namespace kmem
