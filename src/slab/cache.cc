#include "slab/cache.h"

#include "base/memory.h"
#include "port/port.h"
#include "slab/slab_links.h"
#include "sync/cpu_words.h"
#include "watch/fault_injection.h"

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
  if (!begun_.peek()) begun_.poke(true);
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

}  // namespace kmem
