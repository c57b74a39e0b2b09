#include "boot/shape_machine.h"

#include "base/bits.h"
#include "base/memory.h"

namespace kmem {
namespace {

constexpr uint64_t kUnit = kPageSize << kMaxOrder;
/// Ranges below it, those of the DMA zones, are not joined.
constexpr uint64_t kNormalStart = uint64_t{4} << 30;

/// Joins adjacent ranges, once their nodes are the same.
void join_ranges(Machine& machine) {
  for (unsigned i = 1; i < machine.nr_ram;) {
    RamRange& before = machine.ram[i - 1];
    if (before.start.value + before.bytes != machine.ram[i].start.value || before.start.value < kNormalStart) {
      ++i;
      continue;
    }
    before.bytes += machine.ram[i].bytes;
    for (unsigned j = i + 1; j < machine.nr_ram; ++j) machine.ram[j - 1] = machine.ram[j];
    --machine.nr_ram;
  }
}

}  // namespace

void cap_memory(Machine& machine, uint64_t bytes) {
  uint64_t total = 0;
  for (unsigned i = 0; i < machine.nr_ram; ++i) total += machine.ram[i].bytes;
  while (machine.nr_ram && total > bytes) {
    RamRange& last = machine.ram[machine.nr_ram - 1];
    const uint64_t excess = round_up(total - bytes, kUnit);
    const uint64_t off = excess < last.bytes ? excess : last.bytes;
    last.bytes -= off;
    total -= off;
    if (!last.bytes) --machine.nr_ram;
  }
}

void fake_nodes(Machine& machine, uint32_t nr) {
  RamRange whole = machine.ram[machine.nr_ram - 1];
  const uint64_t share = round_down(whole.bytes / nr, kUnit);
  if (!share || machine.nr_ram - 1 + nr > kMaxRamRanges || nr > kMaxNodes) return;
  for (uint32_t node = 0; node < nr; ++node) {
    const uint64_t bytes = node + 1 < nr ? share : whole.bytes - share * node;
    machine.ram[machine.nr_ram - 1 + node] = {{whole.start.value + share * node}, bytes, {static_cast<uint8_t>(node)}};
    for (uint32_t other = 0; other < nr; ++other) machine.distance[node][other] = node == other ? 10 : 20;
  }
  machine.nr_ram += nr - 1;
  machine.nr_nodes = nr;
  for (uint32_t cpu = 0; cpu < machine.nr_cpus; ++cpu) machine.cpu_node[cpu] = static_cast<uint8_t>(cpu % nr);
}

void make_high(Machine& machine, uint64_t bytes) {
  if (!machine.nr_ram || machine.nr_ram == kMaxRamRanges) return;
  RamRange& last = machine.ram[machine.nr_ram - 1];
  bytes = round_up(bytes, kUnit);
  if (bytes + kUnit > last.bytes) bytes = last.bytes > kUnit ? round_down(last.bytes - kUnit, kUnit) : 0;
  if (!bytes) return;
  last.bytes -= bytes;
  machine.ram[machine.nr_ram++] = {{last.start.value + last.bytes}, bytes, last.node, true};
}

void forget_nodes(Machine& machine) {
  for (unsigned i = 0; i < machine.nr_ram; ++i) machine.ram[i].node = {};
  join_ranges(machine);
  memset(machine.cpu_node, 0, sizeof machine.cpu_node);
  machine.nr_nodes = 1;
  machine.binds_nodes = false;
}

void shape_machine(Machine& machine, const MachineWords& words) {
  if (words.fake_nodes && machine.nr_nodes > 1) forget_nodes(machine);
  if (machine.limited) cap_memory(machine, machine.physical_bytes);
  if (words.mem) cap_memory(machine, words.mem);
  if (words.fake_nodes > 1 && machine.nr_ram) fake_nodes(machine, words.fake_nodes);
  if (words.highmem) make_high(machine, words.highmem);
}

}  // namespace kmem
