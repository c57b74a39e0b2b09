// Without sheaves: each object from its slab and back to it, for caches whose every call is looked at.  What debugging does
// at both ends, and the quarantine between them.

#include "base/memory.h"
#include "port/port.h"
#include "slab/cache.h"

namespace kmem {

// Poison and zeroes exclude each other, and poison wins, as in the kernel.
void* Cache::alloc_directly(Gfp gfp, unsigned node, bool exact_node, uint32_t asked) {
  auto* object = static_cast<char*>(alloc_one(gfp, node, exact_node));
  if (!object) return nullptr;
  if (debug_.on()) debug_.take(object, asked);
  if (world_->init_on_alloc && !hook_ && !(debug_.flags() & debug::kPoison)) memset(object, 0, asked);
  return object;
}

// False: it was refused.
bool Cache::free_directly(void* pointer) {
  auto* object = static_cast<char*>(pointer);
  const Place place = place_of(object);
  if (!place.slab || place.slab->is_free(place.index)) return refuse_free(object), false;
  if (!debug_.on()) {
    if (world_->init_on_free && !hook_) memset(object, 0, object_size_);
    if (tells()) kmem_port_tell(Tell::Taken, object, object_size_);
    return put_entry(object), true;
  }
  if (!debug_.give(object)) return false;
  if (verify_) verify(object);
  if (world_->init_on_free && !hook_ && !(debug_.flags() & debug::kPoison)) memset(object, 0, object_size_);
  if (world_->quarantine && world_->quarantine->on() && debug_.has_meta()) return hold(object), true;
  debug_.rest(object);
  put_entry(object);
  return true;
}

void Cache::refuse_free(const void* object) const {
  if (debug_.on()) return debug_.refuse(static_cast<const char*>(object), "Object already free");
  world_->report_double_free(*this, object);
}

// What the constructor changes was not as constructed.
void Cache::verify(char* object) {
  const uint64_t before = ObjectDebug::hash(object, object_size_);
  verify_(object, this);
  debug_.compare_state(object, before, ObjectDebug::hash(object, object_size_));
}

// The quarantine -------------------------------------------------------------------------------------------------------

void Cache::hold(void* object) {
  held_.fetch_add(1);
  Quarantine& held = *world_->quarantine;
  if (const Quarantine::Entry out = held.push({object, id_}, shape_.size)) world_->caches[out.cache_id].let_go(out.object);
  while (const Quarantine::Entry out = held.pop()) world_->caches[out.cache_id].let_go(out.object);
}

void Cache::let_go(void* object) {
  debug_.settle(static_cast<char*>(object));
  world_->quarantine->left(shape_.size);
  held_.fetch_sub(1);
  put_entry(object);
}

// Those of other caches go too: the ring knows only its order.
void Cache::release_held() {
  while (const Quarantine::Entry out = world_->quarantine->pop(true)) world_->caches[out.cache_id].let_go(out.object);
}

}  // namespace kmem
