#include "slab/guarded_pool.h"

#include "base/bits.h"
#include "base/memory.h"
#include "slab/cache.h"
#include "watch/fault_injection.h"

namespace kmem {
namespace {

constexpr char kLine[] = "==================================================================";

/// What surrounds an object: another byte at every address of eight, so that shifted copies are seen too.
uint8_t pattern_at(const char* at) { return static_cast<uint8_t>(0xaa ^ (reinterpret_cast<uintptr_t>(at) & 7)); }

void take_track(Track& track) {
  track.nr_frames = kmem_port_backtrace(track.frames, Track::kFrames);
  track.task = kmem_port_task_id();
  track.cpu = CpuStack::where().value;
  track.at_ns = kmem_port_now_ns();
}

void put_track(Report& report, const char* what, const Track& track) {
  report.line("%s", "");
  report.line("%s by task %u on cpu %u at %llu.%06llus:", what, track.task, track.cpu,
              static_cast<unsigned long long>(track.at_ns / 1000000000),
              static_cast<unsigned long long>(track.at_ns / 1000 % 1000000));
  const unsigned own = own_frames(track.frames, track.nr_frames);
  report.callers(track.frames + own, track.nr_frames - own);
}

/// Who has called kmem.  To be taken in a small frame: a report's room, not yet written, is full of what earlier calls
/// have left there.
struct Callers {
  static constexpr unsigned kFrames = 48;
  Callers() : nr(kmem_port_backtrace(frames, kFrames)) {}
  void* frames[kFrames];
  unsigned nr;
};

void put_head(Report& report, const char* what, const Callers& callers) {
  TextOf<200> name;
  const unsigned own = own_frames(callers.frames, callers.nr);
  put_code_name(name, own < callers.nr ? callers.frames[own] : nullptr);
  report.line("%s", kLine);
  report.line("BUG: KFENCE: %s in %s", what, name.data());
  report.line("%s", "");
}

void put_callers(Report& report, const Callers& callers) {
  const unsigned own = own_frames(callers.frames, callers.nr);
  const unsigned left = callers.nr - own;
  report.callers(callers.frames + own, left < Track::kFrames ? left : Track::kFrames);
}

/// Reports of one mistake in a loop end somewhere.
RateLimit limit;

}  // namespace

void GuardedPool::init(const Setup& setup) {
  pages_ = setup.pages;
  interval_ns_ = uint64_t{setup.interval_ms} * 1'000'000;
  nr_ = setup.nr_objects;
  caught_ = setup.caught;
  share_ = setup.asked_for;
  unit_bytes_ = setup.host_page_bytes < kPageSize ? static_cast<uint32_t>(kPageSize) : setup.host_page_bytes;
  seed_.store(kmem_port_entropy() | 1);
  if (interval_ns_) next_.store(kmem_port_tick_ns() + (share_ ? interval_ns_ : kGrace));
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
  Order order{static_cast<uint8_t>(log2_ceil((nr_ + 1) * units_per_object * (unit_bytes_ >> kPageShift)))};
  if (order.value > kMaxOrder) order.value = kMaxOrder;
  const Maybe<Pfn> first = pages_->alloc_frames(gfp::kNoWarn, order, kNoNode);
  if (!first) return false;
  const auto most = static_cast<uint32_t>(order.bytes() / unit_bytes_ / units_per_object - 1);
  if (nr_ > most) nr_ = most;
  const size_t bytes = round_up(nr_ * sizeof(Slot), kPageSize);
  slots_ = should_fail(FaultPoint::Map, kNoGfp, bytes) ? nullptr : static_cast<Slot*>(kmem_port_map(bytes, kPageSize));
  char* start = pages_->address(*first);
  if (!slots_ || !kmem_port_protect(start, order.bytes(), false)) {
    pages_->free_frames(*first, order);
    return false;
  }
  Page* page = pages_->page_at(*first);
  page->head.store(Page::pack(PageKind::Guarded, pages_->zone_of(*first)->index(), order, 1));
  bytes_.poke(order.bytes());
  start_.store(start);
  return true;
}

// The program has a handler of its own, or memory for a pool is not to be had: then we are not there.
void GuardedPool::stop() {
  off_.store(1);
  interval_ns_ = 0;
  if (char* start = start_.load()) kmem_port_protect(start, bytes_.peek(), true);
}

bool GuardedPool::open_pool() {
  if (off_.load()) return false;
  if (start_.load()) {
    if (kmem_port_catches_accesses()) return true;
    stop();
    return false;
  }
  if (making_.exchange(1)) return false;
  if (kmem_port_catch_accesses(caught_, share_) && make_pool()) return true;
  stop();
  return false;
}

GuardedPool::Slot* GuardedPool::take_slot() {
  for (uint32_t tries = 0; tries < nr_; ++tries) {
    Slot& slot = slots_[cursor_.fetch_add(1) % nr_];
    uint32_t state = slot.state.load();
    if ((state == Unused || state == Freed) && slot.state.compare_exchange(state, Busy)) return &slot;
  }
  nr_full_.add();
  return nullptr;
}

GuardedPool::Slot* GuardedPool::slot_of(const void* p) const {
  if (!contains(p)) return nullptr;
  const auto index = static_cast<uint64_t>(static_cast<const char*>(p) - start_.peek()) / unit_bytes_;
  if (index < 2 || index % 2) return nullptr;
  return (index - 2) / 2 < nr_ ? &slots_[(index - 2) / 2] : nullptr;
}

// Objects --------------------------------------------------------------------------------------------------------------

char* GuardedPool::place(const Slot& slot, size_t size, size_t align) {
  char* page = unit_of(slot);
  if (!(random() & 1)) return page;
  return reinterpret_cast<char*>(round_down(reinterpret_cast<uintptr_t>(page + unit_bytes_ - size), align));
}

void GuardedPool::paint(const Slot& slot) const {
  char *page = unit_of(slot), *end = page + unit_bytes_;
  for (char* at = page; at < slot.object; ++at) *at = static_cast<char>(pattern_at(at));
  for (char* at = slot.object + slot.size; at < end; ++at) *at = static_cast<char>(pattern_at(at));
}

const char* GuardedPool::find_damage(const Slot& slot) const {
  const char *page = unit_of(slot), *end = page + unit_bytes_;
  for (const char* at = slot.object; at-- > page;)
    if (static_cast<uint8_t>(*at) != pattern_at(at)) return at;
  for (const char* at = slot.object + slot.size; at < end; ++at)
    if (static_cast<uint8_t>(*at) != pattern_at(at)) return at;
  return nullptr;
}

void* GuardedPool::alloc(const Cache& cache, size_t size, size_t align) {
  if (!size || size > unit_bytes_ || align > unit_bytes_) {
    skip();
    return nullptr;
  }
  if (!open_pool()) return nullptr;
  Slot* slot = take_slot();
  if (!slot) return nullptr;
  if (!kmem_port_protect(unit_of(*slot), unit_bytes_, true)) {
    slot->state.store(Unused);
    return nullptr;
  }
  slot->size = static_cast<uint32_t>(size);
  slot->object = place(*slot, size, align < 8 ? 8 : align);
  slot->cache = &cache;
  memcpy(slot->cache_name, cache.name(), sizeof slot->cache_name);
  slot->opened.store(nullptr);
  paint(*slot);
  take_track(slot->allocated);
  nr_allocs_.add();
  slot->state.store(Allocated);
  return slot->object;
}

bool GuardedPool::find(const void* p, Object& object) const {
  const Slot* slot = slot_of(p);
  if (!slot || slot->state.load() != Allocated || slot->object != p) return false;
  object = {slot->cache, slot->size};
  return true;
}

void GuardedPool::free(void* p) {
  Slot* slot = slot_of(p);
  uint32_t allocated = Allocated;
  if (!slot || slot->object != p || !slot->state.compare_exchange(allocated, Busy)) return report_invalid_free(slot, p);
  if (const char* at = find_damage(*slot)) report_damage(*slot, at);
  if (char* opened = slot->opened.exchange(nullptr)) {
    kmem_port_discard(opened, unit_bytes_);
    kmem_port_protect(opened, unit_bytes_, false);
  }
  take_track(slot->freed);
  if (!off_.load()) {
    kmem_port_discard(unit_of(*slot), unit_bytes_);
    kmem_port_protect(unit_of(*slot), unit_bytes_, false);
  }
  nr_frees_.add();
  slot->state.store(Freed);
}

uint32_t GuardedPool::nr_of(const Cache& cache) const {
  uint32_t n = 0;
  each([&](const void*, size_t, const Cache& its) { n += &its == &cache; });
  return n;
}

// Reports, in the words of the kernel's ----------------------------------------------------------------------------------

void GuardedPool::put_object(Report& report, const Slot& slot) const {
  report.line("%s", "");
  report.line("kfence-#%u: 0x%p-0x%p, size=%u, cache=%s", static_cast<unsigned>(&slot - slots_), slot.object,
              slot.object + slot.size - 1, slot.size, slot.cache_name);
}

KMEM_NOINLINE void GuardedPool::tell_history(const Slot& slot) const {
  {
    Report report;
    put_object(report, slot);
    put_track(report, "allocated", slot.allocated);
  }
  Report report;
  if (slot.state.load() == Freed) put_track(report, "freed", slot.freed);
  char name[32];
  kmem_port_task_name(name, sizeof name);
  report.line("%s", "");
  report.line("CPU: %u PID: %u Comm: %s", CpuStack::where().value, kmem_port_task_id(), name);
  report.line("%s", kLine);
}

void GuardedPool::report_access(const BadAccess& access, const Slot* slot, const char* what, const char* where) {
  nr_bugs_.add();
  if (limit.ask().allowed) {
    void* frames[Track::kFrames];
    const unsigned nr = kmem_port_backtrace_of(&access, frames, Track::kFrames);
    {
      Report report;
      TextOf<200> name;
      put_code_name(name, nr ? frames[0] : nullptr);
      report.line("%s", kLine);
      report.line("BUG: KFENCE: %s %s in %s", what, access.write ? "write" : "read", name.data());
      report.line("%s", "");
      report.line("%c%s %s at 0x%p%s:", what[0] - 'a' + 'A', what + 1, access.write ? "write" : "read", access.address, where);
      report.callers(frames, nr);
    }
    if (slot) tell_history(*slot);
    else Report().line("%s", kLine);
  }
  after_report();
}

namespace {

KMEM_NOINLINE void tell_invalid_free(const Callers& callers, const void* p, int slot) {
  Report report;
  put_head(report, "invalid free", callers);
  if (slot >= 0) report.line("Invalid free of 0x%p (in kfence-#%d):", p, slot);
  else report.line("Invalid free of 0x%p:", p);
  put_callers(report, callers);
}

KMEM_NOINLINE void tell_damage(const Callers& callers, const char* at, const char* end, int slot) {
  constexpr unsigned kShown = 16;
  TextOf<96> bytes;
  for (const char* b = at; b < end && b < at + kShown; ++b)
    static_cast<uint8_t>(*b) == pattern_at(b) ? bytes.put(" .") : bytes.put(" 0x").hex_padded(static_cast<uint8_t>(*b), 2);
  Report report;
  put_head(report, "memory corruption", callers);
  report.line("Corrupted memory at 0x%p [%s ] (in kfence-#%d):", at, bytes.data(), slot);
  put_callers(report, callers);
}

}  // namespace

void GuardedPool::report_invalid_free(const Slot* slot, const void* p) {
  nr_bugs_.add();
  const bool known = slot && slot->state.load() != Unused;
  if (limit.ask().allowed) {
    tell_invalid_free(Callers(), p, known ? static_cast<int>(slot - slots_) : -1);
    if (known) tell_history(*slot);
    else Report().line("%s", kLine);
  }
  after_report();
}

void GuardedPool::report_damage(const Slot& slot, const char* at) {
  nr_bugs_.add();
  if (limit.ask().allowed) {
    tell_damage(Callers(), at, at < slot.object ? slot.object : unit_of(slot) + unit_bytes_, static_cast<int>(&slot - slots_));
    tell_history(slot);
  }
  after_report();
}

GuardedPool::Slot* GuardedPool::nearest(const char* address, uint32_t unit_index) const {
  const auto slot_at = [&](uint32_t index) -> Slot* {
    Slot* slot = slot_of(unit(index));
    return slot && slot->state.load() == Allocated ? slot : nullptr;
  };
  Slot* left = unit_index >= 1 ? slot_at(unit_index - 1) : nullptr;
  Slot* right = slot_at(unit_index + 1);
  if (!left || !right) return left ? left : right;
  return address - (left->object + left->size - 1) <= right->object - address ? left : right;
}

bool GuardedPool::caught(const BadAccess& access) {
  if (!start_.load() || !contains(access.address)) return false;
  const auto* at = static_cast<const char*>(access.address);
  const auto index = static_cast<uint32_t>(static_cast<uint64_t>(at - start_.peek()) / unit_bytes_);
  Slot* slot = slot_of(at);
  TextOf<64> where;
  if (slot && slot->state.load() == Freed) {
    where.printf(" (in kfence-#%u)", static_cast<unsigned>(slot - slots_));
    report_access(access, slot, "use-after-free", where.data());
  } else if (Slot* near = slot ? nullptr : nearest(at, index)) {
    const bool left = at < near->object;
    where.printf(" (%lluB %s of kfence-#%u)",
                 static_cast<unsigned long long>(left ? near->object - at : at - (near->object + near->size - 1)),
                 left ? "left" : "right", static_cast<unsigned>(near - slots_));
    report_access(access, near, "out-of-bounds", where.data());
    near->opened.store(unit(index));
  } else if (!slot || slot->state.load() == Unused) {
    report_access(access, nullptr, "invalid", "");
  }
  // The program goes on, as if there were no guard.
  return kmem_port_protect(unit(index), unit_bytes_, true);
}

// Counting and checking --------------------------------------------------------------------------------------------------

GuardedPool::Stats GuardedPool::stats() const {
  Stats s;
  s.enabled = interval_ns_ && !off_.peek();
  s.interval_ms = interval_ns_ / 1'000'000;
  s.objects = nr_;
  s.total_allocs = nr_allocs_.value();
  s.total_frees = nr_frees_.value();
  s.allocated = s.total_allocs - s.total_frees;
  s.bugs = nr_bugs_.value();
  s.skipped_full = nr_full_.value();
  s.skipped_kind = nr_kind_.value();
  return s;
}

Fault GuardedPool::check() const {
  uint64_t allocated = 0;
  for (uint32_t i = 0; start_.peek() && i < nr_; ++i) {
    const Slot& slot = slots_[i];
    if (slot.state.peek() != Allocated) continue;
    ++allocated;
    const char* page = unit_of(slot);
    if (slot.object < page || slot.object + slot.size > page + unit_bytes_)
      return {"G1 an allocated object lies within its unit", i, reinterpret_cast<uint64_t>(slot.object)};
    if (const char* at = find_damage(slot))
      return {"G1 the bytes around an allocated object are the pattern", i, reinterpret_cast<uint64_t>(at)};
  }
  const uint64_t counted = nr_allocs_.value() - nr_frees_.value();
  if (allocated != counted) return {"G2 nr_allocated is the number of allocated slots", 0, allocated, counted};
  return {};
}

}  // namespace kmem
