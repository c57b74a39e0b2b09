#pragma once
// Finds a cache's slabs among the frames, and its objects by address.

#include "base/fault.h"
#include "slab/slab_links.h"

namespace kmem {

struct SlabWorld;

/// Maps between addresses, frames and the slabs of one cache. Any context.
///
/// If a cache has its own class, the class gives the slab's size, and the frame number its start. For slabs of the shared
/// class, reserve slabs and those of samples included, the descriptors of later frames hold the distance to the first.
class SlabFrames {
 public:
  /// An object: its slab, and its bit there.
  struct Place {
    Slab* slab = nullptr;
    uint32_t index = 0;
  };

  /// The cache's slabs.
  struct Kind {
    uint32_t cache_id = 0;
    SlabShape shape;
    uint8_t class_byte = 0;
    uint32_t lead = 0;  // bytes of a slab before its first object
  };
  void init(const SlabWorld& world, const Kind& kind);

  const SlabShape& shape() const { return kind_.shape; }
  uint8_t class_byte() const { return kind_.class_byte; }
  uint32_t cache_id() const { return kind_.cache_id; }
  SlabLinks links() const;

  /// `slab` is null for a pointer that is no object of this cache.
  Place place_of(const void* object) const;
  /// Does an object of this cache begin at the address?
  bool owns(const void* object) const { return place_of(object).slab != nullptr; }
  /// The slab of an address that lies in one.
  Slab* slab_of(const void* object) const;
  /// The object that the address lies in; the address itself if it lies in none.
  const void* object_around(const void* p) const;
  Pfn pfn_of(const Slab* slab) const;
  char* start_of(const Slab* slab) const;
  char* first_object(const Slab* slab) const { return start_of(slab) + kind_.lead; }
  char* object_at(const Slab* slab, uint32_t index) const { return first_object(slab) + uint64_t{index} * shape().size; }
  /// Prefetches the descriptor of the slab in which the address would lie. Any address may be passed.
  void prefetch_slab_of(uint64_t address) const;

  /// Writes the class of the slab's frames, so that a free finds the cache by an address.
  void write_class(const Slab& slab);
  /// Clears the class of a slab that is released; all its objects must be free.
  void clear_class(const Slab& slab) const;

  /// Did the cache ever have a slab?
  bool any() const { return end_.peek() != 0; }
  /// Calls visit(slab) for every slab of the cache, full ones too, in the order of their frames, until it returns false.
  /// On a quiet system.
  template <typename Visit>
  void each(Visit visit) const {
    uint64_t from = behind_first_.peek() - 1;
    while (Slab* slab = any() ? next(from) : nullptr)
      if (!visit(*slab)) return;
  }
  /// Fills in up to `most` objects that are out of their slabs, by address; on a quiet system. Returns their number.
  unsigned find_out(const void** out, unsigned most) const;
  /// S1, S3 and S4.
  Fault check(const Slab& slab) const;

 private:
  void widen(uint64_t first);
  Slab* next(uint64_t& from) const;

  const SlabWorld* world_ = nullptr;
  Kind kind_;
  /// The range of frames that ever held slabs: the first frame number plus one, and the end. 0: there was none.
  Atomic<uint64_t> behind_first_{0}, end_{0};
};

}  // namespace kmem
