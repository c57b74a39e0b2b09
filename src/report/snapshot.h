#pragma once
// The contents of reports: plain numbers that the composition root copies from the layers below, so that printing does not
// touch structures that allocations change. Other threads run while a snapshot is taken: each number was true at some moment,
// but not all at the same one.

#include "base/span.h"
#include "base/types.h"
#include "port/machine.h"

namespace kmem {

/// One slab cache: a line of slabinfo, and more.
struct CacheSnapshot {
  char name[32] = "";
  uint32_t object_size = 0;  // bytes that the creator requested
  uint32_t stride = 0;       // bytes from one object to the next, with alignment and debugging
  uint32_t objects_per_slab = 0;
  uint32_t pages_per_slab = 0;
  uint64_t active_objs = 0;  // objects that callers hold
  uint64_t num_objs = 0;     // objects that the slabs have room for
  uint64_t active_slabs = 0;
  uint64_t num_slabs = 0;
  uint32_t limit = 0;                        // objects that one sheaf holds
  uint32_t batchcount = 0;                   // objects that move between a CPU and the barn at a time
  uint32_t shared = 0;                       // full sheaves that a barn keeps
  uint64_t cached_objs = 0;                  // free objects that wait in sheaves and barns
  uint64_t allocs = 0, frees = 0;            // every call; 0 if calls are not counted
  uint64_t slow_allocs = 0, slow_frees = 0;  // calls that found no room or no object on their CPU
  uint32_t aliases = 0;                      // other caches that were merged into this one
};

/// The page lists that one CPU keeps of one zone.
struct PcpSnapshot {
  uint32_t cpu = 0;
  uint32_t count = 0, high = 0, batch = 0;  // pages
};

inline constexpr unsigned kNrOrders = kMaxOrder + 1;
inline constexpr unsigned kNrProtections = 5;

/// One zone of one node; everything counted in pages.
struct ZoneSnapshot {
  uint32_t node = 0;
  char name[12] = "";                    // "DMA", "DMA32", "Normal", "HighMem", "Movable"
  uint64_t free_blocks[kNrOrders] = {};  // free blocks by order; a block is counted once, at its largest order
  uint64_t nr_free = 0;
  uint64_t min = 0, low = 0, high = 0;  // watermarks
  uint64_t spanned = 0, present = 0, managed = 0;
  uint64_t start_pfn = 0;
  uint64_t protection[kNrProtections] = {};  // frames that allocations for a higher zone must leave
  uint64_t clean = 0;                        // free, zero, and without memory of the host
  uint64_t dirty = 0;                        // free, but still resident
  Span<const PcpSnapshot> pcps{};
};

/// Blocks too large for the page allocator, mapped from the host one by one.
struct MappedSnapshot {
  uint64_t count = 0;
  uint64_t bytes = 0;
  uint64_t bytes_peak = 0;
};

/// One area of the vmalloc window: a line of vmallocinfo.
struct AreaSnapshot {
  uint64_t start = 0, end = 0;  // addresses, the guard page included
  uint64_t caller = 0;          // the address of the code that made it; 0 unknown
  uint64_t pages = 0;
  uint64_t phys = 0;   // of ioremap
  char kind[12] = "";  // "vmalloc", "vmap", "vm_map_ram", "ioremap", "" for bare addresses
  bool user = false;   // meant for user space
  bool lazy = false;   // freed, and kept for a while
  uint64_t on_node[kMaxNodes] = {};
};

/// The window, and its areas by iteration, because there can be too many to copy.
struct WindowSnapshot {
  uint64_t start = 0, bytes = 0;   // 0 if it was never used
  uint64_t used = 0, largest = 0;  // bytes: in areas, and of the longest free range
  uint64_t areas = 0, pages = 0, lazy_pages = 0, reused = 0;
  /// The first area at or after a cursor that begins at 0; false at the end.
  bool (*next)(void* arg, uint64_t& cursor, AreaSnapshot& out) = nullptr;
  void* arg = nullptr;
};

/// A line of iomem: a range of memory, or a part of the range one level above.
struct IomemSnapshot {
  uint64_t start = 0, end = 0;  // the first byte, and the last
  uint32_t level = 0;
  char name[32] = "";
};

/// The host's numbers for the process. Filled in by the caller; zero if it does not.
struct ProcessSnapshot {
  int32_t pid = 0;
  int32_t parent = 0;
  char name[16] = "";
  uint64_t resident = 0, resident_peak = 0;  // bytes
};

/// Calls of the allocator as a whole.
struct PathSnapshot {
  bool counted = false;  // were the fast paths counted? Only with the boot word `stats`
  uint64_t fast = 0;
  uint64_t slow = 0;
};

/// How often memory was short, and what was done about it (docs/reclaim.md).
struct ReclaimSnapshot {
  uint64_t stalls = 0, rounds = 0;  // requests that had to reclaim themselves, and their rounds
  uint64_t waits = 0;               // times that a request waited for others to free
  uint64_t balances = 0;            // rounds at the low mark, by callers
  uint64_t thread_wakes = 0, thread_rounds = 0;
  uint64_t pressures = 0;                           // rounds because of the host's memory pressure
  uint64_t cache_pages = 0;                         // frames that caches gave back
  uint64_t shrinkers = 0;                           // registered now
  uint64_t objects_scanned = 0, objects_freed = 0;  // by shrinkers
  uint64_t ooms = 0;                                // times that out-of-memory notifiers were asked
  uint64_t failures = 0;                            // failed requests
  uint64_t charged = 0;                             // frames charged for large blocks, if memory is limited
  bool shared = false;                              // is the limit that of a cgroup, which other processes may share?
  uint64_t others = 0;                              // frames of it that others had at the last query
  uint64_t looks = 0;                               // queries of the host
};

/// A rule that a structure breaks.
struct ViolationSnapshot {
  char part[48] = "";  // of the system: "frames and zones", "cache inodes"
  const char* rule = "";
  uint64_t where = 0, want = 0, got = 0;  // as the rule's class says
};

struct SystemSnapshot {
  Span<const CacheSnapshot> caches;
  Span<const ZoneSnapshot> zones;
  Span<const IomemSnapshot> iomem;
  MappedSnapshot mapped;
  WindowSnapshot window;
  PathSnapshot paths;
  ReclaimSnapshot reclaim;
  ProcessSnapshot process;

  uint32_t nr_cpus = 0, nr_nodes = 0;
  CpuStackMode cpu_stack = CpuStackMode::PerThread;
  uint32_t page_size = kPageSize;       // of a frame
  uint32_t host_page_size = kPageSize;  // the host's page size

  uint64_t bytes_in_use = 0;      // handed out to callers
  uint64_t bytes_peak = 0;        // peak of pages and large blocks, handed out or not; an upper bound
  uint64_t bytes_online = 0;      // of frames that were brought online
  uint64_t bytes_given_back = 0;  // to the host, summed over the life of the process
  uint64_t times_given_back = 0;
  // Were all structures walked? With fault injection or `validate`, if no other task runs.
  bool checked = false;
  const char* broken = "";                   // the first broken rule; empty: none
  Span<const ViolationSnapshot> violations;  // of `validate`: all of them, by part
  uint64_t damaged = 0;                      // objects of debugged caches with damaged patterns
  const char* version = "";
  const char* boot_words = "";  // the boot command line as it was understood
};

}  // namespace kmem

/// Fills a snapshot from the running system, into storage of its own that the next call overwrites.
/// False before boot, and while another caller is filling one. Neither allocates nor waits.
extern "C" bool kmem_take_snapshot(kmem::SystemSnapshot* out);
