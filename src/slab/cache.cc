#include "slab/cache.h"

#include "base/memory.h"
#include "port/port.h"
#include "sync/cpu_words.h"
#include "watch/context.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
namespace {

/// A sheaf, as far as there are any.
uint64_t* get_sheaf(SheafPool& pool) { return should_fail(FaultPoint::Sheaf, kNoGfp, kSheafBytes) ? nullptr : pool.get(); }

/// Bytes that one sheaf may hold, so that large objects are not hoarded.
constexpr uint32_t kSheafHolds = 64 << 10;

/// The same for a part of a barn.
constexpr uint32_t kBarnHolds = 256 << 10;
/// A sheaf for objects of a cache that is being emptied pins at most so many bytes of slabs.
constexpr uint32_t kShortSheafPins = 32 << 10;
/// Slab bytes below which a cache is not called idle; once it was, until it grows again, the second holds.
constexpr int64_t kIdleFloor = 1 << 20;
constexpr int64_t kIdleFloorAgain = 32 << 10;
/// What a cache keeps of empty slabs.
constexpr uint32_t kKeepEmpty = 32 << 10;

/// Turns of a sheaf brought and a sheaf fetched after which half a sheaf is kept, at first and at most.
constexpr uint32_t kTurnsToBear = 3, kMostTurnsToBear = 1 << 16;

/// How far ahead of the object at hand descriptors are fetched.
constexpr unsigned kAhead = 6;

/// The links of slabs: index is pfn + 1.
struct SlabLinks {
  PageAllocator* pages;
  Slab* slab(uint32_t index) const { return &Slab::of(pages->page_at({index - 1})); }
  Atomic<uint32_t>& link(uint32_t index) const { return slab(index)->link(); }
};

}  // namespace

bool Cache::init(const SlabWorld& world, uint32_t id, const Setup& setup, CacheNode* nodes) {
  world_ = &world;
  nodes_ = nodes;
  id_ = id;
  // Slots 254 to 511 are the shared class's and the page lists'.
  slot_ = {id < kNrOwnClasses ? id : id - kNrOwnClasses + 512};
  object_size_ = setup.object_size;
  align_ = setup.align;
  flags_ = setup.flags;
  gfp_ = setup.gfp;
  hook_ = setup.hook;
  user_hooks_[0] = setup.user_hooks[0];
  user_hooks_[1] = setup.user_hooks[1];
  verify_ = setup.verify;
  keeps_slabs_ = setup.keeps_slabs;
  no_reap_ = setup.no_reap;
  size_t i = 0;
  for (; i + 1 < sizeof name_ && setup.name[i]; ++i) name_[i] = setup.name[i];
  name_[i] = 0;
  if (slot_.index >= kMaxSlots || !set_shape(setup)) return false;
  uint32_t holds = kSheafHolds / shape_.size;
  if (setup.sheaf_capacity && setup.sheaf_capacity < holds) holds = setup.sheaf_capacity;
  const uint32_t sheaves = kBarnHolds / (shape_.size * (holds < 2 ? 2 : holds > kSheafCapacity ? kSheafCapacity : holds));
  barn_max_ = static_cast<uint8_t>(sheaves < 2 ? 2 : sheaves > kBarnMax ? kBarnMax : sheaves);
  capacity_ = static_cast<uint8_t>(holds < 2 ? 2 : holds > kSheafCapacity ? kSheafCapacity : holds);
  if (class_ != kSharedClass) {
    world.divisors[class_] = make_divisor(shape_.bytes(), shape_.size, shape_.nr_objects);
    world.class_sizes[class_] = object_size_;
  }
  refs.store(0);
  divert(world.diverted);
  held_.store(0);
  resume_leaving();
  state_.store(Live);
  return true;
}

// A debugged cache has the class of those that have none of their own: the fast free then knows nothing of its objects.
bool Cache::set_shape(const Setup& setup) {
  constexpr uint64_t kLargest = uint64_t{64} << kPageShift;
  const uint64_t size = round_up(object_size_ < 8 ? 8 : object_size_, align_ < 8 ? 8 : align_);
  if (size > kLargest) return false;
  class_ = static_cast<uint8_t>(id_ < kNrOwnClasses ? id_ : kSharedClass);
  shape_ = SlabShape::choose(static_cast<uint32_t>(size), class_ == kSharedClass, setup.frugal);
  const uint32_t wanted = (setup.flags & debug::kDefault) | (setup.verify ? debug::kChecks : 0) | (world_->debug ? world_->debug->flags_for(name_) : 0);
  debug_.init(name_, wanted, object_size_, align_, !hook_ && !keeps_slabs_, world_->red_key);
  if (debug_.on() && debug_.stride() <= kLargest) {
    const SlabShape shape = SlabShape::choose(debug_.stride(), true, setup.frugal);
    const bool spared = world_->debug && world_->debug->spares_large() && shape_.order.value < shape.order.value;
    if (shape.nr_objects && !spared) {
      shape_ = shape;
      class_ = kSharedClass;
      left_ = debug_.left();
      direct_ = true;
      return true;
    }
  }
  debug_ = {};
  left_ = shape_.waste();
  direct_ = world_->direct;
  return shape_.nr_objects != 0;
}

void Cache::retire() {
  if (class_ != kSharedClass) {
    world_->divisors[class_] = {};
    world_->class_sizes[class_] = 0;
  }
  hand_over_counts();
  state_.store(Retired);
}

// Slabs ----------------------------------------------------------------------------------------------------------------

Pfn Cache::pfn_of(const Slab* slab) const { return world_->pages->pfn_of(reinterpret_cast<const Page*>(slab)); }
char* Cache::start_of(const Slab* slab) const { return world_->pages->address(pfn_of(slab)); }

// Memory may have come from another node than was asked for.
CacheNode& Cache::node_of(Slab* slab) const {
  if (world_->pages->nr_nodes() == 1) return nodes_[0];
  return nodes_[world_->pages->zone(Page::zone_of(slab->page()->head.peek())).node().value];
}

Slab* Cache::slab_of(const void* object) const {
  const Pfn pfn = world_->pages->pfn_of_address(object);
  if (class_ != kSharedClass) return &Slab::of(world_->pages->page_at({round_down(pfn.value, shape_.order.pages())}));
  Page* page = world_->pages->page_at(pfn);
  return &Slab::of(page->kind() == PageKind::SlabTail ? page - page->aux : page);
}

const void* Cache::object_around(const void* p) const {
  const Pfn slab = pfn_of(slab_of(p));
  const char* first = object_at(slab, 0);
  const auto offset = static_cast<uint64_t>(static_cast<const char*>(p) - first);
  return offset < shape_.bytes() ? first + offset / shape_.size * shape_.size : p;
}

bool Cache::owns(const void* object) const { return place_of(object).slab != nullptr; }

void Cache::push_partial(CacheNode& node, Slab* slab) {
  const int32_t free = slab->nr_free() > 0 ? slab->nr_free() : 0;
  const auto bucket = static_cast<uint32_t>(free) * CacheNode::kFullness / (shape_.nr_objects + 1);
  SlabLinks links{world_->pages};
  node.partial[bucket < CacheNode::kFullness ? bucket : CacheNode::kFullness - 1].push(
      links, static_cast<uint32_t>(pfn_of(slab).value) + 1);
}

Cache::Held Cache::pop_partial(CacheNode& node) {
  SlabLinks links{world_->pages};
  for (IndexStack& bucket : node.partial) {
    const uint32_t index = bucket.pop(links);
    if (!index) continue;
    Slab* slab = links.slab(index);
    if (slab->all_free()) node.nr_empty.fetch_sub(1);
    return {slab, start_of(slab)};
  }
  return {};
}

// Marks the frames as the cache's and runs the constructor over the objects.
void Cache::dress(Slab* slab, Pfn pfn) {
  memset(world_->frame_class + pfn.value, class_, shape_.order.pages());
  if (class_ == kSharedClass) {
    for (uint32_t i = 1; i < shape_.order.pages(); ++i) {
      Page* tail = world_->pages->page_at(pfn + i);
      tail->aux = i;
      tail->head.poke(Page::pack(PageKind::SlabTail, 0, {}, 0));
    }
  }
  if (!hook_ && !debug_.on()) return;
  for (uint32_t i = 0; i < shape_.nr_objects; ++i) {
    char* object = start_of(slab) + left_ + uint64_t{i} * shape_.size;
    if (debug_.on()) debug_.make(object);
    if (hook_) hook_(object, this, true);
  }
}

void Cache::undress(Slab* slab) {
  const Pfn pfn = pfn_of(slab);
  for (uint32_t i = 0; hook_ && i < shape_.nr_objects; ++i)
    hook_(start_of(slab) + left_ + uint64_t{i} * shape_.size, this, false);
  memset(world_->frame_class + pfn.value, kNoClass, shape_.order.pages());
  // Free bits or a distance lay over them; a free frame's descriptor says that nobody has it.
  for (uint32_t i = 1; i < shape_.order.pages(); ++i) world_->pages->page_at(pfn + i)->head.poke(0);
}

// What surrounds a debugged object is looked at by ourselves.
bool Cache::tells() const { return KMEM_UNLIKELY(world_->tells) && !debug_.on(); }

Cache::Held Cache::new_slab(Gfp gfp, unsigned node, bool exact_node) {
  gfp = (gfp & ~(gfp::kZero | gfp::kZoneMask)) | gfp_;
  const bool far = exact_node || node != local_node();
  const auto pfn = world_->pages->alloc_frames(gfp, shape_.order, far ? static_cast<int>(node) : kNoNode);
  if (!pfn) return {};
  Slab* slab = &Slab::of(world_->pages->page_at(*pfn));
  slab->init(shape_, world_->pages->zone_of(*pfn)->index(), id_);
  dress(slab, *pfn);
  if (tells()) kmem_port_tell(Tell::Closed, start_of(slab), shape_.bytes());
  if (debug_.on()) remember(*pfn);
  node_of(slab).nr_slabs.fetch_add(1);
  if (idle_.peek()) idle_.poke(0);
  return {slab, world_->pages->address(*pfn)};
}

void Cache::release(CacheNode& node, Slab* slab) {
  if (tells()) kmem_port_tell(Tell::Open, start_of(slab), shape_.bytes());
  undress(slab);
  node.nr_slabs.fetch_sub(1);
  world_->pages->free_frames(pfn_of(slab), shape_.order);
}

// Taking objects -------------------------------------------------------------------------------------------------------

unsigned Cache::take(Held held, unsigned want, Sheaf& into) {
  CacheNode& node = node_of(held.slab);
  char* start = held.start + left_;
  const unsigned n = KMEM_UNLIKELY(world_->random_order) ? held.slab->take_any(shape_, start, kmem_port_entropy(), into)
                                                         : held.slab->take(shape_, start, want, into);
  node.nr_out.fetch_add(n);
  if (held.slab->release_hold()) push_partial(node, held.slab);
  return n;
}

// Objects of partial slabs as far as they go, and one new slab where there are none.
unsigned Cache::gather(Gfp gfp, unsigned node, bool exact_node, unsigned want, Sheaf& into) {
  unsigned n = 0;
  while (n < want) {
    Held held = pop_partial(nodes_[node]);
    if (!held.slab && n * 2 >= want) break;
    if (!held.slab) held = new_slab(gfp, node, exact_node);
    if (!held.slab) break;
    n += take(held, want - n, into);
  }
  return n;
}

void* Cache::alloc_one(Gfp gfp, unsigned node, bool exact_node) {
  uint64_t room[2];
  Sheaf one = Sheaf::cut(room, 1);
  if (!gather(gfp, node, exact_node, 1, one)) return nullptr;
  void* object = one.take();
  if (tells()) kmem_port_tell(hook_ ? Tell::GivenWhole : Tell::Given, object, object_size_);
  return object;
}

// A CPU's share grows with what the cache has out, so that a cache of few objects does not spread over many pages.
unsigned Cache::refill_count(const CacheNode& node) const {
  const int64_t share = node.nr_out.peek() / 4;
  const unsigned least = capacity_ < 8 ? capacity_ : 8;
  return share < least ? least : share > capacity_ ? capacity_ : static_cast<unsigned>(share);
}

// May a CPU of another part take from this one?  Whoever frees what others allocate has sheaves to spare: its part is full, or
// has had more brought than fetched.  From a part whose own CPUs come back for what they freed nothing is taken: two such
// CPUs would hand each other the same objects round and round, and every one of them would cost a cache line's way.
bool Cache::has_to_spare(const BarnPart& part) const {
  return world_->sheaves->depth(part.full) >= barn_max_ || part.nr_drains.value() > part.nr_refills.value() + 2 * barn_max_;
}

Sheaf Cache::refill(Gfp gfp, unsigned node) {
  const unsigned own = barn_part();
  for (unsigned i = 0; i < kBarnParts; ++i) {
    BarnPart& part = nodes_[node].barn[(own + i) % kBarnParts];
    if (i && (part.full.empty() || !has_to_spare(part))) continue;
    if (const Sheaf full = world_->sheaves->pop(part.full)) return full;
  }
  uint64_t* words = get_sheaf(*world_->sheaves);
  if (!words) return {};
  Sheaf sheaf = Sheaf::empty(words, capacity_);
  if (gather(gfp, node, false, refill_count(nodes_[node]), sheaf)) return sheaf;
  world_->sheaves->put(words);
  // Nothing is left but what others would rather keep.
  for (BarnPart& part : nodes_[node].barn)
    if (const Sheaf full = world_->sheaves->pop(part.full)) return full;
  return {};
}

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

void* Cache::alloc(Gfp gfp, int nid, uint32_t asked) {
  void* object = obtain(gfp, nid, asked);
  if (object) count_alloc();
  return object;
}

void* Cache::pop_counted() {
  void* object = CpuStack::try_pop(slot_);
  if (object) count_alloc();
  return object;
}

void* Cache::obtain(Gfp gfp, int nid, uint32_t asked) {
  if (should_fail(FaultPoint::Slab, gfp, object_size_, name_)) return nullptr;
  const FaultExempt exempt(gfp & gfp::kNoFail);
  const unsigned nr_nodes = world_->pages->nr_nodes(), wanted = nid < 0 ? local_node() : static_cast<unsigned>(nid);
  if (wanted >= nr_nodes) return nullptr;
  // What was freed on this CPU may be of any node: who insists on one takes from its slabs.
  const bool exact = nr_nodes > 1 && (gfp & gfp::kThisNode);
  if (KMEM_UNLIKELY(direct_)) return alloc_directly(gfp, wanted, exact, asked ? asked : object_size_);
  if (exact || wanted != local_node()) return alloc_one(gfp, wanted, exact);
  if (void* object = CpuStack::pop(slot_)) return object;
  const unsigned node = local_node();
  Sheaf sheaf = refill(gfp, node);
  if (!sheaf) return alloc_one(gfp, node, false);
  nodes_[node].barn[barn_part()].nr_refills.add_alone();
  void* object = sheaf.take();
  Sheaf old;
  // Not installed: somebody else refilled this CPU, or we are on another one by now.
  if (!exchange_if_empty(*world_->sheaves, slot_, sheaf, old)) old = sheaf;
  if (!old) world_->sheaves->equip_this_cpu();
  else if (old.is_empty()) world_->sheaves->put(old.words);
  else put_back(old);
  return object;
}

bool Cache::alloc_bulk(Gfp gfp, size_t n, void** objects) {
  for (size_t got = 0; got < n; ++got) {
    const size_t rest = n - got;
    got += CpuStack::try_pop_some(fast_slot_, objects + got, rest < kSheafCapacity ? static_cast<unsigned>(rest) : kSheafCapacity);
    if (got == n) break;
    objects[got] = alloc(gfp);
    if (objects[got]) continue;
    while (got--) free(objects[got]);
    return false;
  }
  return true;
}

// Giving objects back --------------------------------------------------------------------------------------------------

void Cache::put_objects(Slab* slab, unsigned word, uint64_t mask) {
  const Slab::Put put = slab->put(word, mask);
  CacheNode& node = node_of(slab);
  node.nr_out.fetch_sub(count_bits(mask & ~put.twice));
  for (uint64_t twice = put.twice; twice; twice &= twice - 1)
    refuse_free(start_of(slab) + left_ + (uint64_t{word} * 64 + lowest_bit(twice)) * shape_.size);
  if (put.all_free) node.nr_empty.fetch_add(1);
  if (put.list) push_partial(node, slab);
}

// Which bit of which slab an object is; nothing for a pointer that is none of ours.
Cache::Place Cache::place_of(const void* object) const {
  const Pfn pfn = world_->pages->pfn_of_address(object);
  if (KMEM_UNLIKELY(pfn.value >= world_->pages->frames_end() || world_->frame_class[pfn.value] != class_)) return {};
  Slab* slab = slab_of(object);
  if (KMEM_UNLIKELY(class_ == kSharedClass && slab->cache_id() != id_)) return {};
  // Before the first object it wraps, and is beyond the last.
  const uint32_t offset = (static_cast<uint32_t>(reinterpret_cast<uint64_t>(object)) & (shape_.bytes() - 1)) - left_;
  if (KMEM_UNLIKELY(offset >= shape_.bytes())) return {};
  const uint32_t index = shape_.index_of(offset);
  if (KMEM_UNLIKELY(index * shape_.size != offset || index >= shape_.nr_objects)) return {};
  return {slab, index};
}

// Freed at random, each object lies in another slab: the descriptors of those to come are on their way meanwhile.
void Cache::look_ahead(const Sheaf& sheaf) const {
  if (sheaf.top + kAhead < kSheafWords && class_ != kSharedClass)
    __builtin_prefetch(slab_of(reinterpret_cast<void*>(sheaf.words[sheaf.top + kAhead])), 1);
}

// Objects of one word of one slab go together.  One that lies in the slab of the one before needs no look at the tables.
void Cache::put_back(Sheaf sheaf) {
  const uint64_t span = uint64_t{shape_.nr_objects} * shape_.size;
  Place place;
  uint64_t first = 0, mask = 0;
  while (!sheaf.is_empty()) {
    void* object = sheaf.take();
    const Place last = place;
    const uint64_t offset = reinterpret_cast<uint64_t>(object) - first;
    if (KMEM_LIKELY(offset < span)) place.index = shape_.index_of(static_cast<uint32_t>(offset));
    if (offset >= span || KMEM_UNLIKELY(uint64_t{place.index} * shape_.size != offset)) {
      look_ahead(sheaf);
      place = place_of(object);
      if (KMEM_UNLIKELY(!place.slab)) {
        refuse_free(object);
        place = last;
        continue;
      }
      first = reinterpret_cast<uint64_t>(object) - uint64_t{place.index} * shape_.size;
    }
    const uint64_t bit = uint64_t{1} << (place.index % 64);
    if (mask && (place.slab != last.slab || place.index / 64 != last.index / 64 || (mask & bit))) {
      put_objects(last.slab, last.index / 64, mask);
      mask = 0;
    }
    mask |= bit;
  }
  if (mask) put_objects(place.slab, place.index / 64, mask);
  world_->sheaves->put(sheaf.words);
}

void Cache::put_entry(void* object) {
  const Place place = place_of(object);
  if (place.slab) return put_objects(place.slab, place.index / 64, uint64_t{1} << (place.index % 64));
  refuse_free(object);
}

// The cache holds many slabs for few objects: what sheaves hold back then pins memory out of proportion.
bool Cache::mostly_idle(const CacheNode& node) const {
  const int64_t held = node.nr_slabs.peek() * static_cast<int64_t>(shape_.bytes());
  if (held <= (idle_.peek() ? kIdleFloorAgain : kIdleFloor)) return false;
  int64_t cached = 0;
  for (const BarnPart& part : node.barn) cached += int64_t{world_->sheaves->depth(part.full)} * capacity_;
  return (node.nr_out.peek() - cached) * static_cast<int64_t>(shape_.size) * 3 < held;
}

void Cache::empty_barn(CacheNode& node) {
  for (BarnPart& part : node.barn)
    while (const Sheaf full = world_->sheaves->pop(part.full)) put_back(full);
}

// Of a cache that is mostly idle a sheaf takes fewer objects.
unsigned Cache::short_capacity() const {
  const uint32_t few = shape_.bytes() < kShortSheafPins ? kShortSheafPins / shape_.bytes() : 1;
  return few < capacity_ ? few : capacity_;
}

bool Cache::is_short(Sheaf full) const { return short_capacity() < capacity_ && !full.words[short_capacity()]; }

// A full sheaf goes to the barn while there is room, else its objects go to their slabs; those of a short one always,
// for what lies in a barn is counted by sheaves.
void Cache::stow(Sheaf full) {
  CacheNode& node = nodes_[local_node()];
  const unsigned part = barn_part();
  const bool idle = mostly_idle(node);
  if (!idle && !is_short(full) && world_->sheaves->depth(node.barn[part].full) < barn_max_) {
    world_->sheaves->push(node.barn[part].full, full);
    return;
  }
  put_back(full);
  if (idle) {
    empty_barn(node);
    if (!idle_.exchange(1)) flush_cpus();
  }
  const uint32_t keep = idle ? 0 : kKeepEmpty / shape_.bytes();
  const auto empty = static_cast<int64_t>(node.nr_empty.peek());
  if (empty > keep && empty * 8 >= node.nr_slabs.peek()) trim(node, keep / 2);
}

// Has this CPU brought and fetched sheaves in turn, several times?  Whoever takes and gives a few objects just where a sheaf
// ends would exchange sheaves for ever.  Half a sheaf helps where the swing is less than that; where it is more the turns
// go on, and the next attempt comes after four times as many, since half a sheaf of objects is dear to bring to their slabs.
bool Cache::swings(BarnPart& part) {
  const uint64_t refills = part.nr_refills.value(), fetched = refills - part.refills_at_drain.peek();
  part.refills_at_drain.poke(refills);
  if (fetched != 1) {
    part.turns.poke(0);
    part.turns_to_bear.poke(kTurnsToBear);
    return false;
  }
  const uint32_t turns = part.turns.peek() + 1, bear = part.turns_to_bear.peek() ? part.turns_to_bear.peek() : kTurnsToBear;
  part.turns.poke(turns < bear ? turns : 0);
  if (turns < bear) return false;
  if (bear < kMostTurnsToBear) part.turns_to_bear.poke(bear * 4);
  return true;
}

// One half of a full sheaf stays with this CPU, whose new sheaf is empty, and the other goes to the slabs: then there is way
// to both sides.  False: nothing has been done.
bool Cache::keep_half(Sheaf full) {
  if (full.top || is_short(full)) return false;
  const unsigned moved = push_some(reinterpret_cast<void* const*>(full.words), capacity_ / 2);
  if (!moved) return false;
  full.top += moved;
  put_back(full);
  return true;
}

// A thread without sequences pushes one by one.
unsigned Cache::push_some(void* const* objects, unsigned n) {
  const unsigned moved = CpuStack::try_push_some(slot_, objects, n, {});
  if (moved && moved != kUnfit) return moved;
  unsigned pushed = 0;
  while (pushed < n && CpuStack::push(slot_, objects[pushed]) == Push::Done) ++pushed;
  return pushed;
}

void Cache::free(void* object) {
  if (take_back(object)) count_free();
}

// False: it was refused.
bool Cache::take_back(void* object) {
  if (KMEM_UNLIKELY(direct_)) return free_directly(object);
  for (int tries = 0; tries < 3; ++tries) {
    const Push pushed = CpuStack::push(slot_, object);
    if (pushed == Push::Done) return true;
    if (pushed == Push::Same) return world_->report_double_free(*this, object), false;
    uint64_t* words = get_sheaf(*world_->sheaves);
    if (!words) break;
    CacheNode& node = nodes_[local_node()];
    const unsigned part = barn_part();
    const unsigned capacity = mostly_idle(node) ? short_capacity() : capacity_;
    Sheaf old;
    if (!exchange_if_full(*world_->sheaves, slot_, Sheaf::empty(words, capacity), old)) {
      world_->sheaves->put(words);
      continue;
    }
    node.barn[part].nr_drains.add_alone();
    if (old && !(swings(node.barn[part]) && keep_half(old))) stow(old);
  }
  put_entry(object);
  return true;
}

// Emptying -------------------------------------------------------------------------------------------------------------

void Cache::flush_cpus() {
  if (const Sheaf sheaf = take_local(*world_->sheaves, slot_)) put_back(sheaf);
  take_everywhere(*world_->sheaves, slot_, world_->pages->nr_cpus(), [this](Sheaf sheaf) { put_back(sheaf); });
}

// Takes the whole lists, keeps what is in use, and gives the frames of slabs that are all free back.
uint64_t Cache::trim(CacheNode& node, uint64_t keep, bool for_good) {
  if (keeps_slabs_ && !for_good) return 0;
  SlabLinks links{world_->pages};
  uint64_t released = 0, kept = 0;
  for (unsigned b = CacheNode::kFullness; b-- > 0;) {
    for (uint32_t index = node.partial[b].take_all(); index;) {
      Slab* slab = links.slab(index);
      index = slab->link().load();
      const bool empty = slab->all_free();
      if (!empty || kept < keep) {
        kept += empty;
        push_partial(node, slab);
        continue;
      }
      release(node, slab);
      ++released;
    }
  }
  // A slab whose last object came while another CPU had it in hand was counted and is not empty: begin anew.
  node.nr_empty.store(static_cast<int32_t>(kept));
  return released;
}

// Slabs that are all free, linked, in front of `chain`; nobody else finds them any more.
uint32_t Cache::take_empty(CacheNode& node, uint32_t chain) {
  SlabLinks links{world_->pages};
  for (IndexStack& bucket : node.partial) {
    for (uint32_t index = bucket.take_all(), next; index; index = next) {
      Slab* slab = links.slab(index);
      next = slab->link().load();
      if (!slab->all_free()) {
        push_partial(node, slab);
        continue;
      }
      slab->link().store(chain);
      chain = index;
    }
  }
  node.nr_empty.store(0);
  return chain;
}

uint32_t Cache::take_all_empty() {
  uint32_t chain = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) chain = take_empty(nodes_[n], chain);
  return chain;
}

uint64_t Cache::release_chain(uint32_t chain) {
  SlabLinks links{world_->pages};
  uint64_t released = 0;
  for (; chain; ++released) {
    Slab* slab = links.slab(chain);
    chain = slab->link().load();
    release(node_of(slab), slab);
  }
  return released;
}

uint64_t Cache::shrink_behind_readers(void (*wait_for_readers)()) {
  shrink(true);
  const uint32_t chain = take_all_empty();
  if (chain || leaving_.state.peek() == Leaving::Waiting) wait_for_readers();
  return release_chain(chain);
}

// One lot at a time: what becomes empty meanwhile goes with the next.
void Cache::leave_behind_readers() {
  uint32_t idle = Leaving::Idle;
  if (!leaving_.state.compare_exchange(idle, Leaving::Waiting)) return;
  leaving_.cache = this;
  leaving_.chain = take_all_empty();
  if (!leaving_.chain) return leaving_.state.store(Leaving::Idle);
  world_->rcu->call(&leaving_.head, [](RcuHead* head) {
    auto* leaving = reinterpret_cast<Leaving*>(head);
    leaving->cache->release_chain(leaving->chain);
    leaving->state.store(Leaving::Idle);
  });
}

// Where nobody reads, the grace period is over at once.  A reader would wait for itself, and who may not sleep may hold
// what other callbacks ask for.
uint64_t Cache::reap(bool everywhere) {
  if (!keeps_slabs_) return shrink(everywhere);
  shrink(everywhere);
  if (!world_->rcu) return 0;
  const int64_t before = nr_slabs();
  leave_behind_readers();
  if (!Rcu::is_reader() && may_sleep()) world_->rcu->poll();
  const int64_t after = nr_slabs();
  return after < before ? static_cast<uint64_t>(before - after) : 0;
}

bool Cache::stop_leaving() {
  uint32_t state = Leaving::Idle;
  return leaving_.state.compare_exchange(state, Leaving::Stopped) || state == Leaving::Stopped;
}

uint64_t Cache::shrink(bool everywhere, bool for_good) {
  uint64_t released = 0;
  if (everywhere) flush_cpus();
  else if (const Sheaf sheaf = take_local(*world_->sheaves, slot_)) put_back(sheaf);
  if (held_.peek()) release_held();
  // First all barns: each may hold objects of any node's slabs.
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) empty_barn(nodes_[n]);
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) released += trim(nodes_[n], 0, for_good);
  return released;
}

void Cache::come_home() {
  flush_cpus();
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) empty_barn(nodes_[n]);
}

void Cache::ebb() {
  if (!nr_slabs()) return;
  idle_.poke(1);
  reap(true);
}

// Counting and checking ------------------------------------------------------------------------------------------------

int64_t Cache::nr_slabs() const {
  int64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) sum += nodes_[n].nr_slabs.peek();
  return sum;
}

uint64_t Cache::sum_of(Counter BarnPart::*counter) const {
  uint64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n)
    for (const BarnPart& part : nodes_[n].barn) sum += (part.*counter).value();
  return sum;
}
uint64_t Cache::nr_refills() const { return sum_of(&BarnPart::nr_refills); }
uint64_t Cache::nr_drains() const { return sum_of(&BarnPart::nr_drains); }
uint64_t Cache::nr_allocs() const { return sum_of(&BarnPart::allocs); }
uint64_t Cache::nr_frees() const { return sum_of(&BarnPart::frees); }

// The place's next cache begins at 0; what this one counted stays in the sum over all.
void Cache::hand_over_counts() {
  if (CallCounts* all = world_->counts) {
    all->allocs.add(nr_allocs());
    all->frees.add(nr_frees());
    all->slow_allocs.add(nr_slow_allocs());
    all->slow_frees.add(nr_slow_frees());
  }
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) {
    for (BarnPart& part : nodes_[n].barn) {
      part.nr_refills.take();
      part.nr_drains.take();
      part.allocs.take();
      part.frees.take();
    }
  }
}

uint64_t Cache::nr_cached() const {
  uint64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n)
    for (const BarnPart& part : nodes_[n].barn) sum += uint64_t{world_->sheaves->depth(part.full)} * capacity_;
  for (uint32_t cpu = 0; cpu < 2 * world_->pages->nr_cpus(); ++cpu) {
    const uint64_t word = CpuStack::word({cpu}, slot_);
    if (word && word != world_->sheaves->closed()) sum += Sheaf::of_word(world_->sheaves->base(), word).count();
  }
  return sum;
}

int64_t Cache::nr_in_use() const {
  int64_t sum = 0;
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) sum += nodes_[n].nr_out.peek();
  sum -= static_cast<int64_t>(nr_cached()) + held_.peek();
  return sum < 0 ? 0 : sum;
}

// Where slabs of a debugged cache have been, for validate(): full ones are on no list.
void Cache::remember(Pfn pfn) {
  const uint64_t end = pfn.value + 1;
  for (uint64_t seen = first_pfn_.load(); (!seen || pfn.value < seen) && !first_pfn_.compare_exchange(seen, pfn.value);) {
  }
  for (uint64_t seen = last_pfn_.load(); seen < end && !last_pfn_.compare_exchange(seen, end);) {
  }
}

uint64_t Cache::validate_slab(const Slab* slab, char* start) {
  constexpr const char* kWhen = "when it was looked at";
  uint64_t faults = 0;
  for (uint32_t i = 0; i < shape_.nr_objects; ++i) {
    char* object = start + left_ + uint64_t{i} * shape_.size;
    const bool out = !slab->is_free(i) && debug_.is_out(object);
    faults += out ? !debug_.check_out(object, kWhen) : !debug_.check_free(object, kWhen);
  }
  return faults;
}

template <typename Visit>
void Cache::each_slab(Visit visit) const {
  for (uint64_t pfn = first_pfn_.load(); debug_.has_meta() && pfn < last_pfn_.load(); ++pfn) {
    if (world_->frame_class[pfn] != kSharedClass) continue;
    Page* page = world_->pages->page_at({pfn});
    if (page->kind() == PageKind::Slab && Slab::of(page).cache_id() == id_)
      visit(Slab::of(page), world_->pages->address({pfn}));
  }
}

uint64_t Cache::validate() {
  if (const Fault fault = check()) {
    bug_report(Trouble::Bug, "cache %s is broken at %#llx: %s", name_, static_cast<unsigned long long>(fault.where), fault.rule);
    return 1;
  }
  uint64_t faults = 0;
  each_slab([&](Slab& slab, char* start) { faults += validate_slab(&slab, start); });
  return faults;
}

// A slab that has no free object is on no list: all of them are found by their frames.
unsigned Cache::find_out(const void** out, unsigned most) const {
  unsigned n = 0;
  for (uint64_t pfn = 0; pfn < world_->pages->frames_end() && n < most; ++pfn) {
    if (world_->frame_class[pfn] != class_ || !world_->pages->is_online({pfn})) continue;
    Page* page = world_->pages->page_at({pfn});
    Slab* slab = &Slab::of(page);
    if (page->kind() != PageKind::Slab || slab->cache_id() != id_) continue;
    for (uint32_t i = 0; i < slab->nr_objects() && n < most; ++i)
      if (!slab->is_free(i)) out[n++] = object_at({pfn}, i);
    pfn += shape_.order.pages() - 1;
  }
  return n;
}

Fault Cache::check_slab(const Slab* slab) const {
  const uint64_t pfn = pfn_of(slab).value;
  if (slab->cache_id() != id_) return {"C1 a listed slab is of this cache", pfn, id_, slab->cache_id()};
  unsigned free = 0;
  for (unsigned w = 0; w < shape_.nr_words(); ++w) {
    free += count_bits(slab->bits(w));
    const unsigned left = shape_.nr_objects - 64 * w;
    if (left < 64 && (slab->bits(w) & ~low_mask(left))) return {"S3 no bit beyond nr_objects is set", pfn};
  }
  if (static_cast<int32_t>(free) != slab->nr_free())
    return {"S1 nr_free is the number of free bits", pfn, free, static_cast<uint64_t>(slab->nr_free())};
  if (!slab->listed()) return {"S2 a slab with free bits is listed", pfn};
  for (uint64_t i = 0; i < shape_.order.pages(); ++i)
    if (world_->frame_class[pfn + i] != class_)
      return {"S4 the frames of a slab have its class", pfn + i, class_, world_->frame_class[pfn + i]};
  return {};
}

Fault Cache::check_sheaf(Sheaf sheaf) const {
  for (unsigned i = sheaf.top; sheaf.words[i]; ++i) {
    void* object = reinterpret_cast<void*>(sheaf.words[i]);
    if (!owns(object)) return {"C2 a sheaf holds objects of its cache", sheaf.words[i]};
    const Slab* slab = slab_of(object);
    if (slab->is_free(place_of(object).index)) return {"C2 an object in a sheaf is out of its slab", sheaf.words[i]};
    for (unsigned j = i + 1; sheaf.words[j]; ++j)
      if (sheaf.words[i] == sheaf.words[j]) return {"C2 no object is in a sheaf twice", sheaf.words[i]};
  }
  return {};
}

Fault Cache::check() const {
  SlabLinks links{world_->pages};
  for (unsigned n = 0; n < world_->pages->nr_nodes(); ++n) {
    for (const IndexStack& bucket : nodes_[n].partial)
      for (uint32_t index = bucket.top(); index; index = links.link(index).peek())
        if (const Fault fault = check_slab(links.slab(index))) return fault;
    for (const BarnPart& part : nodes_[n].barn) {
      unsigned sheaves = 0;
      for (uint32_t index = part.full.top(); index; index = world_->sheaves->link(index).peek(), ++sheaves)
        if (const Fault fault = check_sheaf(world_->sheaves->parked(index))) return fault;
      const unsigned depth = world_->sheaves->depth(part.full);
      if (sheaves != depth)
        return {"C4 the topmost sheaf of a part of the barn remembers how many there are", n, sheaves, depth};
    }
  }
  for (uint32_t cpu = 0; cpu < 2 * world_->pages->nr_cpus(); ++cpu) {
    const uint64_t word = CpuStack::word({cpu}, slot_);
    if (!word || word == world_->sheaves->closed()) continue;
    Fault fault = check_sheaf(Sheaf::of_word(world_->sheaves->base(), word));
    if (fault) {
      fault.rule = fault.is("C2") ? "C3 a CPU's sheaf holds objects of its cache, out of their slabs, none twice" : fault.rule;
      return fault;
    }
  }
  return {};
}

}  // namespace kmem
