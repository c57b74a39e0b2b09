#pragma once
// The guarded pool's memory: units of one page of the host, every second of which is closed.

#include "base/atomic.h"
#include "port/port.h"

namespace kmem {

/// Units 0 and 1 are closed, then object and guard units alternate.  Other threads may read while the pool is being made.
class GuardedUnits {
 public:
  void init(uint32_t unit_bytes) { unit_bytes_ = unit_bytes; }
  void set(char* start, uint64_t bytes) {
    bytes_.poke(bytes);
    start_.store(start);
  }
  /// Null: it has no memory yet.
  char* start() const { return start_.load(); }
  uint64_t bytes() const { return bytes_.peek(); }
  uint32_t unit_bytes() const { return unit_bytes_; }

  bool contains(const void* p) const {
    return static_cast<uint64_t>(static_cast<const char*>(p) - start_.load()) < bytes_.peek();
  }
  char* unit(uint32_t index) const { return start_.peek() + uint64_t{index} * unit_bytes_; }
  /// The unit in which an address of the pool lies.
  uint32_t index_of(const void* p) const {
    return static_cast<uint32_t>(static_cast<uint64_t>(static_cast<const char*>(p) - start_.peek()) / unit_bytes_);
  }
  bool open(char* unit) const { return kmem_port_protect(unit, unit_bytes_, Protection::Open); }
  void close(char* unit) const { kmem_port_protect(unit, unit_bytes_, Protection::Closed); }
  /// The unit of an object, and the object of a unit; -1 for guard units.
  char* unit_of_object(uint32_t number) const { return unit(2 + 2 * number); }
  static int64_t object_of(uint32_t index) { return index < 2 || index % 2 ? -1 : int64_t{index - 2} / 2; }

 private:
  Atomic<char*> start_{nullptr};
  Atomic<uint64_t> bytes_{0};
  uint32_t unit_bytes_ = kPageSize;
};

}  // namespace kmem
