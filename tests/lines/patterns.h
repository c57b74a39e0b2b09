#pragma once
// What CPUs do with kmem at the same time, one task on each.

#include <cstdint>
#include <vector>

namespace lines {

struct Table;

/// One figure of the table.
struct Figure {
  uint64_t operations = 0;
  uint64_t transfers = 0;  // of cache lines, see line_model.h
  uint64_t fences = 0;     // of all CPUs, which an inter-processor interrupt costs each
  double per_operation() const { return static_cast<double>(transfers) / static_cast<double>(operations); }
};

struct Pattern {
  const char* name;
  const char* does;    // one operation, in words
  bool needs_partner;  // every second CPU works for the one before it
  unsigned rounds;     // so many rounds are counted; as many again warm up
  void (*round)(uint32_t cpu, Table& table);
};

/// All of them, as they stand in the table.
const std::vector<Pattern>& patterns();
/// One that writes a line of all CPUs each time: the figure must be seen to be bad.
Pattern planted();

/// Boots a machine of so many CPUs, up to 4 nodes, runs the pattern on all of them and counts.
Figure measure(const Pattern& pattern, uint32_t nr_cpus);

}  // namespace lines
