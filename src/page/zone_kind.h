#pragma once
#include "page/gfp.h"

namespace kmem {

/// A zone's addresses: below 16 MiB, below 4 GiB, any; and frames without a permanent address.
enum class ZoneKind : uint8_t { Dma, Dma32, Normal, HighMem };
inline constexpr unsigned kZoneKinds = 4;

/// The highest zone that these flags may have.
constexpr ZoneKind highest_zone(Gfp gfp) {
  if (gfp & gfp::kDma) return ZoneKind::Dma;
  if (gfp & gfp::kDma32) return ZoneKind::Dma32;
  return gfp & gfp::kHighMem ? ZoneKind::HighMem : ZoneKind::Normal;
}

}  // namespace kmem
