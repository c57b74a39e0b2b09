#pragma once
// Finds a number that occurs twice among many. For walkers, which may not allocate.

#include "base/types.h"

namespace kmem {

/// A small table of numbers that were seen; 0 is none.
class SeenNumbers {
 public:
  static constexpr unsigned kPlaces = 1024;
  enum class Seen : uint8_t { First, Again, NoRoom };

  Seen see(uint64_t number) {
    for (unsigned i = 0; i < kPlaces; ++i) {
      uint64_t& place = places_[(hash(number) + i) % kPlaces];
      if (place == number) return Seen::Again;
      if (place) continue;
      place = number;
      return Seen::First;
    }
    return Seen::NoRoom;
  }
  void forget() {
    for (uint64_t& place : places_) place = 0;
  }
  static uint64_t hash(uint64_t number) { return number * 0x9e3779b97f4a7c15u >> 32; }

 private:
  uint64_t places_[kPlaces] = {};
};

/// Returns a number that occurs twice, 0 if none does.  each(visit) calls visit(number) for all `nr` of them, none of which is
/// 0. Walks them several times; each walk handles only as many as fit into `seen`.
template <typename Each>
uint64_t find_twice(SeenNumbers& seen, uint64_t nr, Each each) {
  uint64_t twice = 0;
  bool complete = false;
  for (uint64_t walks = nr / (SeenNumbers::kPlaces / 2) + 1; !complete && !twice; walks *= 2) {
    complete = true;
    for (uint64_t walk = 0; walk < walks && complete && !twice; ++walk) {
      seen.forget();
      each([&](uint64_t number) {
        if (SeenNumbers::hash(number) / SeenNumbers::kPlaces % walks != walk) return;
        const auto answer = seen.see(number);
        if (answer == SeenNumbers::Seen::Again) twice = number;
        complete = complete && answer != SeenNumbers::Seen::NoRoom;
      });
    }
  }
  return twice;
}

}  // namespace kmem
