#pragma once
// What each frame of a heap is used for, for pictures: `kmem map` and recordings.

#include <cstdint>
#include <string>
#include <vector>

#include "look.h"

namespace kmem::tool {

/// A frame or, in a map of a large heap, a group of neighbours.  The order is that of kCellNames, and of recordings.
enum class CellKind : uint8_t { Clean, Dirty, Listed, Slab, Pages, Boot, Guarded };
inline constexpr unsigned kCellKinds = 7;

struct Cell {
  CellKind kind = CellKind::Clean;  // what most of its frames are
  uint8_t fill = 0;    // percent of its bytes that the program has, by what is out of slabs; 1 where it is more than none
  bool huge = false;   // the host backs it with a huge page
  uint32_t cache = 0;  // of a slab
  bool operator==(const Cell& other) const {
    return kind == other.kind && fill == other.fill && huge == other.huge && cache == other.cache;
  }
};

/// Frames side by side that have memory.
struct MapRange {
  std::string zone;
  unsigned node = 0;
  uint64_t first = 0;  // frame
  std::vector<Cell> cells;
};

struct HeapMap {
  uint64_t frames_per_cell = 1;
  bool huge_known = false;  // does the host tell which pages are huge?
  std::vector<MapRange> ranges;
  std::vector<std::string> caches;  // by number; "" for none
};

/// {"map": {...}}: at most so many cells, more only where there are more ranges.
void ask_map(Looker& looker, uint64_t most_cells);
/// The same in the tool.  "map" as it came.
HeapMap map_of(const nlohmann::json& map);
/// Asks a target; throws a Failure where it cannot be read.  "skipped": what was left out.
nlohmann::json page_map_of(Target& target, const KmemPlace& place, uint64_t most_cells);

}  // namespace kmem::tool
