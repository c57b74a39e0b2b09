#pragma once
// A block of frames cut into objects of one size. Its metadata overlays the frames' descriptors.

#include "base/bits.h"
#include "page/page.h"

namespace kmem {

struct Sheaf;

/// The shape of a cache's slabs.
struct SlabShape {
  uint32_t size = 0;  // bytes from one object to the next
  uint32_t nr_objects = 0;
  Order order;
  uint32_t inverse = 0;  // ceil(2^32 / size), for dividing without a division

  constexpr uint32_t bytes() const { return static_cast<uint32_t>(order.bytes()); }
  /// Bytes of the slab that belong to no object: they lie before the first object, so that the last one ends where the
  /// slab does.
  constexpr uint32_t waste() const { return bytes() - nr_objects * size; }
  constexpr Pfn first_frame(Pfn of_it) const { return {round_down(of_it.value, order.pages())}; }
  constexpr unsigned nr_words() const { return (nr_objects + 63) / 64; }
  /// offset / size, for multiples of 8 in the first 2^18 bytes of a slab, and beyond for multiples of the size (exact there,
  /// Granlund and Montgomery 1994).
  constexpr uint32_t index_of(uint32_t offset) const { return static_cast<uint32_t>((uint64_t{offset} * inverse) >> 32); }

  /// 64-bit words of free bits for which a slab of that order has room in its descriptors.
  static constexpr unsigned room_for_words(Order order) { return static_cast<unsigned>(4 + 8 * (order.pages() - 1)); }
  /// A cache's requirements.
  struct Wish {
    uint32_t size = 0;
    uint32_t lead = 0;    // bytes at the slab's start that belong to no object
    bool shared = false;  // shared class: the free bits must fit into the first descriptor
    bool frugal = false;  // three objects suffice
  };
  /// The smallest block that wastes little and holds a few objects, or the smallest that holds one; nr_objects is 0 if
  /// none does.
  static SlabShape choose(const Wish& wish);

 private:
  static SlabShape of_order(Order order, const Wish& wish);
};

/// Lock-free.  An object is free in its slab (its bit is set) or out: with a user, in a sheaf, or between.
///
///   state            on a partial list   bits are cleared by          bits are set by
///   ───────────────  ──────────────────  ──────────────────────────   ────────────────
///   listed           yes                 no thread                    any thread that frees
///   listed, held     no: just popped     the holder                   any thread that frees
///   not listed       no                  no thread: no bit is free    a thread that frees, which then lists it
///
/// A bit is set before nr_free goes up and cleared before nr_free goes down. So nr_free may be lower than the number of
/// bits, for a moment even negative, but never higher. Therefore nr_free == nr_objects is final: the slab has every
/// object.
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
  const Page* page() const { return reinterpret_cast<const Page*>(this); }

  /// Makes a slab of frames that the caller owns: every object free, listed, held by the caller.
  void init(const SlabShape& shape, unsigned zone, uint32_t cache_id) {
    cache_id_ = cache_id;
    nr_slots_ = shape.nr_objects;
    for (unsigned w = 0; w < shape.nr_words(); ++w) {
      const unsigned left = shape.nr_objects - 64 * w;
      word(w).poke(low_mask(left < 64 ? left : 64));
    }
    flags_.poke(0);
    mark_unlinked();
    state_.store(kListed | shape.nr_objects);
    head_.store(Page::pack(PageKind::Slab, zone, shape.order, 1));
  }

  uint32_t cache_id() const { return cache_id_; }
  uint32_t nr_objects() const { return nr_slots_; }
  int32_t nr_free() const { return count(state_.peek()); }
  bool listed() const { return state_.peek() & kListed; }
  /// Are its frames from the reserve? See slab/reserve_slabs.h. Set by the holder.
  bool reserved() const { return flags_.peek() & kReserved; }
  void set_reserved(bool on) { flags_.poke((flags_.peek() & ~kReserved) | (on ? kReserved : 0)); }
  /// Is it for samples of heap profiles? For all of its life.
  bool sampled() const { return flags_.peek() & kSampled; }
  void set_sampled() { flags_.poke(flags_.peek() | kSampled); }
  /// One of both: its objects are allocated one by one, and return to it directly.
  bool apart() const { return flags_.peek() & (kReserved | kSampled); }
  /// Is its first page inaccessible? See SlabLayer. Set by the holder.
  bool guarded() const { return flags_.peek() & kGuarded; }
  void set_guarded() { flags_.poke(flags_.peek() | kGuarded); }
  Atomic<uint32_t>& link() { return link_; }
  /// In debug builds: marks a slab that was taken off its list or out of a chain. A linked slab must not be pushed.
  void mark_unlinked() {
#ifdef KMEM_DEBUG
    link_.poke(kUnlinked);
#endif
  }
  bool may_be_linked() const { return link_.peek() == kUnlinked; }  // only in debug builds

  /// Takes up to `want` objects into the sheaf; held slabs only.
  unsigned take(const SlabShape& shape, char* start, unsigned want, Sheaf& into);
  /// The same for objects at random places in the slab, chosen by `roll`.
  unsigned take_anywhere(const SlabShape& shape, char* start, unsigned want, uint64_t roll, Sheaf& into);
  /// Takes one object, chosen by `seed`.
  unsigned take_any(const SlabShape& shape, char* start, uint64_t seed, Sheaf& into);
  /// Ends the hold. True: it has free objects, and the caller must put it on a list again.
  bool release_hold();
  /// Frees objects of one word. Put::twice: the bits that were set already, which are double frees and not counted.
  struct Put {
    uint64_t twice = 0;
    bool list = false;
    bool all_free = false;
    int32_t nr_free = 0;
  };
  Put put(unsigned word, uint64_t mask);
  /// Is every object free? Then the holder may release the slab: all writes of the threads that freed them are visible.
  bool all_free() const { return count(state_.load()) == static_cast<int32_t>(nr_slots_); }
  bool is_free(unsigned index) const { return bits(index / 64) >> (index % 64) & 1; }
  uint64_t bits(unsigned w) const { return const_cast<Slab*>(this)->word(w).peek(); }

 private:
  friend class SlabTestPeer;
  static constexpr uint32_t kUnlinked = ~0u;
  static constexpr uint32_t kReserved = 1, kGuarded = 2, kSampled = 4;
  static constexpr uint64_t kListed = uint64_t{1} << 32;
  void take_bits(unsigned w, uint64_t mine, const SlabShape& shape, char* start, Sheaf& into);
  template <typename Pick>
  unsigned take_from(unsigned first, const SlabShape& shape, char* start, unsigned want, Sheaf& into, Pick pick);
  void count_taken(unsigned taken);
  static int32_t count(uint64_t state) { return static_cast<int32_t>(static_cast<uint32_t>(state)); }
  static uint64_t pack(int32_t count, uint64_t listed) { return listed | static_cast<uint32_t>(count); }

  /// The free bits continue in the descriptors of the following frames.
  Atomic<uint64_t>& word(unsigned w) { return reinterpret_cast<Atomic<uint64_t>*>(this)[4 + w]; }

  Atomic<uint64_t> head_;
  uint32_t cache_id_;
  Atomic<uint32_t> link_;
  Atomic<uint64_t> state_;
  uint32_t nr_slots_;
  Atomic<uint32_t> flags_;
  Atomic<uint64_t> bits_[4];  // the first of them
};
static_assert(sizeof(Slab) == sizeof(Page), "a slab's first words lie over one descriptor");

}  // namespace kmem
