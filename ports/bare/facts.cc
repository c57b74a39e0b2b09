// kmem_port_boot(): the addresses of the core's memory. Frames are cleared as they come online.

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "port/layout.h"
#include "port/port.h"

namespace bare {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

uint64_t end_of_memory(const kmem::Machine& machine) {
  uint64_t end = 0;
  for (unsigned i = 0; i < machine.nr_ram; ++i) {
    const uint64_t its = machine.ram[i].start.value + machine.ram[i].bytes;
    if (its > end) end = its;
  }
  return end;
}

/// Frames that were cleared, a bit for each.
SpinLock clear_lock;
uint64_t* cleared = nullptr;
uint64_t nr_cleared_bits = 0;

bool make_cleared(uint64_t frames) {
  const uint64_t bytes = kmem::round_up(frames / 8 + 8, kPageSize);
  const uint64_t at = pool.take(static_cast<unsigned>(bytes / kPageSize));
  if (!at) return false;
  cleared = reinterpret_cast<uint64_t*>(seen_at(at));
  memset(cleared, 0, bytes);
  nr_cleared_bits = frames;
  return true;
}

/// Only frames that are memory and not in use.
void clear_frame(uint64_t pfn) {
  uint64_t& word = cleared[pfn / 64];
  const uint64_t bit = uint64_t{1} << pfn % 64, at = pfn * kPageSize;
  if (word & bit) return;
  word |= bit;
  if (firmware.ram.contains(at) && !firmware.taken.contains(at)) memset(seen_at(at), 0, kPageSize);
}

bool lay_out(kmem::Machine& machine) {
  const uint64_t frames = end_of_memory(machine) / kPageSize;
  if (!make_cleared(frames)) return false;
  machine.direct_map = reinterpret_cast<char*>(kDirectMap);
  if (firmware.low_end != ~uint64_t{0}) machine.nr_addressed = firmware.low_end / kPageSize;
  const uint64_t named = frames < machine.nr_addressed ? frames : machine.nr_addressed;
  machine.base = reinterpret_cast<char*>(kBase);
  machine.descriptors = reinterpret_cast<char*>(kDescriptors);
  machine.metadata = reinterpret_cast<char*>(kMetadata);
  machine.nr_sheaves = 2048 + 256 * machine.nr_cpus;
  machine.table_step = 0;
  machine.metadata_bytes = kmem::round_up(
      2 * kMiB + kmem::metadata_of_nodes(machine.nr_nodes, machine.nr_cpus) + machine.nr_ram * 64 * 1024 + frames * 9 / 32,
      kPageSize);
  const uint64_t table = kmem::round_down(kBase + static_cast<uint64_t>(kmem::kFrameTable), kPageSize);
  const uint64_t words = machine.nr_areas * kmem::kCpuStride + machine.nr_sheaves * kmem::kSheafBytes;
  return map_on_demand(table, kmem::round_up(named + kPageSize, kPageSize), Rights::ReadWrite) &&
         map_on_demand(kBase + static_cast<uint64_t>(kmem::kTables), 4 * kPageSize, Rights::ReadWrite) &&
         map_on_demand(kBase, kmem::round_up(words, kPageSize), Rights::ReadWrite) &&
         map_on_demand(kBase + kmem::kBlocked, kmem::kBlockedBytes, Rights::Read) &&
         map_on_demand(kMetadata, machine.metadata_bytes, Rights::ReadWrite);
}

}  // namespace
}  // namespace bare

extern "C" {

bool kmem_port_boot(kmem::Machine* machine) {
  using namespace bare;
  fill_machine(*machine);
  machine->can_alias = true;
  machine->catches_accesses = true;
  machine->cpu_stack = kmem::CpuStackMode::Rseq;
  if (!machine->nr_ram) return say("kmem: the firmware names no memory\n"), false;
  if (lay_out(*machine)) return true;
  say("kmem: the port has too few frames for its tables\n");
  return false;
}

// Descriptors and the window's tables are mapped on demand.
kmem::Online kmem_port_online(void* address, size_t bytes) {
  using namespace bare;
  const auto at = reinterpret_cast<uint64_t>(address);
  if (at - kDirectMap >= nr_cleared_bits * kPageSize) {
    const uint64_t from = kmem::round_down(at, kPageSize), to = kmem::round_up(at + bytes, kPageSize);
    return map_on_demand(from, to - from, Rights::ReadWrite) ? kmem::Online::Done : kmem::Online::Refused;
  }
  for (uint64_t pfn = (at - kDirectMap) / kPageSize, end = (at - kDirectMap + bytes + kPageSize - 1) / kPageSize; pfn < end;) {
    const Locked locked(clear_lock);  // released now and then, because interrupts are off
    for (unsigned n = 0; n < 64 && pfn < end; ++n) clear_frame(pfn++);
  }
  return kmem::Online::Done;
}
}
