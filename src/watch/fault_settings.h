#pragma once
// The settings of fault injection: plain values, set by boot words or at run time.

#include "base/types.h"

namespace kmem {

/// Where failures can be injected. Boot words and reports call a point by fault_point_name().
enum class FaultPoint : uint8_t {
  Slab,     // an object of a cache: kmalloc, kmem_cache_alloc, malloc of small sizes
  Pages,    // frames: alloc_pages, large kmalloc and malloc, those of a slab
  Mapped,   // address space of its own for a very large malloc
  Section,  // a section of memory that comes online
  Discard,  // memory that goes back to the host
  Sheaf,    // a sheaf for objects or pages of a CPU
  Map,      // memory or mappings of the host for kmem's own tables and windows
  Cache,    // a new cache
  Pool,     // a memory pool's allocation function, so that the pool uses its reserve
  Vmalloc,  // addresses in the vmalloc window
  Percpu,   // per-CPU memory
  Boot,     // boot memory that may fail
};
inline constexpr unsigned kNrFaultPoints = 12;

/// The kernel's name of the point's attributes, such as "failslab"; and of what fails there, for fail_function=.
const char* fault_point_name(FaultPoint point);
const char* fault_function_name(FaultPoint point);

/// Code by address, or by the name of the file that it was loaded from; an empty name means the addresses.
struct CodeSite {
  uint64_t start = 0, end = 0;
  char module[48] = {};
};
inline constexpr unsigned kMaxCodeSites = 4;
inline constexpr unsigned kMaxFaultCaches = 4;

/// The kernel's attributes (Documentation/fault-injection/fault-injection.rst), for one point.  Every filter is open
/// until it is set: the kernel's own defaults leave out calls that may sleep, which in a process are nearly all.
struct FaultSettings {
  bool on = false;
  uint32_t interval = 1;     // only every so-manyth call that passes the filters
  uint32_t probability = 0;  // of those, in percent
  uint64_t space = 0;        // bytes that are allocated before the first failure
  int64_t times = 1;         // failures at most; -1: no limit
  uint32_t verbose = 2;      // 0 nothing, 1 a line, 2 a call trace too
  uint32_t stacktrace_depth = 32;
  uint64_t seed = 0;                            // of the random choice; 0: the host's entropy
  bool ignore_gfp_wait = false;                 // leave out calls that may reclaim directly
  bool ignore_gfp_highmem = false;              // leave out calls that may have high memory
  bool task_filter = false;                     // only tasks marked by make-it-fail
  uint32_t min_order = 0;                       // only requests of at least 2^min_order pages
  uint32_t gfp_required = 0, gfp_rejected = 0;  // flags that all must, or none may, be in the call's
  bool cache_filter = false;                    // only caches with SLAB_FAILSLAB
  char caches[kMaxFaultCaches][32] = {};        // only these; the first empty: all
  CodeSite required[kMaxCodeSites], rejected[kMaxCodeSites];
  unsigned nr_required = 0, nr_rejected = 0;
};

/// "fail the n-th": over all points of the program, counted from 1.
struct FailNth {
  bool on = false;       // count points, also if n is 0
  uint64_t n = 0;        // 0: only count
  bool forever = false;  // from then on, not once
  uint32_t verbose = 2;
  char record[256] = {};  // file for the FaultRecord, shared with its readers; empty: none
};

struct FaultOptions {
  FaultSettings points[kNrFaultPoints];
  FailNth nth;
};

}  // namespace kmem
