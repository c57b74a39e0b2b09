#pragma once
// A block of frames cut into objects of one size, laid over the frames' descriptors.

#include "base/bits.h"
#include "page/page.h"
#include "sync/index_stack.h"
#include "sync/sheaf.h"

namespace kmem {

/// The shape of a cache's slabs.
struct SlabShape {
  uint32_t size = 0;        // bytes from one object to the next
  uint32_t nr_objects = 0;
  Order order;
  uint32_t inverse = 0;     // ceil(2^32 / size), for dividing without a division

  constexpr uint32_t bytes() const { return static_cast<uint32_t>(order.bytes()); }
  /// Bytes of the slab that are nobody's: they lie before the first object, so that the last ends where the slab does.
  constexpr uint32_t waste() const { return bytes() - nr_objects * size; }
  constexpr unsigned nr_words() const { return (nr_objects + 63) / 64; }
  /// offset / size, for multiples of 8 inside a slab (at most 2^18; exact there, Granlund and Montgomery 1994).
  constexpr uint32_t index_of(uint32_t offset) const {
    return static_cast<uint32_t>((uint64_t{offset} * inverse) >> 32);
  }

  /// 64-bit words of free bits for which a slab of that order has room in its descriptors.
  static constexpr unsigned room_for_words(Order order) {
    return static_cast<unsigned>(4 + 8 * (order.pages() - 1));
  }
  /// The smallest block that wastes little and holds a few objects; nr_objects is 0 where the size has no slab.
  /// `one_descriptor`: the free bits must fit into the first descriptor.
  /// `frugal`: three will do.
  static SlabShape choose(uint32_t size, bool one_descriptor, bool frugal = false);

 private:
  static SlabShape of_order(Order order, uint32_t size, bool one_descriptor);
};

/// Lock-free.  An object is free in its slab (its bit is set) or out: with a user, in a sheaf, or between.
///
///   state            on a partial list   who may clear bits           who may set bits
///   ───────────────  ──────────────────  ──────────────────────────   ────────────────
///   listed           yes                 nobody                       whoever frees
///   listed, held     no: just popped     the holder                   whoever frees
///   not listed       no                  nobody: no free bit known    whoever frees, and then lists it
///
/// A bit is set before it is counted and cleared before it is discounted, so a holder may see nr_free short of the bits,
/// for a moment negative, and never the other way round; nr_free == nr_objects is therefore final: every object is here.
///
/// Invariants on a quiet system (walked by check()):
///   S1  nr_free is the number of free bits
///   S2  a slab with free bits is listed, and none other
///   S3  no bit beyond nr_objects is set
///   S4  the frames of the slab have its class in the frame table
class Slab {
 public:
  static Slab& of(Page* page) { return *reinterpret_cast<Slab*>(page); }
  Page* page() { return reinterpret_cast<Page*>(this); }

  /// Makes a slab of frames that the caller owns: every object free, listed, held by the caller.
  void init(const SlabShape& shape, unsigned zone, uint32_t cache_id) {
    cache_id_ = cache_id;
    nr_slots_ = shape.nr_objects;
    for (unsigned w = 0; w < shape.nr_words(); ++w) {
      const unsigned left = shape.nr_objects - 64 * w;
      word(w).poke(low_mask(left < 64 ? left : 64));
    }
    state_.store(kListed | shape.nr_objects);
    head_.store(Page::pack(PageKind::Slab, zone, shape.order, 1));
  }

  uint32_t cache_id() const { return cache_id_; }
  uint32_t nr_objects() const { return nr_slots_; }
  int32_t nr_free() const { return count(state_.peek()); }
  bool listed() const { return state_.peek() & kListed; }
  Atomic<uint32_t>& link() { return link_; }

  /// Takes up to `want` objects into the sheaf; held slabs only.
  unsigned take(const SlabShape& shape, char* start, unsigned want, Sheaf& into);
  /// Takes one object, whichever the bits of `seed` say.
  unsigned take_any(const SlabShape& shape, char* start, uint64_t seed, Sheaf& into);
  /// Ends the hold.  True: it has free objects, and the caller puts it on a list again.
  bool release_hold();
  /// Gives objects of one word back.  Returns the bits that were set before: double frees, not counted.
  struct Put { uint64_t twice = 0; bool list = false; bool all_free = false; int32_t nr_free = 0; };
  Put put(unsigned word, uint64_t mask);
  /// Is every object here?  Then the holder may take the slab apart.
  /// What those did who brought them has happened before.
  bool all_free() const { return count(state_.load()) == static_cast<int32_t>(nr_slots_); }
  bool is_free(unsigned index) const { return bits(index / 64) >> (index % 64) & 1; }
  uint64_t bits(unsigned w) const { return const_cast<Slab*>(this)->word(w).peek(); }

 private:
  friend class SlabTestPeer;
  static constexpr uint64_t kListed = uint64_t{1} << 32;
  static int32_t count(uint64_t state) { return static_cast<int32_t>(static_cast<uint32_t>(state)); }
  static uint64_t with(uint64_t state, int32_t count, bool listed) {
    return (state & ~(kListed | 0xffffffffu)) | (listed ? kListed : 0) | static_cast<uint32_t>(count);
  }

  /// The free bits go on over the descriptors of the frames that follow.
  Atomic<uint64_t>& word(unsigned w) { return reinterpret_cast<Atomic<uint64_t>*>(this)[4 + w]; }

  Atomic<uint64_t> head_;
  uint32_t cache_id_;
  Atomic<uint32_t> link_;
  Atomic<uint64_t> state_;
  uint32_t nr_slots_;
  uint32_t unused_;
  Atomic<uint64_t> bits_[4];  // the first of them
};
static_assert(sizeof(Slab) == sizeof(Page), "a slab's first words lie over one descriptor");

}  // namespace kmem
