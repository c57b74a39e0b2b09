#pragma once
// The watermarks of the zones, as the kernel computes them, and whether a request may go below them: arithmetic only.

#include "base/span.h"
#include "page/policy.h"
#include "page/zone_kind.h"

namespace kmem {

/// In free frames.  `available` is Zone::nr_available().
struct Watermarks : Marks {
  /// Kept from requests that could also use a higher zone, by its kind, so that they do not use up memory on which others
  /// depend.
  uint64_t lowmem_reserve[kZoneKinds] = {};

  uint64_t kept_from(ZoneKind highest) const { return lowmem_reserve[static_cast<unsigned>(highest)]; }
  /// May a request whose highest zone is that one have nr frames?
  bool let_take(uint64_t available, uint64_t nr, ZoneKind highest, const Reach& reach) const {
    return available >= reach.floor(*this) + (reach.all ? 0 : kept_from(highest)) + nr;
  }
  /// Are less than `beyond` frames above the low mark, for ordinary requests?
  bool is_low(uint64_t available, uint64_t beyond = 0) const { return available < low + kept_from(ZoneKind::Normal) + beyond; }
  /// Is the zone above its high mark after nr frames are taken? Then reclaim has done enough for such a request.
  bool is_high(uint64_t available, uint64_t nr, ZoneKind highest) const { return available >= high + kept_from(highest) + nr; }
  /// The frames above min, which ordinary requests may still have after reclaim; and those above low, which lists may take in
  /// advance.
  uint64_t above_min(uint64_t available) const { return above(available, min); }
  uint64_t above_low(uint64_t available) const { return above(available, low); }

 private:
  uint64_t above(uint64_t available, uint64_t mark) const {
    const uint64_t floor = mark + kept_from(ZoneKind::Normal);
    return available > floor ? available - floor : 0;
  }
};

/// The properties of a zone on which its watermarks depend.
struct ZoneSize {
  ZoneKind kind = ZoneKind::Normal;
  NodeId node;
  uint64_t nr_frames = 0;
};

/// min_free_kbytes of a machine with so many frames: the square root of 16 times its KiB, between 128 KiB and 256 MiB.
uint64_t default_min_free_kbytes(uint64_t nr_frames);
/// The marks of zones[i]; 0 for min_free_kbytes stands for the default.  See Documentation/admin-guide/sysctl/vm.rst of the
/// kernel: min_free_kbytes, watermark_scale_factor, lowmem_reserve_ratio.
Watermarks watermarks_of(Span<const ZoneSize> zones, unsigned i, uint64_t min_free_kbytes);

}  // namespace kmem
