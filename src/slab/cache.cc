#include "slab/cache.h"

#include "base/memory.h"
#include "page/page_allocator.h"
#include "slab/cache_node.h"
#include "slab/hardened_path.h"
#include "slab/quarantine.h"
#include "slab/tables.h"
#include "sync/rcu.h"
#include "watch/context.h"
#include "watch/fault_injection.h"
#include "watch/free_watch.h"
#include "watch/report.h"

namespace kmem {
namespace {

/// Larger objects lie in no sheaf: two of them on each CPU would already be too much memory for a cache with few objects.
constexpr uint32_t kSheafedMost = 256 << 10;

/// Of the caches with a class of their own.
void set_seal_of_class(uint8_t class_byte, const Seal& seal) {
  kmem_seals[class_byte] = seal.on() && class_byte != kSharedClass ? seal : Seal::none();
}

Seal seal_for(const SlabWorld& world, const SlabFrames::Kind& kind, const CacheSetup& setup, bool debugged) {
  Seal seal;
  if (world.seals.on() && !debugged)
    seal.init({.cache = setup.name,
               .states = world.seals.of_room(kind.shape.size),
               .room = kind.shape.size,
               .number = kind.cache_id,
               .fills = !setup.hook && !setup.keeps_slabs,
               .zeroes = world.zeroes});
  return seal;
}

// Not all objects of a large heap, because reading them takes too long.
uint64_t look_at_seals(const SlabFrames& frames, const Seal& seal) {
  constexpr uint64_t kMostLookedAt = 32 << 20;
  uint64_t faults = 0, bytes = 0;
  frames.each([&](const Slab& slab) {
    for (uint32_t i = 0; i < slab.nr_objects(); ++i) faults += !seal.look(frames.object_at(&slab, i));
    bytes += frames.shape().bytes();
    return bytes < kMostLookedAt;
  });
  return faults;
}

/// Slots 254 to 511 are the shared class's and the page lists'.
Slot slot_of(uint32_t cache_id) { return {cache_id < kNrOwnClasses ? cache_id : cache_id - kNrOwnClasses + 512}; }

}  // namespace

bool Cache::init(const SlabWorld& world, uint32_t id, const Setup& setup, const CacheNodes& on) {
  setup_ = setup;
  size_t i = 0;
  for (; i + 1 < sizeof name_ && setup.name[i]; ++i) name_[i] = setup.name[i];
  name_[i] = 0;
  setup_.name = name_;
  for (unsigned n = 0; n < world.pages->nr_nodes(); ++n)
    on.nodes[n].barn.init(on.parts + (size_t{n} << on.log2_parts), on.log2_parts);
  auto which = SheafLayer::Sheaves::PerCpu;
  const SlabFrames::Kind kind = choose_slabs(world, id, which);
  fast_.class_byte = kind.class_byte;
  slabs_.init(world, {.cache = this, .setup = &setup_, .debug = &checked_.debug(), .seal = &checked_.seal(), .nodes = on.nodes},
              kind);
  checked_.set_seal(seal_for(world, kind, setup_, checked_.debug().on()));
  if (world.seals.on()) set_seal_of_class(kind.class_byte, checked_.seal());
  calls_.init(slabs_, sheaves_);
  if (slot_of(id).index >= kMaxSlots || !kind.shape.nr_objects) return false;
  sheaves_.init(slabs_, which, slot_of(id), setup.sheaf_capacity);
  if (kind.class_byte != kSharedClass) {
    world.divisors[kind.class_byte] = make_divisor(kind.shape.bytes(), kind.shape.size, kind.shape.nr_objects);
    world.class_sizes[kind.class_byte] = object_size();
  }
  fast_.size = object_size();
  refs.store(0);
  set_fast_path(world.fast_path);
  rcu_slabs_.resume();
  state_.store(Live);
  return true;
}

// A debugged cache has the shared class, so that the fast free does not handle its objects. If no slab is large enough for an
// object with its red zones and metadata, or `O` excludes a cache whose slabs would become larger, the cache is not debugged.
SlabFrames::Kind Cache::choose_slabs(const SlabWorld& world, uint32_t id, SheafLayer::Sheaves& which) {
  checked_.init(world, setup_);
  const uint32_t least = world.seals.on() ? Seal::kSmallest : 8;
  const uint64_t size = round_up(setup_.object_size < least ? least : setup_.object_size, setup_.align < 8 ? 8 : setup_.align);
  if (size > Setup::kLargestObject) return {};
  const bool large = size > kSheafedMost;
  const auto own_class = static_cast<uint8_t>(id < kNrOwnClasses && !large && !setup_.no_fast_path ? id : kSharedClass);
  const SlabShape plain = SlabShape::choose({.size = static_cast<uint32_t>(size),
                                             .lead = world.guards_slabs && !large ? uint32_t{kPageSize} : 0,
                                             .shared = own_class == kSharedClass,
                                             .frugal = setup_.frugal});
  if (world.direct || large || setup_.no_fast_path) which = SheafLayer::Sheaves::None;
  const ObjectDebug& debug = checked_.debug();
  if (!debug.on()) return {id, plain, own_class, plain.waste()};
  const SlabShape shape = SlabShape::choose(
      {.size = debug.layout().stride(), .lead = debug.layout().lead(), .shared = true, .frugal = setup_.frugal});
  if (shape.nr_objects && !(checked_.spares_large() && plain.order.value < shape.order.value)) {
    which = SheafLayer::Sheaves::None;
    return {id, shape, kSharedClass, debug.layout().first()};
  }
  checked_.set_plain();
  return {id, plain, own_class, plain.waste()};
}

void Cache::retire() {
  const SlabWorld& world = slabs_.world();
  if (fast_.class_byte != kSharedClass) {
    if (world.seals.on()) set_seal_of_class(fast_.class_byte, {});
    world.divisors[fast_.class_byte] = {};
    world.class_sizes[fast_.class_byte] = 0;
  }
  calls_.hand_over();
  state_.store(Retired);
}

// Taking objects -------------------------------------------------------------------------------------------------------

void* Cache::alloc(Gfp gfp, int nid, uint32_t asked) {
  void* object = obtain(gfp, nid, asked);
  if (!object) return nullptr;
  calls_.count_alloc();
  if (const Seal& seal = checked_.seal(); KMEM_UNLIKELY(seal.on()))
    seal.open(static_cast<char*>(object), asked ? asked : object_size());
  return object;
}

void* Cache::pop_counted() {
  void* object = CpuStack::try_pop(sheaves_.slot());
  if (object) calls_.count_alloc();
  return object;
}

void* Cache::obtain(Gfp gfp, int nid, uint32_t asked) {
  if (should_fail(FaultPoint::Slab, gfp, object_size(), name_, setup_.flags & cache_flag::kMayFail)) return nullptr;
  const FaultExempt exempt(gfp & gfp::kNoFail);
  const unsigned nr_nodes = slabs_.nr_nodes(), local = slabs_.local_node();
  const unsigned wanted = nid < 0 ? local : static_cast<unsigned>(nid);
  if (wanted >= nr_nodes) return nullptr;
  // Objects freed on this CPU may be of any node; a caller that insists on a node gets an object of that node's slabs.
  const bool exact = nr_nodes > 1 && (gfp & gfp::kThisNode);
  if (KMEM_LIKELY(sheaves_.on() && !exact && wanted == local)) return sheaves_.alloc(gfp);
  void* object = slabs_.take_one(gfp, {wanted, exact});
  if (object && !sheaves_.on()) checked_.alloc(static_cast<char*>(object), asked ? asked : object_size());
  return object;
}

bool Cache::alloc_bulk(Gfp gfp, size_t n, void** objects) {
  for (size_t got = 0; got < n; ++got) {
    const size_t rest = n - got;
    got += CpuStack::try_pop_some(shown(fast_.slot), objects + got,
                                  rest < kSheafCapacity ? static_cast<unsigned>(rest) : kSheafCapacity);
    // One by one if the thread has no sequences.
    while (got < n && (objects[got] = CpuStack::Own::try_pop(kmem_base, shown(fast_.slot)))) ++got;
    if (got == n) break;
    objects[got] = alloc(gfp);
    if (objects[got]) continue;
    while (got--) free(objects[got]);
    return false;
  }
  return true;
}

// Giving objects back --------------------------------------------------------------------------------------------------

void Cache::free(void* object) {
  tell_freed(object, object_size());
  const Seal& seal = checked_.seal();
  if (KMEM_UNLIKELY(seal.on()) && seal.close(static_cast<char*>(object)) == Seal::Finding::NotOut)
    return slabs_.refuse_free(object);
  put_away(object);
}

void Cache::put_away(void* object) {
  if (KMEM_LIKELY(sheaves_.on()) ? sheaves_.free(object) : free_checked(object)) calls_.count_free();
}

// False: it was refused.
bool Cache::free_checked(void* pointer) {
  auto* object = static_cast<char*>(pointer);
  const SlabFrames::Place place = slabs_.frames().place_of(object);
  if (!place.slab || place.slab->is_free(place.index)) return slabs_.refuse_free(object), false;
  const CheckedObjects::Freed freed = checked_.free(object, this);
  if (freed == CheckedObjects::Freed::Refused) return false;
  if (freed == CheckedObjects::Freed::ToSlab) return put_checked(object), true;
  Quarantine& quarantine = *slabs_.world().quarantine;
  quarantine.push({object, id()}, slabs_.shape().size,
                  [this](Quarantine::Entry out) { leave_quarantine(slabs_.world(), out.cache_id, out.object); });
  return true;
}

// Keeps one empty slab, unless a slab has only one object: making a slab again and again costs more than keeping it.
void Cache::put_checked(void* object) {
  if (slabs_.tells()) kmem_port_tell(Tell::Taken, object, object_size());
  CacheNode& node = slabs_.node_of(slabs_.frames().slab_of(object));
  slabs_.put(object);
  const uint32_t keep = kKeepEmpty / slabs_.shape().bytes();
  slabs_.trim_if_many(node, keep || slabs_.shape().nr_objects == 1 ? keep : 1);
}

void Cache::leave_quarantine(const SlabWorld& world, uint32_t cache_id, void* object) {
  Cache& cache = world.caches[cache_id];
  cache.checked_.leave_quarantine(static_cast<char*>(object), cache.slabs_.shape().size);
  cache.put_checked(object);
}

// Giving memory back -----------------------------------------------------------------------------------------------------

// Objects of other caches leave the quarantine too: it is ordered by age, not by cache.
void Cache::drain(OtherCpus others) {
  sheaves_.drain(others);
  const SlabWorld& world = slabs_.world();
  if (!checked_.nr_held()) return;
  while (const Quarantine::Entry out = world.quarantine->pop()) leave_quarantine(world, out.cache_id, out.object);
}

uint64_t Cache::shrink(OtherCpus others) {
  drain(others);
  return slabs_.trim_all();
}

// Without readers the grace period ends at once in poll(). Not called by a reader, which would wait for itself, nor by a caller
// that may not sleep, which may hold a lock that a callback needs.
uint64_t Cache::reap(OtherCpus others) {
  if (!setup_.keeps_slabs) return shrink(others);
  drain(others);
  Rcu* rcu = slabs_.world().rcu;
  if (!rcu) return 0;
  const int64_t before = nr_slabs();
  rcu_slabs_.begin(slabs_, *rcu);
  if (!Rcu::is_reader() && may_sleep()) rcu->poll();
  const int64_t after = nr_slabs();
  return after < before ? static_cast<uint64_t>(before - after) : 0;
}

// Counting and checking ------------------------------------------------------------------------------------------------

int64_t Cache::nr_in_use() const {
  const int64_t in_use = slabs_.nr_out() - static_cast<int64_t>(sheaves_.nr_objects()) - checked_.nr_held();
  return in_use < 0 ? 0 : in_use;
}

uint64_t Cache::validate() {
  if (const Fault fault = check()) {
    bug_report(Trouble::Bug, "cache %s is broken at %#llx: %s", name_, static_cast<unsigned long long>(fault.where),
               fault.rule);
    return 1;
  }
  if (checked_.seal().on()) return look_at_seals(slabs_.frames(), checked_.seal());
  uint64_t faults = 0;
  if (!checked_.debug().has_meta()) return faults;
  slabs_.frames().each([&](const Slab& slab) {
    faults += checked_.validate(slab, slabs_.frames().object_at(&slab, 0), slabs_.shape().size);
    return true;
  });
  return faults;
}

Fault Cache::check() const {
  if (const Fault fault = slabs_.check(rcu_slabs_.nr_waiting())) return fault;
  if (const Fault fault = sheaves_.check()) return fault;
  return slabs_.check_counts();
}

}  // namespace kmem
