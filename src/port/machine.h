#pragma once
// The facts that a port hands to the core, once, at boot.  Facts are data; only events are functions (port.h).

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

/// A piece of a range that the page allocator does not get.
struct RamGap {
  PhysAddr start;
  uint64_t bytes = 0;
  bool reserved = false;  // memory that the port uses itself; otherwise a hole
};
inline constexpr unsigned kMaxRamGaps = 64;
/// CPU numbers below this are served; they need not be dense.
inline constexpr unsigned kMaxCpus = 4096;
inline constexpr unsigned kMaxAreas = 3 * kMaxCpus;

/// What implements the per-CPU fast paths; every report names it.
enum class CpuStackMode : uint8_t { Rseq, PerThread, Sim };

/// The tool that checks every access of the program.
enum class Checker : uint8_t { None, Valgrind, AddressSanitizer };

struct Machine {
  RamRange ram[kMaxRamRanges];
  unsigned nr_ram = 0;
  RamGap gaps[kMaxRamGaps];
  unsigned nr_gaps = 0;
  /// The physical addresses at which the zones DMA and DMA32 end, multiples of the largest block; a zone of no length is none.
  PhysAddr dma_end{uint64_t{16} << 20}, dma32_end{uint64_t{4} << 30};

  /// The address of physical address 0: a frame's address is direct_map + pfn * kPageSize.
  char* direct_map = nullptr;
  /// Frames from this number on have no address (port/high_memory.h); they are in high ranges.
  uint64_t nr_addressed = ~uint64_t{0};
  /// The base of the per-CPU words, sheaves and tables (port/layout.h), ready for use and zero.
  char* base = nullptr;
  uint32_t nr_sheaves = 0;  // the number that there is room for, at base + nr_areas * kCpuStride rounded up to a sheaf
  /// The frame table and the sheaves are brought online in steps of this many bytes, when first used; 0: they are online.
  uint32_t table_step = 0;
  /// Address space for the frames' descriptors, 64 bytes each, index 0 for pfn 0.  Brought online with the frames.
  char* descriptors = nullptr;
  /// Address space for the states of sealed objects (slab/seal.h): a byte for each 64 bytes of frames, and one for each 16;
  /// null: there is none. Brought online with the frames if a boot word asks for states.
  char* states_by_64 = nullptr;
  char* states_by_16 = nullptr;
  /// Zeroed address space for the core's own tables, committed as it is touched.
  char* metadata = nullptr;
  uint64_t metadata_bytes = 0;

  /// The host's page size: discard() and online() work on multiples of it.
  uint32_t host_page_bytes = kPageSize;
  uint32_t nr_areas = 2;  // areas of words: one for each CPU, then at least as many for shadow CPUs; below kMaxAreas
  uint32_t nr_cpus = 1;   // this_cpu() returns numbers below this
  uint32_t nr_nodes = 1;
  uint8_t distance[kMaxNodes][kMaxNodes] = {{10}};
  uint8_t cpu_node[kMaxCpus] = {};  // home node of each CPU
  bool binds_nodes = false;         // nodes are the host's, and kmem_port_bind() puts memory there
  bool can_alias = false;           // kmem_port_window_alias() works
  CpuStackMode cpu_stack = CpuStackMode::PerThread;
  Checker checker = Checker::None;
  bool catches_accesses = false;  // kmem_port_catch_accesses() can work here
  uint64_t physical_bytes = 0;    // RAM of the machine or the limit of its cgroup, whichever is less
  bool limited = false;           // physical_bytes is a cgroup's limit: a process that exceeds it is killed
  const char* command_line = "";
};

/// The part of metadata_bytes that grows with nodes and CPUs: tables of caches for each node, and for each cache the parts of
/// its barns (slab/barn.h), a cache line each: as many as a node has CPUs, rounded up to a power of two, at most 16.
constexpr uint64_t metadata_of_nodes(uint32_t nr_nodes, uint32_t nr_cpus) {
  constexpr uint64_t kNode = 1 << 20, kLines = 128 << 10, kMostCpus = 16;
  const uint64_t rounded = nr_nodes + 2 * uint64_t{nr_cpus}, most = nr_nodes * kMostCpus;
  return nr_nodes * kNode + (rounded < most ? rounded : most) * kLines;
}

}  // namespace kmem
