#pragma once
// The elements that a memory pool holds in reserve.

#include "base/atomic.h"
#include "base/bits.h"
#include "base/fault.h"

namespace kmem {

/// A number of places, each of which is empty or holds an element. Lock-free, any context.
///
/// Each change is one compare-and-exchange on one place: a thread that is interrupted, killed or left behind by a fork has
/// put its element or has not.  The count beside the places is a hint: it goes up after an element was put and down before one
/// is taken, so it is never too large. Elements fill the places roughly from the first on, so the count also tells where to
/// search.
///
/// Places are made in chunks that double their number and stay where they are, so the reserve can grow in use.
///
/// Invariants on a quiet system (walked by check()):
///   M1  nr() is the number of places that hold an element
///   M2  no element is in two places
///   M3  no place beyond wanted() holds an element
class Reserve {
 public:
  static constexpr unsigned kMaxChunks = 20;
  using Place = Atomic<void*>;

  /// Room for `nr` elements; empty at first.  `places`: zeroed, places_in_chunk(0) of them.
  void init(Place* places, uint32_t nr) {
    first_chunk_ = nr;
    chunks_[0].store(places);
    nr_chunks_.store(1);
    wanted_.store(static_cast<int32_t>(nr));
  }
  /// False: it holds wanted() elements already.
  bool put(void* element);
  /// Null: it is empty.
  void* take();
  /// Takes an element beyond wanted(); null if there is none.
  void* take_surplus();
  /// Is the element here?  Looks at no more than `most` places, the likely ones.
  bool holds(const void* element, uint32_t most) const;

  int32_t wanted() const { return wanted_.peek(); }
  int32_t nr() const { return nr_.peek(); }
  bool full() const { return nr() >= wanted(); }
  /// Sets wanted(), at most room(); elements beyond it are surplus.
  void want(uint32_t nr) { wanted_.exchange(static_cast<int32_t>(nr)); }

  /// Who sees a chunk counted sees its places.
  uint32_t room() const { return places_in_chunks(nr_chunks_.load()); }
  /// The number of places of the next chunk; 0 if there can be none.
  uint32_t places_in_next_chunk() const { return nr_chunks_.peek() < kMaxChunks ? places_in_chunks(nr_chunks_.peek()) : 0; }
  /// One grower at a time.
  void add_chunk(Place* places) {
    const uint32_t n = nr_chunks_.peek();
    chunks_[n].store(places);
    nr_chunks_.store(n + 1);
  }
  unsigned nr_chunks() const { return nr_chunks_.peek(); }
  Place* chunk(unsigned i) const { return chunks_[i].peek(); }
  Fault check() const;

 private:
  friend class ReserveTestPeer;
  uint32_t places_in_chunks(uint32_t n) const { return n ? first_chunk_ << (n - 1) : 0; }
  Place& place(uint32_t index) const;
  /// Puts the element into an empty place in [from, to); `at` is its number.
  bool put_between(uint32_t from, uint32_t to, void* element, uint32_t& at);
  void* take_between(uint32_t from, uint32_t to);

  Atomic<int32_t> wanted_;  // what mempool_t calls min_nr
  Atomic<int32_t> nr_;      // and curr_nr
  uint32_t first_chunk_ = 0;
  Atomic<uint32_t> nr_chunks_;
  Atomic<Place*> chunks_[kMaxChunks];
};

}  // namespace kmem
