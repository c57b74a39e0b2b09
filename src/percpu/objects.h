#pragma once
// The per-CPU variables of a program and its shared objects.

#include "base/atomic.h"
#include "port/cpu_local.h"

namespace kmem {

/// Where an object (a program, a shared library) keeps its per-CPU variables with their initial values, and the room
/// that it reserved for the copies.  Addresses in this process.
struct PercpuImage {
  char* start = nullptr;
  char* stop = nullptr;
  char* room = nullptr;
  char* room_end = nullptr;
};

enum class PercpuRefusal : uint8_t {
  None,
  TooLarge,        // more than kPercpuStride bytes of variables
  TooFar,          // the room begins behind the first copy: too much other data lies between
  TooManyCpus,     // the room ends before the last copy
  TooManyObjects,  // kMax are loaded
};

/// The objects that are loaded.  Any context, one call for an object at a time: the dynamic linker's lock is around it.
class PercpuObjects {
 public:
  static constexpr unsigned kMax = 1024;

  void init(uint32_t nr_copies) { nr_copies_ = nr_copies; }

  /// Copies the initial values for every CPU, and closes the unused rest of the room. A second call for an object changes
  /// nothing.
  PercpuRefusal add(const PercpuImage& image, uint32_t host_page);
  /// Forgets the object that begins there.
  void remove(const char* start);

  bool contains(const char* variable) const { return find(variable) != nullptr; }
  /// Does a copy of an object's variable lie at p?
  bool contains_copy(const char* p) const;
  unsigned nr_objects() const;

 private:
  struct Entry {
    Atomic<char*> start;
    Atomic<char*> stop;
  };

  PercpuRefusal refuses(const PercpuImage& image) const;
  Entry* claim(char* start);
  const Entry* find(const char* variable) const;

  uint32_t nr_copies_ = 0;
  Entry entries_[kMax];
};

}  // namespace kmem
