#pragma once
// The facts that a port hands to the core, once, at boot.  Facts are data; only what happens is a function (port.h).

#include "base/span.h"
#include "base/types.h"

namespace kmem {

/// A range of physical memory, in bytes, page aligned.
struct RamRange {
  PhysAddr start;
  uint64_t bytes = 0;
  NodeId node;
  bool high = false;  // frames without a permanent address
};

inline constexpr unsigned kMaxRamRanges = 16;
/// CPU numbers below this are served; they need not be dense.
inline constexpr unsigned kMaxCpus = 4096;

/// Who carries the per-CPU fast paths; every report names it.
enum class CpuStackMode : uint8_t { Rseq, TryLock, Sim };

/// What looks at every access of the program's.
enum class Checker : uint8_t { None, Valgrind, AddressSanitizer };

struct Machine {
  RamRange ram[kMaxRamRanges];
  unsigned nr_ram = 0;

  /// Where physical address 0 is seen; a frame's address is direct_map + pfn * kPageSize.
  char* direct_map = nullptr;
  /// The base of the per-CPU words, sheaves and tables (port/layout.h), ready for use and zero.
  char* base = nullptr;
  uint32_t nr_sheaves = 0;  // room for so many, at base + 2 * nr_cpus * kCpuStride rounded up to a sheaf
  /// Address space for the frames' descriptors, 64 bytes each, index 0 for pfn 0.  Brought online with the frames.
  char* descriptors = nullptr;
  /// Zeroed address space for the core's own tables, committed as it is touched.
  char* metadata = nullptr;
  uint64_t metadata_bytes = 0;

  /// What the host gives and takes at a time: discard() and online() work on multiples of it.
  uint32_t host_page_bytes = kPageSize;
  uint32_t nr_cpus = 1;   // numbers that this_cpu() may answer are below this
  uint32_t nr_nodes = 1;
  uint8_t distance[kMaxNodes][kMaxNodes] = {{10}};
  uint8_t cpu_node[kMaxCpus] = {};  // home node of each CPU
  bool binds_nodes = false;         // nodes are the host's, and kmem_port_bind() puts memory there
  bool can_alias = false;       // kmem_port_window_alias() works
  CpuStackMode cpu_stack = CpuStackMode::TryLock;
  Checker checker = Checker::None;
  bool catches_accesses = false;  // kmem_port_catch_accesses() can work here
  uint64_t physical_bytes = 0;  // RAM of the machine, or what the limit of its cgroup leaves, whichever is less
  bool limited = false;         // physical_bytes is such a limit: who takes more is killed
  const char* command_line = "";
};

}  // namespace kmem
