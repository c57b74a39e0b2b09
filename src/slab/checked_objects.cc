#include "slab/checked_objects.h"

#include "base/memory.h"
#include "port/port.h"
#include "slab/quarantine.h"
#include "slab/slab.h"
#include "slab/slab_world.h"

namespace kmem {
namespace {

constexpr uint32_t kHardenedChecks = debug::kChecks | debug::kRedZone | debug::kPoison;
/// How many bytes of freed objects wait if there is a hardened cache.
constexpr uint64_t kHardenedQuarantine = 1 << 20;

}  // namespace

// The key of a hardened cache is secret, in any mode.
void CheckedObjects::init(const SlabWorld& world, const CacheSetup& setup) {
  world_ = &world;
  setup_ = &setup;
  nr_held_.store(0);
  const bool by_words = world.debug && !(setup.flags & cache_flag::kNoUserFlags);
  const uint32_t wanted = (setup.flags & debug::kAll) | (setup.verify ? debug::kChecks : 0) |
                          (is_hardened() ? kHardenedChecks : 0) | (by_words ? world.debug->flags_for(setup.name) : 0);
  if (is_hardened() && world.quarantine) world.quarantine->allow(kHardenedQuarantine);
  debug_.init({.cache = setup.name,
               .flags = wanted,
               .object_size = setup.object_size,
               .align = setup.align,
               .fillable = !setup.hook && !setup.keeps_slabs,
               .key = is_hardened() && !world.red_key ? kmem_port_entropy() : world.red_key,
               .ends = is_hardened()});
}

bool CheckedObjects::spares_large() const {
  return world_->debug && !(setup_->flags & cache_flag::kNoUserFlags) && world_->debug->spares_large();
}

bool CheckedObjects::holds_back() const {
  const Quarantine* quarantine = world_->quarantine;
  return quarantine && (quarantine->for_all() || (is_hardened() && quarantine->on()));
}

// init_on_alloc and init_on_free do not clear objects that have a constructor, or that RCU readers may still access. Poison and
// zeroes exclude each other, and poison wins, as in the kernel.
bool CheckedObjects::may_be_cleared() const {
  return !setup_->hook && !setup_->keeps_slabs && !(debug_.flags() & debug::kPoison);
}

// Clears to the object's end, because krealloc() may give that part to the user later; but with a red zone only the requested
// bytes.
void CheckedObjects::alloc(char* object, uint32_t asked) const {
  if (debug_.on()) debug_.take(object, asked);
  if (world_->init_on_alloc && may_be_cleared()) memset(object, 0, usable(object));
}

CheckedObjects::Freed CheckedObjects::free(char* object, Cache* cache) {
  if (debug_.on() && !debug_.give(object)) return Freed::Refused;
  if (debug_.on() && setup_->verify) verify(object, cache);
  if (world_->init_on_free && may_be_cleared()) memset(object, 0, setup_->object_size);
  if (debug_.has_meta() && holds_back()) {
    nr_held_.fetch_add(1);
    return Freed::ToQuarantine;
  }
  debug_.release(object);
  return Freed::ToSlab;
}

void CheckedObjects::leave_quarantine(char* object, uint32_t bytes) {
  debug_.release_checked(object);
  world_->quarantine->left(bytes);
  nr_held_.fetch_sub(1);
}

// Runs the constructor again: if that changes the object, it was not as constructed.
void CheckedObjects::verify(char* object, Cache* cache) const {
  const uint64_t before = ObjectDebug::hash(object, setup_->object_size);
  setup_->verify(object, cache);
  debug_.compare_state(object, before, ObjectDebug::hash(object, setup_->object_size));
}

uint64_t CheckedObjects::validate(const Slab& slab, char* first, uint32_t stride) const {
  constexpr const char* kWhen = "when it was looked at";
  uint64_t faults = 0;
  for (uint32_t i = 0; i < slab.nr_objects(); ++i) {
    char* object = first + uint64_t{i} * stride;
    const bool out = !slab.is_free(i) && debug_.is_out(object);
    faults += out ? !debug_.check_out(object, kWhen) : !debug_.check_free(object, kWhen);
  }
  return faults;
}

}  // namespace kmem
