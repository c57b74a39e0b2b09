#pragma once
// Random order of a sheaf's objects.

#include "base/atomic.h"
#include "sync/sheaf.h"

namespace kmem {

/// Random numbers from one seed.  A few addresses do not reveal the order; not for cryptography.
class Dice {
 public:
  void seed(uint64_t bits) { state_.store(bits); }
  /// Any context; each call returns a different number.
  uint64_t roll() {
    uint64_t z = state_.fetch_add(0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }

 private:
  Atomic<uint64_t> state_{0};
};

/// Puts the entries of a sheaf, which is the caller's, in a random order (Fisher and Yates).
inline void shuffle(Sheaf& sheaf, uint64_t roll) {
  for (unsigned n = sheaf.count(); n > 1; --n) {
    roll = roll * 6364136223846793005u + 1442695040888963407u;
    const auto other = static_cast<unsigned>((roll >> 32) * n >> 32);
    uint64_t &a = sheaf.words[sheaf.top + n - 1], &b = sheaf.words[sheaf.top + other];
    const uint64_t entry = Sheaf::read(a);
    Sheaf::write(a, Sheaf::read(b));
    Sheaf::write(b, entry);
  }
}

/// Deals the entries of a sheaf, which is the caller's, in two to five piles, puts these on each other and cuts them anywhere.
/// So the next object is not the neighbour, unless there are very few, and chance decides which one it is; but a pile has its
/// objects in their order or the reverse, which processors prefetch and slabs take back many at once.
inline void deal_and_cut(Sheaf& sheaf, uint64_t roll) {
  const unsigned n = sheaf.capacity() - sheaf.top, piles = 2 + (roll & 3);
  const bool down = roll & 4;
  unsigned to = static_cast<unsigned>((roll >> 32) * n >> 32);
  uint64_t old[kSheafWords];
  for (unsigned i = 0; i < n; ++i) old[i] = Sheaf::read(sheaf.words[sheaf.top + i]);
  for (unsigned pile = 0; pile < piles; ++pile) {
    for (unsigned from = pile; from < n; from += piles) {
      Sheaf::write(sheaf.words[sheaf.top + to], old[down ? n - 1 - from : from]);
      to = to + 1 < n ? to + 1 : 0;
    }
  }
}

}  // namespace kmem
