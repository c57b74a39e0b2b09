#pragma once
// Where the zone DMA ends: at 16 MiB, but on a bare machine where its firmware says.

#include <cstdint>

#ifdef KMEM_BARE
#include "bare.h"
namespace kmem::test {
inline uint64_t dma_end() { return bare::firmware.dma_end; }
}  // namespace kmem::test
#else
namespace kmem::test {
inline uint64_t dma_end() { return uint64_t{16} << 20; }
}  // namespace kmem::test
#endif
