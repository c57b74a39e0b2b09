#pragma once
// The quarantine: holds freed objects filled with poison, so that a later write to one is found.

#include "base/atomic.h"
#include "watch/counters.h"

namespace kmem {

/// First in, first out, up to a number of bytes and of objects.  Lock-free, any context: an object that does not fit
/// evicts the oldest, and the thread that pushed releases the evicted object.
///
/// A thread takes the number of an entry at the back and writes the entry; a thread that takes the number at the front
/// empties it. If a thread writes late, the front may have passed its entry: then the thread itself releases what lies there.
/// So each object leaves exactly once, though not always in order, and none stays behind the front.
class Quarantine {
 public:
  static constexpr uint32_t kPlaces = 1 << 15;
  static size_t metadata_bytes() { return kPlaces * sizeof(uint64_t); }

  struct Entry {
    void* object = nullptr;
    uint32_t cache_id = 0;
    explicit operator bool() const { return object != nullptr; }
  };

  /// `most_bytes`: 0 if only hardened caches use it, and nothing until there is one.
  void init(void* metadata, uint64_t most_bytes) {
    places_ = static_cast<Atomic<uint64_t>*>(metadata);
    most_bytes_.store(most_bytes);
    for_all_ = most_bytes != 0;
  }
  /// From now on it holds at least so many bytes.
  void allow(uint64_t bytes) {
    for (uint64_t seen = most_bytes_.load(); seen < bytes && !most_bytes_.compare_exchange(seen, bytes);) {
    }
  }
  bool on() const { return most_bytes_.peek() != 0; }
  /// Do the objects of all debugged caches pass through it?
  bool for_all() const { return for_all_; }

  /// Adds an object, and calls `release` with each entry that it evicts: the oldest ones, until the limits hold.
  template <typename Release>
  void push(Entry entry, uint32_t bytes, Release release) {
    bytes_.fetch_add(bytes);
    const uint64_t at = back_.fetch_add(1);
    exchange(at, word_of(entry), release);
    if (KMEM_UNLIKELY(front_.load() > at)) exchange(at, 0, release);
    while (const Entry out = pop_if([this](uint64_t front) { return too_full(front); })) release(out);
  }
  /// Takes the oldest entry.
  Entry pop() {
    return pop_if([](uint64_t) { return true; });
  }
  /// To be called for an entry that was evicted or popped: subtracts its bytes.
  void left(uint32_t bytes) { bytes_.fetch_sub(bytes); }

  uint64_t bytes() const { return bytes_.peek(); }
  uint64_t most_bytes() const { return most_bytes_.peek(); }
  /// Calls look() for every entry, on a quiet system.
  template <typename Look>
  void each(Look look) const {
    for (uint32_t i = 0; on() && i < kPlaces; ++i)
      if (const Entry entry = entry_of(places_[i].peek())) look(entry);
  }
  uint64_t nr() const { return on() ? back_.peek() - front_.peek() : 0; }

 private:
  template <typename Release>
  void exchange(uint64_t at, uint64_t word, Release release) {
    if (const Entry out = entry_of(places_[at % kPlaces].exchange(word))) release(out);
  }
  template <typename Wanted>
  Entry pop_if(Wanted wanted) {
    for (;;) {
      uint64_t front = front_.load();
      if (front >= back_.load() || !wanted(front)) return {};
      if (!front_.compare_exchange(front, front + 1)) continue;
      if (const Entry entry = entry_of(places_[front % kPlaces].exchange(0))) return entry;
    }
  }
  static constexpr unsigned kIdShift = 48;  // addresses of user space and of the direct map have 47 bits
  static uint64_t word_of(Entry entry) {
    return uint64_t{entry.cache_id} << kIdShift | reinterpret_cast<uint64_t>(entry.object);
  }
  static Entry entry_of(uint64_t word) {
    return {reinterpret_cast<void*>(word & ((uint64_t{1} << kIdShift) - 1)), static_cast<uint32_t>(word >> kIdShift)};
  }
  bool too_full(uint64_t front) const { return bytes_.load() > most_bytes_.peek() || back_.load() - front >= kPlaces - 64; }

  Atomic<uint64_t>* places_ = nullptr;
  Atomic<uint64_t> most_bytes_{0};
  bool for_all_ = false;
  Atomic<uint64_t> bytes_{0};
  Atomic<uint64_t> front_{0}, back_{0};
};

}  // namespace kmem
