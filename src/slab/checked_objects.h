#pragma once
// The objects of a checked cache: the checks at each allocation and free.
//
// A checked cache has no sheaves: each object comes from its slab and returns to it after a free, perhaps by way of the
// quarantine.

#include "slab/cache_setup.h"
#include "slab/debug.h"
#include "slab/seal.h"

namespace kmem {

class Quarantine;
class Slab;
struct SlabWorld;

/// Not thread-safe for one object; the thread that frees an object becomes its owner.
class CheckedObjects {
 public:
  /// Chooses the cache's checks by its flags and by the boot words for its name.
  void init(const SlabWorld& world, const CacheSetup& setup);
  /// No debugging; only init_on_alloc and init_on_free.
  void set_plain() { debug_ = {}; }

  const ObjectDebug& debug() const { return debug_; }
  /// Off if the objects are debugged. Sealed objects use sheaves, unlike checked ones.
  const Seal& seal() const { return seal_; }
  void set_seal(const Seal& seal) { seal_ = seal; }
  /// Was it made to be hardened by itself?
  bool is_hardened() const { return setup_->flags & cache_flag::kHardened; }
  /// Do boot words (not the creator's flags) enable debugging, with `O`: not if slabs would become larger?
  bool spares_large() const;

  /// For an object from its slab, before the caller gets it.  `asked`: bytes that the caller will use.
  void alloc(char* object, uint32_t asked) const;
  /// Where a freed object goes.
  enum class Freed : uint8_t { Refused, ToSlab, ToQuarantine };
  /// The object must be out of its slab. Refused: reported, and nothing has changed.
  Freed free(char* object, Cache* cache);
  /// For an object that has left the quarantine, before it goes to its slab.  `bytes`: its size in the quarantine.
  void leave_quarantine(char* object, uint32_t bytes);
  /// Objects in the quarantine.
  int64_t nr_held() const { return nr_held_.peek(); }

  /// The usable bytes of an object that is out; 0 for one that is not, where that is known.
  size_t usable(const void* object) const {
    if (KMEM_UNLIKELY(seal_.on())) return seal_.asked(static_cast<const char*>(object));
    if (!debug_.on()) return setup_->object_size;
    const auto* at = static_cast<const char*>(object);
    return debug_.is_given_back(at) ? 0 : debug_.asked(at);
  }
  /// When an object was allocated; 0 if that is not recorded.
  uint64_t born(const void* object) const {
    const Owner* owner = debug_.owner(static_cast<const char*>(object), OwnerCall::Alloc);
    return owner ? owner->when_ns : 0;
  }
  /// Checks the objects of a slab and the bytes around them; reports and repairs damage. Returns the number of faults. `first`:
  /// the first object; they are `stride` bytes apart.
  uint64_t validate(const Slab& slab, char* first, uint32_t stride) const;

 private:
  bool may_be_cleared() const;
  bool holds_back() const;
  void verify(char* object, Cache* cache) const;

  const SlabWorld* world_ = nullptr;
  const CacheSetup* setup_ = nullptr;
  ObjectDebug debug_;
  Seal seal_;
  Atomic<int64_t> nr_held_{0};
};

}  // namespace kmem
