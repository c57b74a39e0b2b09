#pragma once
// What a device reaches. A simulated device has addresses of its own, and copies of what is streamed (dma/copies.cc); a real
// one has the memory's (ports/bare/driver/dma.cc).

#include <linux/gfp.h>

#include "dma/space.h"

namespace kmem_driver::dma {

/// Streaming memory, `m.size` bytes at m.memory or behind m.first: makes a copy in m.shadow where the device needs one. False:
/// there is no memory for it. Any context.
bool make_reachable(Mapping& m, u64 mask, gfp_t flags);
/// Pages for coherent memory, zeroed; null: none that the device reaches.
void* reachable_pages(size_t size, u64 mask, gfp_t flags);
/// Sets m.address, which is below the mask at its end; false: there is none. With the lock held.
bool give_address(kmem_dma_space* space, Mapping* m, u64 mask);

#ifdef KMEM_BARE
constexpr bool kReachesStatics = false;
#else
/// Static memory, and the stack, work here, and are reported.
constexpr bool kReachesStatics = true;
#endif

}  // namespace kmem_driver::dma
