#include "page/shared_bound.h"

#include "page/policy.h"
#include "page/zones.h"
#include "port/port.h"

namespace kmem {
namespace {

constexpr uint64_t kBetweenLooksNs = 1'000'000;
constexpr uint64_t kLeastStride = 16, kMostStride = (uint64_t{8} << 20) >> kPageShift;
/// A process that lost its CPU after a query continues with an old answer. So the port keeps at least a 32nd of the bound from
/// all processes: room for sixteen strides.
constexpr uint64_t kShares = 512;

uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

uint64_t stride_for(uint64_t there, uint64_t all) {
  return most(least(least(there / 64, all / kShares), kMostStride), kLeastStride);
}

}  // namespace

// Other processes may have taken memory that this one gave back, so the next query is at most a stride away. But a process that
// only goes up and down, below the use that the last query allowed, queries at most once per kBetweenLooksNs.
void SharedBound::look_if_due(Gfp gfp) {
  const uint64_t use = zones_->nr_used(), due = use + stride_.peek();
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

// One caller at a time; the others continue with the last answer.
void SharedBound::look() {
  if (looking_.exchange(1)) return;
  looks_.add();
  const uint64_t room = kmem_port_room();
  // Free frames that are resident belong to this process already.
  const uint64_t there = room == kNoBound ? zones_->nr_frames() : pay_for_growth(room >> kPageShift) + zones_->nr_dirty();
  leave_to_others(there);
  stride_.poke(stride_for(there, zones_->nr_frames()));
  mark_.poke(zones_->nr_used() + stride_.peek());
  allowed_.poke(mark_.peek());
  next_ns_.poke(kmem_port_now_ns() + kBetweenLooksNs);
  looking_.store(0);
}

// Claims need not take the free frames that are resident. So if the host has less than a stride left, and this process holds
// more than at its last query, its resident free frames are given back: otherwise it could claim as many frames again, and the
// host's memory would not suffice. Returns `room` plus the frames given back.
uint64_t SharedBound::pay_for_growth(uint64_t room) {
  const auto held = [this] { return zones_->nr_used() + zones_->nr_dirty(); };
  if (room < stride_.peek() && held() > held_.peek())
    for (Zone& zone : zones_->all()) room += zone.reporting().give_to_host(0);
  held_.poke(held());
  return room;
}

// Tells the zones what other processes hold, so that ordinary requests can have `there` frames in all; reserves stay. From the
// highest zone down, as frames are claimed.
void SharedBound::leave_to_others(uint64_t there) {
  const auto above_min = [](const Zone& zone) { return zone.marks().above_min(zone.counts().nr_available_with_others()); };
  uint64_t ours = 0;
  for (const Zone& zone : zones_->all()) ours += above_min(zone);
  uint64_t left = ours > there ? ours - there : 0;
  for (Zone* const* z = zones_->fallback(0); *z; ++z) {
    Zone& zone = **z;
    const uint64_t some = least(left, above_min(zone));
    zone.counts().set_others(some);
    left -= some;
    if (some && zone.nr_dirty() > zone.nr_available()) zone.reporting().give_to_host(zone.nr_available());
  }
}

}  // namespace kmem
