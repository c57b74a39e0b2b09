#pragma once
// One object of the guarded pool, and its metadata.

#include "base/atomic.h"

namespace kmem {

class Cache;

/// The code, task and CPU that allocated or freed an object, and when.
struct Track {
  static constexpr unsigned kFrames = 20;
  void* frames[kFrames];
  uint32_t nr_frames;
  uint32_t task;
  uint32_t cpu;
  uint64_t at_ns;

  /// Records the caller and the time.
  void take();
};

///   state       its page      changed by
///   ─────────   ───────────   ───────────────────────────────────────────
///   Unused      closed        the thread that makes it Busy
///   Busy        in change     the thread that made it Busy; lost in the child of a fork in between
///   Allocated   open          its user writes the object; the thread that frees it makes it Busy
///   Freed       closed        the thread that makes it Busy: the one freed longest ago comes first
struct GuardedSlot {
  enum State : uint32_t { Unused, Busy, Allocated, Freed };

  Atomic<uint32_t> state;
  uint32_t size;
  char* object;
  const Cache* cache;
  Atomic<char*> opened;  // a guard unit that a bad access went to, open until the object is freed
  char cache_name[32];   // a copy, because the cache may be destroyed before a bad access to its object
  Track allocated, freed;

  bool is(State s) const { return state.load() == s; }
  char* end() const { return object + size; }
  /// Fills the rest of the page, from `from` to `to`, with the pattern.
  void paint(char* from, char* to) const;
  /// The first byte next to the object that differs from the pattern; null if none does.
  const char* find_damage(const char* from, const char* to) const;
  /// The pattern's byte at an address: different for each of eight successive addresses, so that shifted copies are found too.
  static uint8_t pattern_at(const char* at) { return static_cast<uint8_t>(0xaa ^ (reinterpret_cast<uintptr_t>(at) & 7)); }
};

}  // namespace kmem
