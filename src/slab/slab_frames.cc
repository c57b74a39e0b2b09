#include "slab/slab_frames.h"

#include "base/check.h"
#include "base/memory.h"
#include "page/page_allocator.h"
#include "slab/slab_world.h"
#include "slab/tables.h"

namespace kmem {

void SlabFrames::init(const SlabWorld& world, const Kind& kind) {
  world_ = &world;
  kind_ = kind;
}

SlabLinks SlabFrames::links() const { return {world_->pages->page_at({0})}; }
Pfn SlabFrames::pfn_of(const Slab* slab) const { return world_->pages->pfn_of(reinterpret_cast<const Page*>(slab)); }
char* SlabFrames::start_of(const Slab* slab) const { return world_->pages->address(pfn_of(slab)); }

Slab* SlabFrames::slab_of(const void* object) const {
  const Pfn pfn = world_->pages->pfn_of_address(object);
  if (class_byte() != kSharedClass && KMEM_LIKELY(world_->frame_class[pfn.value] != kSharedClass))
    return &Slab::of(world_->pages->page_at(shape().first_frame(pfn)));
  Page* page = world_->pages->page_at(pfn);
  return &Slab::of(page->kind() == PageKind::SlabTail ? page - page->aux : page);
}

SlabFrames::Place SlabFrames::place_of(const void* object) const {
  const Pfn pfn = world_->pages->pfn_of_address(object);
  if (KMEM_UNLIKELY(pfn.value >= world_->pages->frames_end())) return {};
  const uint8_t c = world_->frame_class[pfn.value];
  if (KMEM_UNLIKELY(c != class_byte() && c != kSharedClass)) return {};
  Slab* slab = slab_of(object);
  if (KMEM_UNLIKELY(c == kSharedClass && slab->cache_id() != cache_id())) return {};
  // For an address before the first object this wraps around, and so is beyond the last object.
  const uint32_t offset = (static_cast<uint32_t>(reinterpret_cast<uint64_t>(object)) & (shape().bytes() - 1)) - kind_.lead;
  if (KMEM_UNLIKELY(offset >= shape().bytes())) return {};
  const uint32_t index = shape().index_of(offset);
  if (KMEM_UNLIKELY(index * shape().size != offset || index >= shape().nr_objects)) return {};
  return {slab, index};
}

const void* SlabFrames::object_around(const void* p) const {
  const char* first = first_object(slab_of(p));
  const auto offset = static_cast<uint64_t>(static_cast<const char*>(p) - first);
  return offset < shape().bytes() ? first + offset / shape().size * shape().size : p;
}

void SlabFrames::prefetch_slab_of(uint64_t address) const {
  const Pfn pfn = world_->pages->pfn_of_address(reinterpret_cast<void*>(address));
  __builtin_prefetch(world_->pages->page_at(shape().first_frame(pfn)), 1);
}

void SlabFrames::widen(uint64_t first) {
  const uint64_t end = first + shape().order.pages();
  for (uint64_t seen = behind_first_.load(); (!seen || first + 1 < seen) && !behind_first_.compare_exchange(seen, first + 1);) {
  }
  for (uint64_t seen = end_.load(); seen < end && !end_.compare_exchange(seen, end);) {
  }
}

void SlabFrames::write_class(const Slab& slab) {
  const Pfn first = pfn_of(&slab);
  widen(first.value);
  const uint8_t c = slab.apart() ? static_cast<uint8_t>(kSharedClass) : class_byte();
  const uint64_t nr = shape().order.pages();
  KMEM_ASSERT(first.value % nr, ==, uint64_t{0});
  memset(world_->frame_class + first.value, c, nr);
  for (uint32_t i = 1; c == kSharedClass && i < nr; ++i) {
    Page* tail = world_->pages->page_at(first + i);
    tail->aux = i;
    tail->head.poke(Page::pack(PageKind::SlabTail, 0, {}, 0));
  }
}

// Clears the later descriptors, which held free bits or a distance: the descriptor of a free frame must say that it has no
// user.
void SlabFrames::clear_class(const Slab& slab) const {
  const Pfn first = pfn_of(&slab);
  memset(world_->frame_class + first.value, kNoClass, shape().order.pages());
  for (uint32_t i = 1; i < shape().order.pages(); ++i) world_->pages->page_at(first + i)->head.poke(0);
}

// Memory comes online in whole blocks; for a block that is offline the frame table has no memory either.
Slab* SlabFrames::next(uint64_t& from) const {
  for (; from < end_.peek(); ++from) {
    if (from % kBlockFrames == 0 && !world_->pages->is_online({from})) {
      from += kBlockFrames - 1;
      continue;
    }
    const uint8_t c = world_->frame_class[from];
    if (c != class_byte() && c != kSharedClass) continue;
    Page* page = world_->pages->page_at({from});
    if (page->kind() != PageKind::Slab || Slab::of(page).cache_id() != cache_id()) continue;
    from += shape().order.pages();
    return &Slab::of(page);
  }
  return nullptr;
}

unsigned SlabFrames::find_out(const void** out, unsigned most) const {
  unsigned n = 0;
  each([&](const Slab& slab) {
    for (uint32_t i = 0; i < slab.nr_objects() && n < most; ++i)
      if (!slab.is_free(i)) out[n++] = object_at(&slab, i);
    return n < most;
  });
  return n;
}

Fault SlabFrames::check(const Slab& slab) const {
  const uint64_t pfn = pfn_of(&slab).value;
  unsigned free = 0;
  for (unsigned w = 0; w < shape().nr_words(); ++w) {
    free += count_bits(slab.bits(w));
    const unsigned left = shape().nr_objects - 64 * w;
    if (left < 64 && (slab.bits(w) & ~low_mask(left))) return {"S3 no bit beyond nr_objects is set", pfn};
  }
  if (static_cast<int32_t>(free) != slab.nr_free())
    return {"S1 nr_free is the number of free bits", pfn, free, static_cast<uint64_t>(slab.nr_free())};
  const uint8_t c = slab.apart() ? static_cast<uint8_t>(kSharedClass) : class_byte();
  for (uint64_t i = 0; i < shape().order.pages(); ++i)
    if (world_->frame_class[pfn + i] != c)
      return {"S4 the frames of a slab have its class", pfn + i, c, world_->frame_class[pfn + i]};
  return {};
}

}  // namespace kmem
