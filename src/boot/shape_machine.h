#pragma once
// How boot words change the machine's memory: pure functions over `Machine`, called before any layer is built on it.

#include "port/machine.h"

namespace kmem {

/// mem=: removes memory from the end until at most `bytes` are left, in units of the largest block, rounded down.
void cap_memory(Machine& machine, uint64_t bytes);

/// numa=fake=N: the last range, the largest, is divided among N nodes in equal parts, the last node gets the remainder; CPUs
/// are assigned to nodes in turn, the distance of two nodes is 20. Nothing changes if the parts would be empty, or there is no
/// room for so many ranges or nodes.
void fake_nodes(Machine& machine, uint32_t nr);

/// Merges the host's nodes into one, and joins adjacent ranges. To be called before fake_nodes().
void forget_nodes(Machine& machine);

/// highmem=: the end of the last range, `bytes` rounded up to the largest block, loses its permanent addresses.  At least
/// one largest block of the range keeps them.
void make_high(Machine& machine, uint64_t bytes);

/// Applies all words, in the order in which they depend on each other.
struct MachineWords {
  uint64_t mem = 0, highmem = 0;  // bytes; 0: not given
  uint32_t fake_nodes = 0;        // 0: the host's nodes
};
void shape_machine(Machine& machine, const MachineWords& words);

}  // namespace kmem
