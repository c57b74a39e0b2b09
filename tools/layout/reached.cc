// Compiled with debug information and never run: the types of all that a look from outside goes to (docs/decisions/
// looking-from-outside.md).  tools/layout/layout.cc reads from that information what lies where, and makes kLayoutDigest of it.

#include "slab/guarded_pool.h"
#include "slab/leak_scan.h"
#include "system/boot_claim.h"
#include "system/boot_memory.h"
#include "system/percpu_world.h"
#include "system/system.h"
#include "watch/profile.h"

namespace kmem {

/// Where the meaning of a word changes at the place where it is, a number here must change too, or kLookVersion.
enum class ReachedConstants : uint64_t {
  MaxOrder = kMaxOrder,
  BlockOrder = kBlockOrder,
  MaxNodes = kMaxNodes,
  MaxCpus = kMaxCpus,
  MaxAreas = kMaxAreas,
  MaxRamRanges = kMaxRamRanges,
  MaxFrames = kMaxFrames,
  TablesBytes = kTablesBytes,
  FrameTableSpan = kFrameTableSpan,
  CpuShift = kCpuShift,
  BlockedBytes = kBlockedBytes,
  ShadowState = kShadowState,
  SheafShift = kSheafShift,
  CapacityByte = kCapacityByte,
  WordUnit = kWordUnit,
  MaxSheaves = kMaxSheaves,
  PercpuDistance = kPercpuDistance,
  PercpuStride = kPercpuStride,
};

/// Each member has a digest of its own, by which a tool names what another version has laid out otherwise.
struct Reached {
  ReachedConstants constants;
  System system;
  Machine machine;
  BootOptions boot_options;
  PageAllocator page_allocator;
  Zone zone;
  FrameBits frame_bits;
  Page page;
  Heap heap;
  Cache cache;
  CacheNode cache_node;
  Slab slab;
  Owner owner;
  SheafPool sheaves;
  GuardedPool guarded;
  MappedBlocks mapped;
  Vmap vmap;
  VmArea area;
  Mempool mempool;
  PercpuWorld percpu;
  BootMemory boot_memory;
  Memblock memblock;
  BootClaim claim;
  LeakMarks leak_marks;
  ProfileWorld profile;
  ProfileSite profile_site;
  ProfileBlock profile_block;
};

}  // namespace kmem

const kmem::Reached* kmem_reached;
