#pragma once
// Shares the CPUs out among a few places, evenly within each node too.

#include "base/types.h"

namespace kmem {

/// A number below 2^log2_places for a CPU.  Hosts number their CPUs node by node or in turns; the last digit alone would give
/// all CPUs of a node the same place in the second case, so all digits of the number are folded together.
constexpr unsigned spread(CpuId cpu, unsigned log2_places) {
  if (!log2_places) return 0;
  unsigned folded = 0;
  for (uint32_t rest = cpu.value; rest; rest >>= log2_places) folded ^= rest & ((1u << log2_places) - 1);
  return folded;
}

}  // namespace kmem
