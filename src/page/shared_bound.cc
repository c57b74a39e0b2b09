#include "page/shared_bound.h"

#include "page/page_allocator.h"
#include "port/port.h"

namespace kmem {
namespace {

constexpr uint64_t kBetweenLooksNs = 1'000'000;
constexpr uint64_t kLeastStride = 16, kMostStride = (uint64_t{8} << 20) >> kPageShift;
/// Who looked and then lost its CPU goes on by what it saw, however little there is by then.  The port keeps a 32nd of the bound
/// and more from all of us: room for sixteen such strides.
constexpr uint64_t kShares = 512;

uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

/// What ordinary requests may take of a zone in which so many frames are free.
uint64_t above_floor(const Zone& zone, uint64_t there) {
  const uint64_t floor = zone.watermark_min + zone.lowmem_reserve[static_cast<unsigned>(ZoneKind::Normal)];
  return there > floor ? there - floor : 0;
}

uint64_t stride_for(uint64_t there, uint64_t all) {
  return most(least(least(there / 64, all / kShares), kMostStride), kLeastStride);
}

}  // namespace

// What we gave back since may be another's by now: the next look is never farther off than a stride.  But who gives back and
// takes again all the time, below what the last look allowed, need not ask more often than others can have taken much.
void SharedBound::look_if_due(Gfp gfp) {
  const uint64_t use = pages_->nr_used(), due = use + stride_.peek();
  if (use < mark_.peek()) {
    if (due < mark_.peek()) mark_.poke(due);
    return;
  }
  if (use < allowed_.peek() && kmem_port_now_ns() < next_ns_.peek()) return;
  if ((gfp & gfp::kDirectReclaim) && this_asker(gfp).may_sleep) look();
}

bool SharedBound::look_once_a_while() {
  if (kmem_port_now_ns() < next_ns_.peek()) return false;
  look();
  return true;
}

void SharedBound::make_seen(char* start, uint64_t nr) {
  constexpr uint64_t kMostAtOnce = 64;
  if (nr <= kMostAtOnce) kmem_port_populate(start, nr << kPageShift);
}

// One at a time: whoever comes meanwhile goes by what was known.
void SharedBound::look() {
  if (looking_.exchange(1)) return;
  looks_.add();
  const uint64_t room = kmem_port_room();
  // Free frames that are resident still are ours already.
  const uint64_t there = room == kNoBound ? pages_->nr_frames() : (room >> kPageShift) + pages_->nr_dirty();
  pages_->leave_to_others(there);
  stride_.poke(stride_for(there, pages_->nr_frames()));
  mark_.poke(pages_->nr_used() + stride_.peek());
  allowed_.poke(mark_.peek());
  next_ns_.poke(kmem_port_now_ns() + kBetweenLooksNs);
  looking_.store(0);
}

// Zones -------------------------------------------------------------------------------------------------------------------

// What an ordinary request can have comes to `there` frames; reserves stay.  From the highest zone down, as frames are taken.
void PageAllocator::leave_to_others(uint64_t there) {
  uint64_t ours = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) ours += above_floor(zones_[i], zones_[i].nr_available_with_others());
  uint64_t left = ours > there ? ours - there : 0;
  for (Zone** z = zones_by_node_[0]; *z; ++z) {
    Zone& zone = **z;
    const uint64_t some = least(left, above_floor(zone, zone.nr_available_with_others()));
    zone.set_others(some);
    left -= some;
    if (some && zone.nr_dirty() > zone.nr_available()) zone.give_to_host(zone.nr_available());
  }
}

uint64_t PageAllocator::nr_spare(const Zone& zone) { return above_floor(zone, zone.nr_available()); }

uint64_t PageAllocator::nr_used() const {
  uint64_t sum = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) sum += zones_[i].nr_in_use() + zones_[i].nr_charged();
  return sum;
}

uint64_t PageAllocator::nr_frames() const {
  uint64_t sum = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) sum += zones_[i].nr_frames();
  return sum;
}

uint64_t PageAllocator::nr_dirty() const {
  uint64_t sum = 0;
  for (unsigned i = 0; i < nr_zones_; ++i) sum += zones_[i].nr_dirty();
  return sum;
}

}  // namespace kmem
