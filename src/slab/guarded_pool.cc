#include "slab/guarded_pool.h"

#include "base/bits.h"
#include "base/memory.h"
#include "page/page_allocator.h"
#include "slab/cache.h"
#include "slab/guarded_report.h"
#include "watch/fault_injection.h"
#include "watch/report.h"

namespace kmem {
void GuardedPool::init(const Setup& setup) {
  setup_ = setup;
  interval_ns_ = uint64_t{setup.interval_ms} * 1'000'000;
  units_.init(setup.host_page_bytes < kPageSize ? static_cast<uint32_t>(kPageSize) : setup.host_page_bytes);
  seed_.store(kmem_port_entropy() | 1);
  if (interval_ns_) next_.store(kmem_port_tick_ns() + (setup.asked_for ? interval_ns_ : kGrace));
}

uint64_t GuardedPool::random() {
  uint64_t x = seed_.peek();
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  seed_.poke(x);
  return x >> 20;
}

// The pool -------------------------------------------------------------------------------------------------------------

bool GuardedPool::make_pool() {
  const uint64_t units_per_object = 2;
  Order order{
      static_cast<uint8_t>(log2_ceil((setup_.nr_objects + 1) * units_per_object * (units_.unit_bytes() >> kPageShift)))};
  if (order.value > kMaxOrder) order.value = kMaxOrder;
  const Maybe<Pfn> first = setup_.pages->alloc_frames(gfp::kNoWarn, order, kNoNode, Use::Unknown);
  if (!first) return false;
  const auto most = static_cast<uint32_t>(order.bytes() / units_.unit_bytes() / units_per_object - 1);
  if (setup_.nr_objects > most) setup_.nr_objects = most;
  const size_t bytes = round_up(setup_.nr_objects * sizeof(GuardedSlot), kPageSize);
  slots_ = should_fail(FaultPoint::Map, kNoGfp, bytes) ? nullptr : static_cast<GuardedSlot*>(kmem_port_map(bytes, kPageSize));
  char* start = setup_.pages->address(*first);
  if (!slots_ || !kmem_port_protect(start, order.bytes(), Protection::Closed)) {
    setup_.pages->free_frames(*first, order);
    return false;
  }
  Page* page = setup_.pages->page_at(*first);
  page->head.store(Page::pack(PageKind::Guarded, setup_.pages->zone_of(*first)->index(), order, 1));
  units_.set(start, order.bytes());
  return true;
}

// The program has a handler of its own, or there is no memory for the pool: then there is no sampling.
void GuardedPool::stop() {
  off_.store(1);
  interval_ns_ = 0;
  if (char* start = units_.start()) kmem_port_protect(start, units_.bytes(), Protection::Open);
}

bool GuardedPool::open_pool() {
  if (off_.load()) return false;
  if (units_.start()) {
    if (kmem_port_catches_accesses()) return true;
    stop();
    return false;
  }
  if (making_.exchange(1)) return false;
  if (kmem_port_catch_accesses(setup_.caught, setup_.asked_for ? Handlers::Shared : Handlers::Alone) && make_pool())
    return true;
  stop();
  return false;
}

GuardedSlot* GuardedPool::take_slot() {
  for (uint32_t tries = 0; tries < setup_.nr_objects; ++tries) {
    GuardedSlot& slot = slots_[cursor_.fetch_add(1) % setup_.nr_objects];
    uint32_t state = slot.state.load();
    if ((state == GuardedSlot::Unused || state == GuardedSlot::Freed) && slot.state.compare_exchange(state, GuardedSlot::Busy))
      return &slot;
  }
  counts_.skipped_full.add();
  return nullptr;
}

GuardedSlot* GuardedPool::slot_of(const void* p) const {
  const int64_t number = contains(p) ? GuardedUnits::object_of(units_.index_of(p)) : -1;
  return number >= 0 && number < setup_.nr_objects ? &slots_[number] : nullptr;
}

// Objects --------------------------------------------------------------------------------------------------------------

char* GuardedPool::place(const GuardedSlot& slot, size_t size, size_t align) {
  if (!(random() & 1)) return unit_of(slot);
  return reinterpret_cast<char*>(round_down(reinterpret_cast<uintptr_t>(unit_end(slot) - size), align));
}

void* GuardedPool::alloc(const Cache& cache, size_t size, size_t align) {
  if (!size || size > units_.unit_bytes() || align > units_.unit_bytes()) {
    skip();
    return nullptr;
  }
  if (!open_pool()) return nullptr;
  GuardedSlot* slot = take_slot();
  if (!slot) return nullptr;
  if (!units_.open(unit_of(*slot))) {
    slot->state.store(GuardedSlot::Unused);
    return nullptr;
  }
  slot->size = static_cast<uint32_t>(size);
  slot->object = place(*slot, size, align < 8 ? 8 : align);
  slot->cache = &cache;
  memcpy(slot->cache_name, cache.name(), sizeof slot->cache_name);
  slot->opened.store(nullptr);
  slot->paint(unit_of(*slot), unit_end(*slot));
  slot->allocated.take();
  counts_.allocs.add();
  slot->state.store(GuardedSlot::Allocated);
  return slot->object;
}

GuardedSlot* GuardedPool::allocated_at(const void* p) const {
  GuardedSlot* slot = slot_of(p);
  return slot && slot->is(GuardedSlot::Allocated) && slot->object == p ? slot : nullptr;
}

bool GuardedPool::find(const void* p, Object& object) const {
  const GuardedSlot* slot = allocated_at(p);
  if (slot) object = {slot->cache, slot->size};
  return slot;
}

bool GuardedPool::shrink(void* p, size_t size) {
  GuardedSlot* slot = allocated_at(p);
  if (!slot) return false;
  report_damage(*slot);
  slot->size = static_cast<uint32_t>(size);
  slot->paint(unit_of(*slot), unit_end(*slot));
  return true;
}

void GuardedPool::free(void* p) {
  GuardedSlot* slot = slot_of(p);
  uint32_t allocated = GuardedSlot::Allocated;
  if (!slot || slot->object != p || !slot->state.compare_exchange(allocated, GuardedSlot::Busy)) {
    counts_.bugs.add();
    return guarded_report::invalid_free(subject(slot && !slot->is(GuardedSlot::Unused) ? slot : nullptr), p);
  }
  report_damage(*slot);
  if (char* opened = slot->opened.exchange(nullptr)) {
    kmem_port_discard(opened, units_.unit_bytes());
    units_.close(opened);
  }
  slot->freed.take();
  if (!off_.load()) {
    if (!kmem_port_discard(unit_of(*slot), units_.unit_bytes())) memset(unit_of(*slot), 0, units_.unit_bytes());
    units_.close(unit_of(*slot));
  }
  counts_.frees.add();
  slot->state.store(GuardedSlot::Freed);
}

uint32_t GuardedPool::nr_of(const Cache& cache) const {
  uint32_t n = 0;
  each([&](const void*, size_t, const Cache& its) { n += &its == &cache; });
  return n;
}

// Mistakes ---------------------------------------------------------------------------------------------------------------

guarded_report::Subject GuardedPool::subject(const GuardedSlot* slot) const {
  return slot ? guarded_report::Subject{slot, static_cast<int>(slot - slots_)} : guarded_report::Subject{};
}

void GuardedPool::report_damage(const GuardedSlot& slot) {
  const char* at = slot.find_damage(unit_of(slot), unit_end(slot));
  if (!at) return;
  counts_.bugs.add();
  guarded_report::damage(subject(&slot), at, at < slot.object ? slot.object : unit_end(slot));
}

// The allocated object next to a guard unit, on the side nearer to the address.
GuardedSlot* GuardedPool::nearest(const char* address) const {
  const uint32_t index = units_.index_of(address);
  const auto slot_at = [&](uint32_t i) -> GuardedSlot* {
    GuardedSlot* slot = slot_of(units_.unit(i));
    return slot && slot->is(GuardedSlot::Allocated) ? slot : nullptr;
  };
  GuardedSlot* left = index >= 1 ? slot_at(index - 1) : nullptr;
  GuardedSlot* right = slot_at(index + 1);
  if (!left || !right) return left ? left : right;
  return address - (left->end() - 1) <= right->object - address ? left : right;
}

void GuardedPool::report_access(const BadAccess& access, GuardedSlot* slot) {
  const auto* at = static_cast<const char*>(access.address);
  TextOf<64> where;
  if (slot && slot->is(GuardedSlot::Freed)) {
    where.printf(" (in kfence-#%d)", subject(slot).number);
    counts_.bugs.add();
    guarded_report::access(access, subject(slot), "use-after-free", where.data());
  } else if (GuardedSlot* near = slot ? nullptr : nearest(at)) {
    const bool left = at < near->object;
    where.printf(" (%lluB %s of kfence-#%d)",
                 static_cast<unsigned long long>(left ? near->object - at : at - (near->end() - 1)), left ? "left" : "right",
                 subject(near).number);
    counts_.bugs.add();
    guarded_report::access(access, subject(near), "out-of-bounds", where.data());
    near->opened.store(units_.unit(units_.index_of(at)));
  } else if (!slot || slot->is(GuardedSlot::Unused)) {
    counts_.bugs.add();
    guarded_report::access(access, {}, "invalid", "");
  }
}

// Afterwards the program continues as if there were no guard.
bool GuardedPool::caught(const BadAccess& access) {
  if (!units_.start() || !contains(access.address)) return false;
  report_access(access, slot_of(access.address));
  return units_.open(units_.unit(units_.index_of(access.address)));
}

// Counting and checking --------------------------------------------------------------------------------------------------

GuardedPool::Stats GuardedPool::stats() const {
  Stats s;
  s.enabled = interval_ns_ && !off_.peek();
  s.interval_ms = interval_ns_ / 1'000'000;
  s.objects = setup_.nr_objects;
  s.total_allocs = counts_.allocs.value();
  s.total_frees = counts_.frees.value();
  s.allocated = s.total_allocs - s.total_frees;
  s.bugs = counts_.bugs.value();
  s.skipped_full = counts_.skipped_full.value();
  s.skipped_kind = counts_.skipped_kind.value();
  return s;
}

Fault GuardedPool::check() const {
  uint64_t allocated = 0;
  for (uint32_t i = 0; units_.start() && i < setup_.nr_objects; ++i) {
    const GuardedSlot& slot = slots_[i];
    if (slot.state.peek() != GuardedSlot::Allocated) continue;
    ++allocated;
    if (slot.object < unit_of(slot) || slot.end() > unit_end(slot))
      return {"G1 an allocated object lies within its unit", i, reinterpret_cast<uint64_t>(slot.object)};
    if (const char* at = slot.find_damage(unit_of(slot), unit_end(slot)))
      return {"G1 the bytes around an allocated object are the pattern", i, reinterpret_cast<uint64_t>(at)};
  }
  const uint64_t counted = counts_.allocs.value() - counts_.frees.value();
  if (allocated != counted) return {"G2 nr_allocated is the number of allocated slots", 0, allocated, counted};
  return {};
}

}  // namespace kmem
