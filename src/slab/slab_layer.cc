#include "slab/slab_layer.h"

#include "base/check.h"
#include "page/page_allocator.h"
#include "slab/cache_node.h"
#include "slab/cache_setup.h"
#include "slab/debug.h"
#include "slab/slab_world.h"
#include "slab/tables.h"
#include "sync/shuffle.h"

namespace kmem {
namespace {

/// How many objects ahead descriptors are prefetched.
constexpr unsigned kAhead = 6;

/// With objects of up to a page every frame of a slab will be touched; with larger ones that is unknown.
Use use_of(const CacheSetup& setup) { return setup.object_size <= kPageSize ? Use::Dense : Use::Unknown; }

/// Objects that were freed in random order lie in different slabs, so the descriptors of the next ones are prefetched.
void look_ahead(const SlabFrames& frames, const Sheaf& sheaf) {
  if (sheaf.top + kAhead >= kSheafWords || frames.class_byte() == kSharedClass) return;
  frames.prefetch_slab_of(sheaf.words[sheaf.top + kAhead]);  // may be any word: it is not dereferenced
}

}  // namespace

void SlabLayer::init(const SlabWorld& world, const Owner& owner, const SlabFrames::Kind& kind) {
  world_ = &world;
  owner_ = owner;
  frames_.init(world, kind);
  apart_.init();
}

unsigned SlabLayer::nr_nodes() const { return world_->pages->nr_nodes(); }
unsigned SlabLayer::local_node() const { return world_->pages->local_node().value; }
CacheNode& SlabLayer::node(unsigned n) const { return owner_.nodes[n]; }

CacheNode& SlabLayer::node_of(const Slab* slab) const {
  if (nr_nodes() == 1) return owner_.nodes[0];
  return owner_.nodes[world_->pages->zone(Page::zone_of(slab->page()->head.peek())).node().value];
}

// Not for debugged caches, whose red zones kmem checks itself.
bool SlabLayer::tells() const { return KMEM_UNLIKELY(world_->tells) && !owner_.debug->on(); }

// Slabs ----------------------------------------------------------------------------------------------------------------

// Runs the constructor over the objects of a new slab.
void SlabLayer::make_objects(const Slab& slab) {
  if (!owner_.setup->hook && !owner_.debug->on()) return;
  for (uint32_t i = 0; i < shape().nr_objects; ++i) {
    char* object = frames_.object_at(&slab, i);
    if (owner_.debug->on()) owner_.debug->make(object);
    if (owner_.setup->hook) owner_.setup->hook(object, owner_.cache, HookCall::Construct);
  }
}

void SlabLayer::destroy_objects(const Slab& slab) {
  if (!owner_.setup->hook && !owner_.debug->on()) return;
  for (uint32_t i = 0; i < shape().nr_objects; ++i) {
    char* object = frames_.object_at(&slab, i);
    owner_.debug->check_free(object, "when its slab was given back");
    if (owner_.setup->hook) owner_.setup->hook(object, owner_.cache, HookCall::Destroy);
  }
}

// An overrun of the preceding slab then faults. At most kMostClosed pages, because each may split a mapping in three, and the
// host limits their number.
void SlabLayer::close_first_page(Slab& slab) const {
  constexpr int64_t kMostClosed = 8192;
  static Atomic<int64_t> nr_closed{0};
  if (!owner_.seal->on() || !world_->guards_slabs || shape().waste() < kPageSize || nr_closed.load() >= kMostClosed) return;
  if (!kmem_port_protect(frames_.start_of(&slab), kPageSize, Protection::Closed)) return;
  nr_closed.fetch_add(1);
  slab.set_guarded();
}

// What is left while memory is low is for callers that may have it, and any caller may get a later object of a slab for
// samples.
Slab* SlabLayer::new_slab(Gfp gfp, NodeWish wish) {
  if (KMEM_UNLIKELY(wish.sampled) && (shape().nr_words() > 4 || world_->pages->lists_closed())) return nullptr;
  gfp = (gfp & ~(gfp::kZero | gfp::kZoneMask)) | owner_.setup->gfp;
  const bool far = wish.exact || wish.node != local_node();
  const auto pfn =
      world_->pages->alloc_frames(gfp, shape().order, far ? static_cast<int>(wish.node) : kNoNode, use_of(*owner_.setup));
  if (!pfn) return nullptr;
  if (owner_.seal->on()) owner_.seal->forget(world_->pages->address(*pfn), shape().bytes());
  Slab* slab = &Slab::of(world_->pages->page_at(*pfn));
  slab->init(shape(), world_->pages->zone_of(*pfn)->index(), frames_.cache_id());
  if (KMEM_UNLIKELY(wish.sampled)) apart_.add_sampled(*slab);
  else if (KMEM_UNLIKELY(world_->pages->is_reserve(*pfn)) && !owner_.setup->keeps_slabs && shape().nr_words() <= 4)
    apart_.add(*slab);
  for (uint64_t i = 0; i < shape().order.pages(); ++i) KMEM_ASSERT(world_->frame_class[pfn->value + i], ==, kNoClass);
  frames_.write_class(*slab);
  close_first_page(*slab);
  make_objects(*slab);
  if (tells()) kmem_port_tell(Tell::Closed, frames_.start_of(slab), shape().bytes());
  node_of(slab).slabs.count_slab();
  if (idle_.peek()) idle_.poke(0);
  return slab;
}

void SlabLayer::release(Slab& slab) {
  KMEM_ASSERT(slab.cache_id(), ==, frames_.cache_id());
  KMEM_ASSERT(slab.listed(), ==, true);
  KMEM_ASSERT(slab.nr_free(), ==, static_cast<int32_t>(slab.nr_objects()));
  if (tells()) kmem_port_tell(Tell::Open, frames_.start_of(&slab), shape().bytes());
  destroy_objects(slab);
  if (slab.guarded()) kmem_port_protect(frames_.start_of(&slab), kPageSize, Protection::Open);
  CacheNode& node = node_of(&slab);
  if (KMEM_UNLIKELY(slab.apart())) apart_.count_down();
  frames_.clear_class(slab);
  node.slabs.uncount_slab();
  world_->pages->free_frames(frames_.pfn_of(&slab), shape().order);
}

uint64_t SlabLayer::release_empty(CacheNode& node, uint64_t keep) {
  const auto release_it = [this](Slab& slab) { release(slab); };
  const uint64_t apart = apart_.any() ? node.slabs.take_apart_empty(frames_.links(), release_it) : 0;
  return apart + node.slabs.take_empty(frames_.links(), keep, release_it);
}

uint64_t SlabLayer::trim(CacheNode& node, uint64_t keep) { return owner_.setup->keeps_slabs ? 0 : release_empty(node, keep); }

uint64_t SlabLayer::trim_all() {
  uint64_t released = 0;
  for (unsigned n = 0; n < nr_nodes(); ++n) released += trim(owner_.nodes[n], 0);
  return released;
}

uint64_t SlabLayer::release_all_empty() {
  uint64_t released = 0;
  for (unsigned n = 0; n < nr_nodes(); ++n) released += release_empty(owner_.nodes[n], 0);
  return released;
}

void SlabLayer::trim_if_many(CacheNode& node, uint64_t keep) {
  if (KMEM_UNLIKELY(world_->zeroes)) return;  // slabs stay with their cache until memory is short
  if (node.slabs.has_many_empty(keep)) trim(node, keep / 2);
}

uint32_t SlabLayer::unlist_empty() {
  const SlabLinks links = frames_.links();
  uint32_t chain = 0;
  for (unsigned n = 0; n < nr_nodes(); ++n) {
    owner_.nodes[n].slabs.take_empty(links, 0, [&](Slab& slab) {
      slab.link().store(chain);
      chain = links.index(&slab);
    });
  }
  return chain;
}

uint64_t SlabLayer::release_chain(uint32_t chain) {
  const SlabLinks links = frames_.links();
  uint64_t released = 0;
  for (; chain; ++released) {
    Slab* slab = links.slab(chain);
    chain = slab->link().load();
    release(*slab);
  }
  return released;
}

uint64_t SlabLayer::length_of(uint32_t chain) const {
  const SlabLinks links = frames_.links();
  uint64_t n = 0;
  for (; chain; chain = links.link(chain).peek()) ++n;
  return n;
}

// Taking objects -------------------------------------------------------------------------------------------------------

// Takes only one object of a slab that is apart, for the caller itself: further ones would lie in this CPU's sheaf, for any
// caller.
unsigned SlabLayer::take_from(Slab& slab, unsigned want, Sheaf& into) {
  if (KMEM_UNLIKELY(slab.apart())) want = 1;
  CacheNode& node = node_of(&slab);
  char* first = frames_.first_object(&slab);
  const bool any = world_->random_order || owner_.setup->flags & cache_flag::kHardened;
  const unsigned n = KMEM_UNLIKELY(any) ? slab.take_any(shape(), first, kmem_port_entropy(), into)
                     : KMEM_UNLIKELY(world_->dice && world_->zeroes)
                         ? slab.take_anywhere(shape(), first, want, world_->dice->roll(), into)
                         : slab.take(shape(), first, want, into);
  node.slabs.count_out(n);
  if (slab.release_hold()) node.slabs.push(frames_.links(), slab);
  return n;
}

unsigned SlabLayer::take(Gfp gfp, NodeWish wish, unsigned want, Sheaf& into) {
  NodeSlabs& slabs = owner_.nodes[wish.node].slabs;
  unsigned n = 0;
  while (n < want) {
    Slab* slab = KMEM_UNLIKELY(wish.sampled) ? slabs.pop_sampled(frames_.links()) : slabs.pop(frames_.links());
    if (!slab && n * 2 >= want) break;
    const bool low = !slab && world_->pages->lists_closed();
    if (!slab && n && KMEM_UNLIKELY(low)) break;
    if (!slab && !wish.sampled) slab = apart_.take(frames_, slabs, low ? MemoryIs::Low : MemoryIs::Enough, gfp);
    if (!slab) slab = new_slab(gfp, wish);
    if (!slab) break;
    const bool alone = KMEM_UNLIKELY(slab->apart());
    n += take_from(*slab, want - n, into);
    if (alone) break;
  }
  return n;
}

void* SlabLayer::take_one(Gfp gfp, NodeWish wish) {
  uint64_t room[2];
  Sheaf one = Sheaf::cut(room, 1);
  if (!take(gfp, wish, 1, one)) return nullptr;
  void* object = one.take();
  if (tells()) kmem_port_tell(owner_.setup->hook ? Tell::GivenWhole : Tell::Given, object, owner_.setup->object_size);
  return object;
}

// Giving objects back --------------------------------------------------------------------------------------------------

void SlabLayer::refuse_free(const void* object) const {
  if (owner_.debug->on()) return owner_.debug->refuse(static_cast<const char*>(object), "Object already free");
  world_->report_double_free(*owner_.cache, object);
}

void SlabLayer::put_objects(Slab& slab, unsigned word, uint64_t mask) {
  CacheNode& node = node_of(&slab);
  const bool apart = KMEM_UNLIKELY(slab.apart());  // read first: afterwards the slab may be released and reused
  const Slab::Put put = slab.put(word, mask);
  node.slabs.count_back(count_bits(mask & ~put.twice));
  for (uint64_t twice = put.twice; twice; twice &= twice - 1)
    refuse_free(frames_.object_at(&slab, word * 64 + lowest_bit(twice)));
  if (put.all_free && !apart) node.slabs.count_empty();
  if (put.list) node.slabs.push(frames_.links(), slab);
  if (put.all_free && apart && !owner_.setup->keeps_slabs)
    node.slabs.take_apart_empty(frames_.links(), [this](Slab& empty) { release(empty); });
}

void SlabLayer::put(void* object) {
  const SlabFrames::Place place = frames_.place_of(object);
  if (place.slab) return put_objects(*place.slab, place.index / 64, uint64_t{1} << (place.index % 64));
  refuse_free(object);
}

// Objects of one word of one slab are freed together. An object in the same slab as the one before needs no lookup.
void SlabLayer::put_all(Sheaf& sheaf) {
  const uint64_t span = uint64_t{shape().nr_objects} * shape().size;
  SlabFrames::Place place;
  uint64_t first = 0, mask = 0;
  while (!sheaf.is_empty()) {
    void* object = sheaf.take();
    const SlabFrames::Place last = place;
    const uint64_t offset = reinterpret_cast<uint64_t>(object) - first;
    if (KMEM_LIKELY(offset < span)) place.index = shape().index_of(static_cast<uint32_t>(offset));
    if (offset >= span || KMEM_UNLIKELY(uint64_t{place.index} * shape().size != offset)) {
      look_ahead(frames_, sheaf);
      place = frames_.place_of(object);
      if (KMEM_UNLIKELY(!place.slab)) {
        refuse_free(object);
        place = last;
        continue;
      }
      first = reinterpret_cast<uint64_t>(object) - uint64_t{place.index} * shape().size;
    }
    const uint64_t bit = uint64_t{1} << (place.index % 64);
    if (mask && (place.slab != last.slab || place.index / 64 != last.index / 64 || (mask & bit))) {
      put_objects(*last.slab, last.index / 64, mask);
      mask = 0;
    }
    mask |= bit;
  }
  if (mask) put_objects(*place.slab, place.index / 64, mask);
}

// Counting and checking ------------------------------------------------------------------------------------------------

int64_t SlabLayer::nr_slabs() const {
  if (!frames_.any()) return 0;  // do not touch the nodes' memory
  int64_t sum = 0;
  for (unsigned n = 0; n < nr_nodes(); ++n) sum += owner_.nodes[n].slabs.nr_slabs();
  return sum;
}

int64_t SlabLayer::nr_out() const {
  int64_t sum = 0;
  for (unsigned n = 0; n < nr_nodes(); ++n) sum += owner_.nodes[n].slabs.nr_out();
  return sum;
}

Fault SlabLayer::check_node(unsigned n, uint64_t& listed) const {
  return owner_.nodes[n].slabs.each_listed(frames_.links(), [&](const Slab& slab) -> Fault {
    ++listed;
    const uint64_t pfn = frames_.pfn_of(&slab).value;
    if (slab.cache_id() != frames_.cache_id())
      return {"C1 a listed slab is of this cache", pfn, frames_.cache_id(), slab.cache_id()};
    if (const Fault fault = frames_.check(slab)) return fault;
    if (!slab.listed()) return {"S2 a slab with free bits is listed", pfn};
    return {};
  });
}

Fault SlabLayer::check(uint64_t unlisted) const {
  uint64_t listed = unlisted, says_listed = 0;
  for (unsigned n = 0; n < nr_nodes(); ++n)
    if (const Fault fault = check_node(n, listed)) return fault;
  // The reverse check: from the frames to the lists.
  Fault fault;
  frames_.each([&](const Slab& slab) {
    says_listed += slab.listed();
    fault = frames_.check(slab);
    if (!fault && slab.nr_free() && !slab.listed()) fault = {"S2 a slab with free bits is listed", frames_.pfn_of(&slab).value};
    return !fault;
  });
  if (!fault && says_listed != listed) fault = {"S2 a slab that says so is on a list", 0, says_listed, listed};
  return fault;
}

Fault SlabLayer::check_counts() const {
  struct Found {
    int64_t slabs = 0, out = 0;
  } found[kMaxNodes];
  frames_.each([&](const Slab& slab) {
    Found& node = found[&node_of(&slab) - owner_.nodes];
    ++node.slabs;
    node.out += static_cast<int64_t>(slab.nr_objects()) - slab.nr_free();
    return true;
  });
  for (unsigned n = 0; n < nr_nodes(); ++n) {
    const NodeSlabs& slabs = node(n).slabs;
    if (slabs.nr_slabs() != found[n].slabs)
      return {"C5 nr_slabs is the number of slabs that the node's frames are", n, static_cast<uint64_t>(found[n].slabs),
              static_cast<uint64_t>(slabs.nr_slabs())};
    if (slabs.nr_out() != found[n].out)
      return {"C6 nr_out is the number of objects that are out of their slabs", n, static_cast<uint64_t>(found[n].out),
              static_cast<uint64_t>(slabs.nr_out())};
  }
  return {};
}

}  // namespace kmem
