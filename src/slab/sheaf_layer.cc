#include "slab/sheaf_layer.h"

#include "base/twice.h"
#include "page/page_allocator.h"
#include "slab/cache_node.h"
#include "slab/slab_layer.h"
#include "slab/slab_world.h"
#include "sync/cpu_words.h"
#include "sync/shuffle.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

/// The most bytes of objects in one sheaf, so that large objects are not hoarded.
constexpr uint32_t kSheafHolds = 64 << 10;
/// The same for a part of a barn.
constexpr uint32_t kBarnHolds = 256 << 10;
/// The most slab bytes that a sheaf of a mostly idle cache may pin.
constexpr uint32_t kShortSheafPins = 32 << 10;
/// A cache with fewer slab bytes is never idle. The second value holds for a cache that was idle, until it grows again.
/// Both for a node of up to two CPUs, and so much more for each further pair: what a CPU's sheaves and its part of the barn
/// hold is not idle because other CPUs' objects came back at the same time.
constexpr int64_t kIdleFloor = 1 << 20;
constexpr int64_t kIdleFloorAgain = 32 << 10;

/// A sheaf, or null if there is none.
uint64_t* get_sheaf(SheafPool& pool) { return should_fail(FaultPoint::Sheaf, kNoGfp, kSheafBytes) ? nullptr : pool.get(); }

uint32_t between(uint32_t n, uint32_t least, uint32_t most) { return n < least ? least : n > most ? most : n; }

// A CPU's share grows with the objects that are out, so that a cache of few objects does not spread over many pages.
unsigned refill_count(const CacheNode& node, unsigned capacity) {
  const int64_t share = node.slabs.nr_out() / 4;
  const unsigned least = capacity < 8 ? capacity : 8;
  return share < least ? least : share > capacity ? capacity : static_cast<unsigned>(share);
}

/// As the barn has them: it has a part for each CPU, up to sixteen.
unsigned pairs_of_cpus(const CacheNode& node) { return node.barn.nr_parts() < 2 ? 1 : node.barn.nr_parts() / 2; }

bool is_half_full(const Sheaf& sheaf) { return sheaf && sheaf.top <= sheaf.capacity() / 2; }

// A thread without sequences pushes one by one.
unsigned push_some(Slot slot, void* const* objects, unsigned n) {
  const unsigned moved = CpuStack::try_push_some(slot, objects, n, {});
  if (moved && moved != kUnfit) return moved;
  unsigned pushed = 0;
  while (pushed < n && CpuStack::push(slot, objects[pushed]) == Push::Done) ++pushed;
  return pushed;
}

}  // namespace

void SheafLayer::init(SlabLayer& slabs, Sheaves which, Slot slot, uint32_t wish) {
  slabs_ = &slabs;
  pool_ = slabs.world().sheaves;
  which_ = which;
  slot_ = freed_ = slot;
  for (auto& held : held_) held.store(0);
  uint32_t holds = kSheafHolds / slabs.shape().size;
  if (wish && wish < holds) holds = wish;
  capacity_ = static_cast<uint8_t>(between(holds, 2, kSheafCapacity));
  if (slabs.world().seals.on() && slabs.is_sealed()) use_two_sheaves(slabs.frames().cache_id());
  barn_most_ = static_cast<uint8_t>(between(kBarnHolds / (slabs.shape().size * capacity_), 2, Barn::kMost));
}

// With a quarantine and a whole shuffle, smaller sheaves keep the objects in use cache-hot.
void SheafLayer::use_two_sheaves(uint32_t cache_id) {
  constexpr uint32_t kMostShuffled = 64, kFewestShuffled = 4, kShuffledHold = 16 << 10;
  if (cache_id < kNrWithFreedSlots) freed_ = freed_slot(cache_id);
  const uint32_t most = between(kShuffledHold / slabs_->shape().size, kFewestShuffled, kMostShuffled);
  if (slabs_->world().zeroes && capacity_ > most) capacity_ = static_cast<uint8_t>(most);
}

// Refilling --------------------------------------------------------------------------------------------------------------

// A whole shuffle only at level 2: the program's own accesses pay for it.
void SheafLayer::disorder(Sheaf& sheaf) const {
  Dice* dice = slabs_->world().dice;
  if (KMEM_LIKELY(!dice)) return;
  if (slabs_->world().zeroes) shuffle(sheaf, dice->roll());
  else deal_and_cut(sheaf, dice->roll());
}

Sheaf SheafLayer::refill(Gfp gfp, unsigned n) {
  CacheNode& node = slabs_->node(n);
  if (Sheaf full = node.barn.take(*pool_, node.barn.here(), barn_most_)) {
    disorder(full);
    return full;
  }
  uint64_t* words = get_sheaf(*pool_);
  if (!words) return {};
  Sheaf sheaf = Sheaf::empty(words, capacity_);
  if (slabs_->take(gfp, {n}, refill_count(node, capacity_), sheaf)) {
    disorder(sheaf);
    return sheaf;
  }
  pool_->put(words);
  return node.barn.take_any(*pool_);  // last resort: sheaves that other parts do not spare
}

void* SheafLayer::alloc(Gfp gfp) {
  if (void* object = CpuStack::pop(slot_)) return object;
  if (void* object = KMEM_UNLIKELY(freed_ != slot_) ? take_freed() : nullptr) return object;
  const unsigned n = slabs_->local_node();
  Sheaf sheaf = refill(gfp, n);
  if (!sheaf) return slabs_->take_one(gfp, {n});
  const Barn& barn = slabs_->node(n).barn;
  barn.part(barn.here()).nr_refills.add_alone();
  void* object = sheaf.take();
  Sheaf old;
  // Not installed: another thread refilled this CPU, or this thread has moved to another CPU.
  if (!exchange_if_empty(*pool_, slot_, sheaf, old)) old = sheaf;
  if (!old) pool_->equip_this_cpu();
  else if (old.is_empty()) pool_->put(old.words);
  else drain_to_slabs(old);
  slabs_->world().pages->answer_requests();
  return object;
}

// Reuses the objects freed on this CPU in random order, once there are so many that none is reused soon. With a quarantine
// (`zeroes`) they come by way of the barn instead.
void* SheafLayer::take_freed() {
  if (slabs_->world().zeroes || !is_half_full(Sheaf::of_word(pool_->base(), CpuStack::word(CpuStack::where(), freed_))))
    return nullptr;
  Sheaf freed = take_local(*pool_, freed_);
  if (!freed || freed.is_empty()) return freed ? pool_->put(freed.words), nullptr : nullptr;
  disorder(freed);
  void* object = freed.take();
  Sheaf old;
  if (!exchange_if_empty(*pool_, slot_, freed, old)) drain_to_slabs(freed);
  else if (old) reuse_for_freed(old);
  slabs_->world().pages->answer_requests();
  return object;
}

// An emptied sheaf becomes the next one for freed objects.
void SheafLayer::reuse_for_freed(Sheaf old) {
  if (!old.is_empty()) return drain_to_slabs(old);
  const unsigned capacity = mostly_idle(slabs_->node(slabs_->local_node())) ? short_capacity() : capacity_;
  Sheaf full;
  if (!exchange_if_full(*pool_, freed_, Sheaf::empty(old.words, capacity), full)) return pool_->put(old.words);
  if (full) drain_sheaf(full);
}

// Draining ---------------------------------------------------------------------------------------------------------------

void SheafLayer::drain_to_slabs(Sheaf sheaf) {
  slabs_->put_all(sheaf);
  pool_->put(sheaf.words);
}

void SheafLayer::drain_barn(CacheNode& node) {
  while (const Sheaf full = node.barn.take_any(*pool_)) drain_to_slabs(full);
}

// Has the cache many slabs for few objects? Then objects in sheaves pin too much memory.
bool SheafLayer::mostly_idle(const CacheNode& node) const {
  const int64_t held = node.slabs.nr_slabs() * static_cast<int64_t>(slabs_->shape().bytes());
  if (held <= (slabs_->idle().peek() ? kIdleFloorAgain : kIdleFloor) * pairs_of_cpus(node)) return false;
  const int64_t cached = int64_t{node.barn.nr_sheaves(*pool_)} * capacity_;
  return (node.slabs.nr_out() - cached) * static_cast<int64_t>(slabs_->shape().size) * 3 < held;
}

// The capacity of a sheaf of a mostly idle cache.
unsigned SheafLayer::short_capacity() const {
  const uint32_t bytes = slabs_->shape().bytes(), few = bytes < kShortSheafPins ? kShortSheafPins / bytes : 1;
  return few < capacity_ ? few : capacity_;
}

bool SheafLayer::is_short(const Sheaf& full) const { return short_capacity() < capacity_ && !full.words[short_capacity()]; }

// A full sheaf goes to the barn while there is room, else its objects go to their slabs; those of a short one always, because a
// barn counts sheaves, not objects.
void SheafLayer::drain_sheaf(Sheaf full) {
  CacheNode& node = slabs_->node(slabs_->local_node());
  const bool idle = mostly_idle(node);
  if (!idle && !is_short(full) && node.barn.put(*pool_, node.barn.here(), full, barn_most_)) return;
  drain_to_slabs(full);
  if (idle) {
    drain_barn(node);
    if (!slabs_->idle().exchange(1)) drain_cpus(OtherCpus::Ask);
  }
  slabs_->trim_if_many(node, idle ? 0 : pairs_of_cpus(node) * kKeepEmpty / slabs_->shape().bytes());
}

// Half of the objects of a full sheaf go into this CPU's new, empty sheaf, and the others to the slabs: then neither
// allocations nor frees exchange the sheaf soon.  False: nothing has been done.
bool SheafLayer::keep_half(Sheaf full) {
  if (full.top || is_short(full)) return false;
  void* half[kSheafCapacity / 2];
  for (unsigned i = 0; i < capacity_ / 2u; ++i) half[i] = reinterpret_cast<void*>(full.words[i]);
  const unsigned moved = push_some(freed_, half, capacity_ / 2);
  if (!moved) return false;
  full.top += moved;
  drain_to_slabs(full);
  return true;
}

// For a large object of a mostly idle cache: in a sheaf it would pin its slab.
void SheafLayer::free_past_sheaf(void* object, CacheNode& node) {
  if (const Sheaf old = take_local(*pool_, freed_)) {
    node.barn.part(node.barn.here()).nr_drains.add_alone();
    drain_sheaf(old);
  }
  slabs_->put(object);
  slabs_->trim_if_many(node, 0);
}

bool SheafLayer::free(void* object) {
  if (slabs_->is_apart(object)) return slabs_->put(object), true;
  for (int tries = 0; tries < 3; ++tries) {
    const Push pushed = CpuStack::push(freed_, object);
    if (pushed == Push::Done) return true;
    if (pushed == Push::Same) return slabs_->refuse_free(object), false;
    CacheNode& node = slabs_->node(slabs_->local_node());
    const unsigned part = node.barn.here();
    const unsigned capacity = mostly_idle(node) ? short_capacity() : capacity_;
    if (capacity == 1) return free_past_sheaf(object, node), true;
    uint64_t* words = get_sheaf(*pool_);
    if (!words) break;
    Sheaf old;
    if (!exchange_if_full(*pool_, freed_, Sheaf::empty(words, capacity), old)) {
      pool_->put(words);
      continue;
    }
    node.barn.part(part).nr_drains.add_alone();
    if (KMEM_UNLIKELY(slabs_->world().zeroes)) old = hold_back(old);
    if (old && !(node.barn.swings(part) && keep_half(old))) drain_sheaf(old);
    slabs_->world().pages->answer_requests();
  }
  slabs_->put(object);
  return true;
}

// The quarantine of sealed objects: full sheaves, of which a new one evicts one at random.
Sheaf SheafLayer::hold_back(Sheaf full) {
  if (!full || full.top || freed_ == slot_) return full;
  Atomic<uint32_t>& place = held_[slabs_->world().dice->roll() % kHeldSheaves];
  const uint32_t index = place.exchange(pool_->index(full.words));
  return index ? Sheaf{pool_->words(index), 0} : Sheaf{};
}

void SheafLayer::drain_cpus(OtherCpus others) {
  if (const Sheaf sheaf = take_local(*pool_, slot_)) drain_to_slabs(sheaf);
  if (const Sheaf sheaf = freed_ == slot_ ? Sheaf{} : take_local(*pool_, freed_)) drain_to_slabs(sheaf);
  if (others == OtherCpus::Leave) return;
  const auto use = [this](Sheaf sheaf) { drain_to_slabs(sheaf); };
  const bool all = take_everywhere(*pool_, slot_, others, use);
  if ((freed_ == slot_ || take_everywhere(*pool_, freed_, others, use)) && all) return;
  asked_.ask_all();
  pool_->requests().announce();
}

void SheafLayer::drain(OtherCpus others) {
  drain_cpus(others);
  for (auto& held : held_)
    if (const uint32_t index = held.exchange(0)) drain_to_slabs({pool_->words(index), 0});
  for (unsigned n = 0; n < slabs_->nr_nodes(); ++n) drain_barn(slabs_->node(n));
}

void SheafLayer::answer(CpuId cpu) {
  if (!asked_.take(cpu)) return;
  if (const Sheaf sheaf = take_local(*pool_, slot_)) drain_to_slabs(sheaf);
  if (const Sheaf sheaf = freed_ == slot_ ? Sheaf{} : take_local(*pool_, freed_)) drain_to_slabs(sheaf);
  slabs_->trim_all();
}

// Counting and checking ------------------------------------------------------------------------------------------------

template <typename Visit>
void SheafLayer::each_cpu_sheaf(Visit visit) const {
  for (uint32_t cpu = 0; cpu < CpuStack::nr_areas(); ++cpu) {
    const uint64_t word = CpuStack::word({cpu}, slot_);
    if (word && word != pool_->closed()) visit(Sheaf::of_word(pool_->base(), word));
    const uint64_t freed = freed_ == slot_ ? 0 : CpuStack::word({cpu}, freed_);
    if (freed && freed != pool_->closed()) visit(Sheaf::of_word(pool_->base(), freed));
  }
  for (const auto& held : held_)
    if (const uint32_t index = held.peek()) visit(Sheaf{pool_->words(index), 0});
}

uint64_t SheafLayer::nr_objects() const {
  uint64_t sum = 0;
  for (unsigned n = 0; n < slabs_->nr_nodes(); ++n) sum += uint64_t{slabs_->node(n).barn.nr_sheaves(*pool_)} * capacity_;
  each_cpu_sheaf([&](const Sheaf& sheaf) { sum += sheaf.count(); });
  return sum;
}

void SheafLayer::each_object(void (*visit)(void* self, void* object), void* self) const {
  const auto each_of = [&](const Sheaf& sheaf) {
    for (unsigned i = sheaf.top; sheaf.words[i]; ++i) visit(self, reinterpret_cast<void*>(sheaf.words[i]));
  };
  for (unsigned n = 0; n < slabs_->nr_nodes(); ++n) slabs_->node(n).barn.each(*pool_, each_of);
  each_cpu_sheaf(each_of);
}

void SheafLayer::each_in_barns(void (*visit)(void* self, uint32_t index), void* self) const {
  for (unsigned n = 0; n < slabs_->nr_nodes(); ++n)
    slabs_->node(n).barn.each(*pool_, [&](const Sheaf& sheaf) { visit(self, pool_->index(sheaf.words)); });
  for (const auto& held : held_)
    if (const uint32_t index = held.peek()) visit(self, index);
}

Fault SheafLayer::check_sheaf(const Sheaf& sheaf) const {
  for (unsigned i = sheaf.top; sheaf.words[i]; ++i) {
    const SlabFrames::Place place = slabs_->frames().place_of(reinterpret_cast<void*>(sheaf.words[i]));
    if (!place.slab) return {"C2 a sheaf holds objects of its cache", sheaf.words[i]};
    if (place.slab->is_free(place.index)) return {"C2 an object in a sheaf is out of its slab", sheaf.words[i]};
  }
  return {};
}

Fault SheafLayer::check() const {
  Fault fault;
  for (unsigned n = 0; n < slabs_->nr_nodes(); ++n) {
    const Barn& barn = slabs_->node(n).barn;
    fault = barn.check(*pool_);
    if (fault) return fault;
    barn.each(*pool_, [&](const Sheaf& sheaf) { fault = fault ? fault : check_sheaf(sheaf); });
    if (fault) return fault;
  }
  each_cpu_sheaf([&](const Sheaf& sheaf) {
    if (!fault) fault = check_sheaf(sheaf);
  });
  if (fault) fault.rule = "C3 a CPU's sheaf holds objects of its cache, out of their slabs";
  return fault ? fault : check_once();
}

Fault SheafLayer::check_once() const {
  static SeenNumbers seen;  // too large for some stacks; only one walker runs at a time
  const uint64_t twice = find_twice(seen, nr_objects(), [this](auto visit) {
    each_object([&](void* object) { visit(reinterpret_cast<uint64_t>(object)); });
  });
  if (twice) return {"C7 no object is in two sheaves, or twice in one", twice};
  return {};
}

}  // namespace kmem
