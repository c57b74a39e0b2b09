#pragma once
// Freed objects that are not yet free: held back, filled with poison, so that who still uses one is found out.

#include "base/atomic.h"
#include "watch/counters.h"

namespace kmem {

/// First in, first out, up to a number of bytes and of objects.  Lock-free, any context: an object that does not fit
/// pushes out the oldest, and whoever pushed lets that one go.
///
/// A place of the ring is written by whoever drew its number at the back, and emptied by whoever drew it at the front.
/// One who is slow to write may find that the front has passed: the object then stays in its place until the ring comes
/// round again, and leaves it then.  So each object comes out exactly once, though not always in its turn.
class Quarantine {
 public:
  static constexpr uint32_t kPlaces = 1 << 15;
  static size_t metadata_bytes() { return kPlaces * sizeof(uint64_t); }

  struct Entry {
    void* object = nullptr;
    uint32_t cache_id = 0;
    explicit operator bool() const { return object != nullptr; }
  };

  void init(void* metadata, uint64_t most_bytes) {
    places_ = static_cast<Atomic<uint64_t>*>(metadata);
    most_bytes_ = most_bytes;
  }
  bool on() const { return most_bytes_ != 0; }

  /// Holds an object back.  What had to leave its place for it, if anything, is the caller's.
  Entry push(Entry entry, uint32_t bytes) {
    bytes_.fetch_add(bytes);
    const uint64_t at = back_.fetch_add(1);
    return entry_of(places_[at % kPlaces].exchange(word_of(entry)));
  }
  /// The oldest, if more is held than may be (`all`: if anything is).  It is then the caller's.
  Entry pop(bool all = false) {
    for (;;) {
      uint64_t front = front_.load();
      if (front >= back_.load() || (!all && !too_full(front))) return {};
      if (!front_.compare_exchange(front, front + 1)) continue;
      if (const Entry entry = entry_of(places_[front % kPlaces].exchange(0))) return entry;
    }
  }
  /// What push() and pop() gave is no longer held.
  void left(uint32_t bytes) { bytes_.fetch_sub(bytes); }

  uint64_t bytes() const { return bytes_.peek(); }
  uint64_t most_bytes() const { return most_bytes_; }
  /// Looks at everything that is held, on a quiet system.
  template <typename Look>
  void each(Look look) const {
    for (uint32_t i = 0; on() && i < kPlaces; ++i)
      if (const Entry entry = entry_of(places_[i].peek())) look(entry);
  }
  uint64_t nr() const { return on() ? back_.peek() - front_.peek() : 0; }

 private:
  static constexpr unsigned kIdShift = 48;  // addresses of user space and of the direct map have 47 bits
  static uint64_t word_of(Entry entry) { return uint64_t{entry.cache_id} << kIdShift | reinterpret_cast<uint64_t>(entry.object); }
  static Entry entry_of(uint64_t word) {
    return {reinterpret_cast<void*>(word & ((uint64_t{1} << kIdShift) - 1)), static_cast<uint32_t>(word >> kIdShift)};
  }
  bool too_full(uint64_t front) const { return bytes_.load() > most_bytes_ || back_.load() - front >= kPlaces - 64; }

  Atomic<uint64_t>* places_ = nullptr;
  uint64_t most_bytes_ = 0;
  Atomic<uint64_t> bytes_{0};
  Atomic<uint64_t> front_{0}, back_{0};
};

}  // namespace kmem
