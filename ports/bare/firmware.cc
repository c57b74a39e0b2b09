// From the firmware's map to the machine's facts: ranges of memory by node, their holes, and the parts that the image and the
// port use.

#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"
#include "port/layout.h"

namespace bare {

Firmware firmware;
bool has_direct_map = false;

char* seen_at(uint64_t phys) { return reinterpret_cast<char*>(has_direct_map ? kDirectMap + phys : phys); }

namespace {

/// Zones begin and end at multiples of it: the largest block is aligned.
constexpr uint64_t kUnit = kPageSize << kmem::kMaxOrder;
/// Memory around a larger hole becomes two ranges.
constexpr uint64_t kLargeHole = uint64_t{64} << 20;

void insert(Ranges& in, unsigned at, const Range& range) {
  if (in.nr == kMostRanges) return;
  for (unsigned i = in.nr++; i > at; --i) in.all[i] = in.all[i - 1];
  in.all[at] = range;
}
void erase(Ranges& in, unsigned at) {
  for (--in.nr; at < in.nr; ++at) in.all[at] = in.all[at + 1];
}

uint64_t bytes_of(const Ranges& ranges) {
  uint64_t bytes = 0;
  for (unsigned i = 0; i < ranges.nr; ++i) bytes += ranges.all[i].end - ranges.all[i].start;
  return bytes;
}

}  // namespace

void Ranges::add(uint64_t start, uint64_t end, uint32_t node) {
  if (start >= end) return;
  remove(start, end);
  unsigned at = 0;
  while (at < nr && all[at].start < start) ++at;
  insert(*this, at, {start, end, node});
}

void Ranges::remove(uint64_t start, uint64_t end) {
  for (unsigned i = 0; i < nr;) {
    const Range old = all[i];
    if (old.end <= start || old.start >= end) {
      ++i;
      continue;
    }
    erase(*this, i);
    if (old.end > end) insert(*this, i, {end, old.end, old.node});
    if (old.start < start) insert(*this, i++, {old.start, start, old.node});
  }
}

bool Ranges::contains(uint64_t at) const {
  for (unsigned i = 0; i < nr; ++i)
    if (at >= all[i].start && at < all[i].end) return true;
  return false;
}

namespace {
/// Cuts the kernel's words, which follow " -- ", off the command line.
void split_words() {
  char* const words = firmware.command_line;
  for (char* at = words; *at; ++at) {
    const bool begins = at == words || at[-1] == ' ';
    if (!begins || at[0] != '-' || at[1] != '-' || (at[2] && at[2] != ' ')) continue;
    firmware.kernel_words = at[2] ? at + 3 : at + 2;
    *at = 0;
    return;
  }
}
}  // namespace

void take_words(const char* words) {
  size_t n = 0;
  for (; words[n] && n + 1 < sizeof firmware.command_line; ++n) firmware.command_line[n] = words[n];
  firmware.command_line[n] = 0;
  split_words();
}

bool cut_word(const char* word) {
  size_t length = 0;
  while (word[length]) ++length;
  char* const words = firmware.command_line;
  for (char* at = words; *at; ++at) {
    size_t n = 0;
    while (n < length && at[n] == word[n]) ++n;
    if (n < length || (at != words && at[-1] != ' ') || (at[n] && at[n] != ' ')) continue;
    while (n) at[--n] = ' ';
    return true;
  }
  return false;
}

void add_memory(uint64_t start, uint64_t bytes) {
  const uint64_t from = kmem::round_up(start, kPageSize), to = kmem::round_down(start + bytes, kPageSize);
  if (from < to) firmware.ram.add(from, to);
}
void remove_memory(uint64_t start, uint64_t bytes) {
  firmware.ram.remove(kmem::round_down(start, kPageSize), kmem::round_up(start + bytes, kPageSize));
}
void keep_memory(uint64_t start, uint64_t bytes) {
  firmware.taken.add(kmem::round_down(start, kPageSize), kmem::round_up(start + bytes, kPageSize));
}

void set_cpu_node(uint32_t hardware_id, uint32_t node) {
  for (uint32_t cpu = 0; cpu < firmware.nr_cpus; ++cpu)
    if (firmware.hardware_id[cpu] == hardware_id) firmware.cpu_node[cpu] = static_cast<uint8_t>(node);
}

void set_memory_node(uint64_t start, uint64_t bytes, uint32_t node) {
  const Ranges before = firmware.ram;
  for (unsigned i = 0; i < before.nr; ++i) {
    const Range& r = before.all[i];
    const uint64_t from = r.start > start ? r.start : start, to = r.end < start + bytes ? r.end : start + bytes;
    if (from < to) firmware.ram.add(from, to, node);
  }
}

// The port's frames -----------------------------------------------------------------------------------------------------

/// The kernel may define a larger share.
extern "C" __attribute__((weak)) const uint32_t bare_pool_share = 32;
namespace {
// Descriptors take a 64th; tables of the core and the window, per-CPU copies and page tables together less than another 64th.
uint64_t pool_bytes_for(uint64_t bytes) {
  const volatile uint32_t& share = bare_pool_share;
  const uint64_t wanted = bytes / share + (uint64_t{5} << 20), most = firmware.low_end / 2;  // they must have addresses
  return kmem::round_up(wanted < most ? wanted : most, kUnit);
}
}  // namespace

/// From the end of the largest range below `below`, the limit of the memory that is mapped before the port's own page tables.
const char* find_pool(uint64_t below) {
  const uint64_t total = bytes_of(firmware.ram);
  if (!total) return "the firmware names no memory";
  const uint64_t wanted = pool_bytes_for(total);
  uint64_t best = 0;
  for (unsigned i = 0; i < firmware.ram.nr; ++i) {
    const Range& ram = firmware.ram.all[i];
    const uint64_t end = kmem::round_down(ram.end < below ? ram.end : below, kPageSize);
    if (end < ram.start + wanted) continue;
    bool is_free = true;
    for (unsigned j = 0; j < firmware.taken.nr; ++j)
      is_free = is_free && (firmware.taken.all[j].end <= end - wanted || firmware.taken.all[j].start >= end);
    if (is_free) best = end - wanted;
  }
  if (!best) return "there is too little memory for the port's own tables where the boot reaches it";
  firmware.taken.add(best, best + wanted);
  pool.init(best, wanted);
  return nullptr;
}

// Facts -----------------------------------------------------------------------------------------------------------------

namespace {

/// Whole units; a unit that two nodes share belongs to the first.
void add_ram(kmem::Machine& machine, const Range& ram, bool high) {
  uint64_t start = kmem::round_down(ram.start, kUnit);
  const uint64_t end = kmem::round_up(ram.end, kUnit);
  if (machine.nr_ram) {
    kmem::RamRange& last = machine.ram[machine.nr_ram - 1];
    const uint64_t last_end = last.start.value + last.bytes;
    if (start < last_end) start = last_end;
    if (last.node.value == ram.node && last.high == high && start < last_end + kLargeHole) {
      if (end > last_end) last.bytes = end - last.start.value;
      return;
    }
  }
  if (start >= end || machine.nr_ram == kmem::kMaxRamRanges) return;
  machine.ram[machine.nr_ram++] = {{start}, end - start, {static_cast<uint8_t>(ram.node)}, high};
}

/// Memory without an address is a range of its own.
void add_ram(kmem::Machine& machine, const Range& ram) {
  const uint64_t low_end = firmware.low_end;
  if (ram.start < low_end) add_ram(machine, {ram.start, ram.end < low_end ? ram.end : low_end, ram.node}, false);
  if (ram.end > low_end) add_ram(machine, {ram.start > low_end ? ram.start : low_end, ram.end, ram.node}, true);
}

void add_gap(kmem::Machine& machine, uint64_t start, uint64_t end, bool reserved) {
  if (start < end && machine.nr_gaps < kmem::kMaxRamGaps) machine.gaps[machine.nr_gaps++] = {{start}, end - start, reserved};
}

/// Adds the holes of a range of the machine.
void add_gaps(kmem::Machine& machine, const kmem::RamRange& ram) {
  uint64_t at = ram.start.value;
  const uint64_t end = at + ram.bytes;
  for (unsigned i = 0; i < firmware.ram.nr; ++i) {
    const Range& part = firmware.ram.all[i];
    if (part.end <= at || part.start >= end) continue;
    add_gap(machine, at, part.start, false);
    at = part.end;
  }
  add_gap(machine, at, end, false);
}

}  // namespace

void fill_machine(kmem::Machine& machine) {
  machine.nr_ram = 0;
  for (unsigned i = 0; i < firmware.ram.nr; ++i) add_ram(machine, firmware.ram.all[i]);
  for (unsigned i = 0; i < machine.nr_ram; ++i) add_gaps(machine, machine.ram[i]);
  for (unsigned i = 0; i < firmware.taken.nr; ++i)
    add_gap(machine, firmware.taken.all[i].start, firmware.taken.all[i].end, true);
  machine.dma_end = {firmware.dma_end};
  machine.dma32_end = {firmware.dma32_end};
  machine.nr_cpus = firmware.nr_cpus;
  machine.nr_areas = 2 * firmware.nr_cpus;
  machine.nr_nodes = firmware.nr_nodes;
  for (uint32_t cpu = 0; cpu < firmware.nr_cpus; ++cpu) machine.cpu_node[cpu] = firmware.cpu_node[cpu];
  for (uint32_t a = 0; a < firmware.nr_nodes; ++a)
    for (uint32_t b = 0; b < firmware.nr_nodes; ++b)
      machine.distance[a][b] = firmware.distance[a][b] ? firmware.distance[a][b] : a == b ? 10 : 20;
  machine.physical_bytes = bytes_of(firmware.ram);
  machine.command_line = firmware.command_line;
}

}  // namespace bare
