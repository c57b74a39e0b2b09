// Frames beyond the direct map: shown at places of their own, one for each frame however often it is shown, and cleared at a
// place of each CPU's.
//
// A place that nobody uses keeps its frame, for the next one who asks for it, until there is no other place. Then all such
// places are emptied at once, so that the CPUs forget translations once for many frames.

#include "port/high_memory.h"

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "page_entry.h"

namespace bare {
namespace {

constexpr unsigned kPlaces = 1024, kHeads = 256, kNone = ~0u;
constexpr uint64_t kClearing = kShown + kPlaces * kPageSize;  // a page for each CPU

struct Place {
  uint64_t* entry = nullptr;
  uint64_t pfn = 0;
  uint32_t users = 0;
  unsigned next = kNone;  // with the same hash, or empty
};

/// The places; the lock is held by the callers of all others.
class Places {
 public:
  SpinLock lock;

  /// The place of a frame; null if it has none.
  Place* find(uint64_t pfn) {
    unsigned at = heads_ready_ ? heads_[head_of(pfn)] : kNone;
    while (at != kNone && all_[at].pfn != pfn) at = all_[at].next;
    return at == kNone ? nullptr : &all_[at];
  }
  /// A place for a frame that has none; null if there is none.
  Place* add(uint64_t pfn) {
    if (!make_ready()) return nullptr;
    if (empty_ == kNone) sweep();
    if (empty_ == kNone) return nullptr;
    Place& place = all_[empty_];
    if (!place.entry && !(place.entry = entry_for(number_of(place)))) return nullptr;
    const unsigned at = empty_;
    empty_ = place.next;
    place.pfn = pfn;
    place.next = heads_[head_of(pfn)];
    heads_[head_of(pfn)] = at;
    set(place, page_entry(pfn * kPageSize, {}));
    return &place;
  }
  /// The place at an address; null if it is none in use.
  Place* at(uint64_t address) {
    const uint64_t i = (address - kShown) / kPageSize;
    return i < kPlaces && all_[i].users ? &all_[i] : nullptr;
  }
  uint64_t number_of(const Place& place) const { return kShown + static_cast<unsigned>(&place - all_) * kPageSize; }

 private:
  static unsigned head_of(uint64_t pfn) { return static_cast<unsigned>(pfn) % kHeads; }
  static void set(Place& place, uint64_t entry) { __atomic_store_n(place.entry, entry, __ATOMIC_RELAXED); }

  bool make_ready() {
    if (heads_ready_) return true;
    for (unsigned& head : heads_) head = kNone;
    for (unsigned i = 0; i < kPlaces; ++i) all_[i].next = i + 1 < kPlaces ? i + 1 : kNone;
    empty_ = 0;
    return heads_ready_ = true;
  }
  /// Empties all places without users.
  void sweep() {
    for (unsigned& head : heads_)
      for (unsigned* link = &head; *link != kNone;) {
        const unsigned at = *link;
        Place& place = all_[at];
        if (place.users) {
          link = &place.next;
          continue;
        }
        set(place, 0);
        *link = place.next;
        place.next = empty_;
        empty_ = at;
      }
    flush_all();
  }

  Place all_[kPlaces];
  unsigned heads_[kHeads];
  unsigned empty_ = kNone;
  bool heads_ready_ = false;
};
Places places;

void clear_one(uint64_t pfn) {
  const uint64_t flags = irq_save(), at = kClearing + this_cpu_id() * kPageSize;
  uint64_t* const entry = entry_for(at);
  if (!entry) panic("no frame for a page table");
  auto* const page = reinterpret_cast<char*>(at);
  __atomic_store_n(entry, page_entry(pfn * kPageSize, {}), __ATOMIC_RELAXED);
  asm volatile("invlpg %0" : : "m"(*page) : "memory");
  memset(page, 0, kPageSize);
  irq_restore(flags);
}

}  // namespace
}  // namespace bare

using namespace bare;

extern "C" {

kmem::Online kmem_port_online_high(uint64_t pfn, uint64_t nr) {
  kmem_port_clear_high(pfn, nr);
  return kmem::Online::Done;
}

/// Only what is memory: a range has holes.
void kmem_port_clear_high(uint64_t pfn, uint64_t nr) {
  for (uint64_t i = pfn; i < pfn + nr; ++i)
    if (firmware.ram.contains(i * kPageSize)) clear_one(i);
}

void* kmem_port_show_frame(uint64_t pfn) {
  const Locked locked(places.lock);
  Place* place = places.find(pfn);
  if (!place) place = places.add(pfn);
  if (!place) return nullptr;
  ++place->users;
  return reinterpret_cast<void*>(places.number_of(*place));
}

void kmem_port_hide_frame(uint64_t pfn) {
  const Locked locked(places.lock);
  Place* const place = places.find(pfn);
  if (place && place->users) --place->users;
}

void* kmem_port_shown_at(uint64_t pfn) {
  const Locked locked(places.lock);
  const Place* const place = places.find(pfn);
  return place && place->users ? reinterpret_cast<void*>(places.number_of(*place)) : nullptr;
}

uint64_t kmem_port_frame_at(const void* address) {
  const Locked locked(places.lock);
  const Place* const place = places.at(reinterpret_cast<uint64_t>(address));
  return place ? place->pfn : kmem::kNoFrame;
}

bool kmem_port_window_alias_high(void* to, uint64_t pfn, size_t bytes, kmem::Access access) {
  return map_range(reinterpret_cast<uint64_t>(to), pfn * kPageSize, bytes, {access == kmem::Access::ReadWrite});
}
}
