#pragma once
#include "page/gfp.h"

namespace kmem {

/// A zone's addresses: below 16 MiB, below 4 GiB, any; and frames without a permanent address.
enum class ZoneKind : uint8_t { Dma, Dma32, Normal, HighMem };
inline constexpr unsigned kZoneKinds = 4;

/// What lies below 4 GiB: where addresses have 32 bits, all memory that has one.
inline constexpr ZoneKind kBelow4Gib = sizeof(void*) == 8 ? ZoneKind::Dma32 : ZoneKind::Normal;

/// The highest zone that these flags may have.
constexpr ZoneKind highest_zone(Gfp gfp) {
  if (gfp & gfp::kDma) return ZoneKind::Dma;
  if (gfp & gfp::kDma32) return kBelow4Gib;
  return gfp & gfp::kHighMem ? ZoneKind::HighMem : ZoneKind::Normal;
}

}  // namespace kmem
