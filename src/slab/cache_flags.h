#pragma once
// Flags of a cache that the core acts on, as <linux/slab.h> numbers them (faces/kernel/linux_slab.cc checks that they agree);
// those of debugging are in boot/debug_words.h.

#include "base/types.h"

namespace kmem::cache_flag {
inline constexpr uint32_t kNoLeakTrace = 0x4000;   // its objects are not reported as leaked, and not searched for pointers
inline constexpr uint32_t kSkipKfence = 0x8000;    // none of its objects lies between guard pages
inline constexpr uint32_t kMayFail = 0x20000;      // failslab with cache-filter=Y fails allocations of such caches only
inline constexpr uint32_t kNoUserFlags = 0x40000;  // slub_debug= does not apply to it
inline constexpr uint32_t kHardened = 0x100000;    // every object is checked, and what is found ends the process
}  // namespace kmem::cache_flag
