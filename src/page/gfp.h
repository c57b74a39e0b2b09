#pragma once
// The bits of an allocation's context, as <linux/gfp_types.h> numbers them (faces/kernel/linux_mm.cc checks that they agree).

#include "base/types.h"

namespace kmem {

using Gfp = uint32_t;

namespace gfp {
inline constexpr Gfp kDma = 0x1, kHighMem = 0x2, kDma32 = 0x4, kMovable = 0x8, kReclaimable = 0x10;
inline constexpr Gfp kHigh = 0x20, kIo = 0x40, kFs = 0x80, kDirectReclaim = 0x100, kKswapdReclaim = 0x200;
inline constexpr Gfp kNoWarn = 0x400, kRetryMayFail = 0x800, kNoFail = 0x1000, kNoRetry = 0x2000;
inline constexpr Gfp kZero = 0x4000, kComp = 0x8000, kThisNode = 0x10000, kAccount = 0x20000;
inline constexpr Gfp kMemAlloc = 0x40000, kNoMemAlloc = 0x80000, kHardWall = 0x100000, kWrite = 0x200000, kCold = 0x400000;

inline constexpr Gfp kKernel = kDirectReclaim | kKswapdReclaim | kIo | kFs;
inline constexpr Gfp kAtomic = kHigh | kKswapdReclaim;
inline constexpr Gfp kZoneMask = kDma | kHighMem | kDma32;
}  // namespace gfp

}  // namespace kmem
