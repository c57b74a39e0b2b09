#pragma once
// What a report is made of: plain numbers that the composition root copies out of the layers below, so that nothing
// that prints ever touches a structure that allocation changes.  A snapshot is taken while the world goes on: each
// number was true at some moment, two of them need not have been true at the same one.

#include "base/span.h"
#include "base/types.h"
#include "port/machine.h"

namespace kmem {

/// One slab cache: a line of slabinfo, and what slabinfo has no room for.
struct CacheSnapshot {
  char name[32] = "";
  uint32_t object_size = 0;  // bytes that the creator asked for
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
  uint64_t allocs = 0, frees = 0;            // every call; 0 where fast paths were not counted
  uint64_t slow_allocs = 0, slow_frees = 0;  // those that found no room or no object on their CPU
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
  uint64_t protection[kNrProtections] = {};  // what allocations that prefer a higher zone must leave
  uint64_t clean = 0;                        // free, reads as zero, and takes nothing from the host
  uint64_t dirty = 0;                        // free, but still resident: what the host could have back
  Span<const PcpSnapshot> pcps{};
};

/// Blocks too large for the pages, mapped from the host one by one.
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
  uint64_t phys = 0;       // of ioremap
  char kind[12] = "";      // "vmalloc", "vmap", "vm_map_ram", "ioremap", "" for bare addresses
  bool user = false;       // meant for user space
  bool lazy = false;       // freed, and kept for a while
  uint64_t on_node[kMaxNodes] = {};
};

/// The window as a whole, and its areas one after the other: there can be more than anybody would copy.
struct WindowSnapshot {
  uint64_t start = 0, bytes = 0;   // 0 where nobody has used it
  uint64_t used = 0, largest = 0;  // bytes: in areas, and the longest stretch that is free
  uint64_t areas = 0, pages = 0, lazy_pages = 0, reused = 0;
  /// The first area at or after a cursor that begins at 0; false at the end.
  bool (*next)(void* arg, uint64_t& cursor, AreaSnapshot& out) = nullptr;
  void* arg = nullptr;
};

/// A line of iomem: a range of memory, or what lies in one a level above.
struct IomemSnapshot {
  uint64_t start = 0, end = 0;  // the first byte, and the last
  uint32_t level = 0;
  char name[32] = "";
};

/// What the host says about the process.  Filled by whoever can ask it; zeros where nobody did.
struct ProcessSnapshot {
  int32_t pid = 0;
  int32_t parent = 0;
  char name[16] = "";
  uint64_t resident = 0, resident_peak = 0;  // bytes
};

/// Calls of the allocator as a whole.
struct PathSnapshot {
  bool counted = false;  // were the fast paths counted?  That costs instructions, so it is asked for at boot
  uint64_t fast = 0;
  uint64_t slow = 0;
};

/// How often memory was short, and what was done about it (docs/reclaim.md).
struct ReclaimSnapshot {
  uint64_t stalls = 0, rounds = 0;  // requests that had to reclaim themselves, and how often they tried
  uint64_t waits = 0;               // times that one waited for others to free
  uint64_t balances = 0;            // rounds at the low mark, by callers
  uint64_t thread_wakes = 0, thread_rounds = 0;
  uint64_t pressures = 0;           // rounds because the host asked
  uint64_t cache_pages = 0;         // frames that caches gave back
  uint64_t shrinkers = 0;           // registered now
  uint64_t objects_scanned = 0, objects_freed = 0;  // by shrinkers
  uint64_t ooms = 0;                // times that out-of-memory notifiers were asked
  uint64_t failures = 0;            // requests that got nothing
  uint64_t charged = 0;             // frames' worth of large blocks, where memory is bounded
  bool shared = false;              // is the bound that of a group, in which there may be others?
  uint64_t others = 0;              // frames' worth of it that others had at the last look
  uint64_t looks = 0;               // times that the host was asked for it
};

/// A rule that a structure breaks.
struct ViolationSnapshot {
  char part[48] = "";  // whose: "frames and zones", "cache inodes"
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
  CpuStackMode cpu_stack = CpuStackMode::TryLock;
  uint32_t page_size = kPageSize;       // of a frame
  uint32_t host_page_size = kPageSize;  // what the host gives and takes at a time

  uint64_t bytes_in_use = 0;      // handed out to callers
  uint64_t bytes_peak = 0;        // the most in pages and large blocks at any time, handed out or not; an upper bound
  uint64_t bytes_online = 0;      // of frames that were brought online
  uint64_t bytes_given_back = 0;  // to the host, summed over the life of the process
  uint64_t times_given_back = 0;
  // Were all structures walked?  Where faults are injected or `validate` asks, and nobody else is at work.
  bool checked = false;
  const char* broken = "";                   // the first rule that they break; empty: none
  Span<const ViolationSnapshot> violations;  // of `validate`: all of them, by part
  uint64_t damaged = 0;                      // and objects of debugged caches that were written where nobody may
  const char* version = "";
  const char* boot_words = "";  // the boot command line as it was understood
};

}  // namespace kmem

/// Fills a snapshot from the running system, into storage of its own that the next call overwrites.
/// False before boot, and while another caller is at it.  Allocates nothing and waits for nobody.
extern "C" bool kmem_take_snapshot(kmem::SystemSnapshot* out);
