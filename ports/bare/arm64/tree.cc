// The flattened device tree (Devicetree Specification 0.4, chapter 5): memory, CPUs, nodes, registers, and the words.

#include "arm64.h"
#include "bare.h"
#include "base/bits.h"
#include "base/memory.h"

namespace bare {

Board board;

namespace {

enum Token : uint32_t { kBeginNode = 1, kEndNode = 2, kProperty = 3, kNothing = 4 };

uint32_t word_at(const char* at) { return __builtin_bswap32(*reinterpret_cast<const uint32_t*>(at)); }
const char* aligned(const char* at) { return at + (-reinterpret_cast<uintptr_t>(at) & 3); }
bool equal(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}
size_t length(const char* text) {
  size_t n = 0;
  while (text[n]) ++n;
  return n;
}

const char* strings = nullptr;  // the names of properties

struct Property {
  const char* at = nullptr;
  uint32_t bytes = 0;
  explicit operator bool() const { return at; }
  /// The number of that many cells at a cell; 0 behind the end.
  uint64_t number(unsigned cell = 0, unsigned cells = 1) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < cells && (cell + i + 1) * 4 <= bytes; ++i) value = value << 32 | word_at(at + 4 * (cell + i));
    return value;
  }
  /// Is the text one of the list's?
  bool has(const char* text) const {
    for (const char* one = at; one && one < at + bytes; one += length(one) + 1)
      if (equal(one, text)) return true;
    return false;
  }
};

struct Node {
  const Node* parent = nullptr;
  const char* name = "";
  const char* properties = nullptr;

  Property get(const char* wanted) const {
    for (const char* at = properties; at;) {
      const uint32_t token = word_at(at);
      if (token == kNothing) at += 4;
      else if (token != kProperty) return {};
      else if (equal(strings + word_at(at + 8), wanted)) return {at + 12, word_at(at + 4)};
      else at = aligned(at + 12 + word_at(at + 4));
    }
    return {};
  }
  unsigned cells(const char* what, unsigned otherwise) const {
    const Property p = get(what);
    return p ? static_cast<unsigned>(p.number()) : otherwise;
  }
  unsigned address_cells() const { return cells("#address-cells", 2); }
  unsigned size_cells() const { return cells("#size-cells", 1); }
  bool is_enabled() const {
    const Property status = get("status");
    return !status || status.has("okay") || status.has("ok");
  }
  bool is(const char* compatible) const { return get("compatible").has(compatible); }
};

/// From a bus's addresses to those of the processor, by the ranges of the buses between; all ones: it does not reach there.
uint64_t address_of(const Node* bus, uint64_t address) {
  for (; bus && bus->parent; bus = bus->parent) {
    const Property ranges = bus->get("ranges");
    if (!ranges) return ~uint64_t{0};
    const unsigned child = bus->address_cells(), above = bus->parent->address_cells(), size = bus->size_cells();
    bool found = !ranges.bytes;
    for (unsigned at = 0; !found && (at + child + above + size) * 4 <= ranges.bytes; at += child + above + size) {
      const uint64_t from = ranges.number(at, child);
      if (address - from >= ranges.number(at + child + above, size)) continue;
      address = address - from + ranges.number(at + child, above);
      found = true;
    }
    if (!found) return ~uint64_t{0};
  }
  return address;
}

/// The i-th pair of `reg`; no bytes if there is none.
Registers registers_of(const Node& node, unsigned i = 0) {
  const unsigned address = node.parent->address_cells(), size = node.parent->size_cells();
  const Property reg = node.get("reg");
  if ((i + 1) * (address + size) * 4 > reg.bytes) return {};
  const uint64_t at = address_of(node.parent, reg.number(i * (address + size), address));
  return at == ~uint64_t{0} ? Registers{} : Registers{at, reg.number(i * (address + size) + address, size)};
}

// What the nodes say -----------------------------------------------------------------------------------------------------

/// Affinities, as firmware.hardware_id has them: the highest field moves down into bits 24 to 31.
uint32_t packed(uint64_t mpidr) { return static_cast<uint32_t>((mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000)); }

struct CpuNode {
  uint32_t hardware_id, node;
};
CpuNode cpu_nodes[kMostCpus];
unsigned nr_cpu_nodes = 0;

uint32_t node_of(const Node& node) {
  const uint64_t nid = node.get("numa-node-id").number();
  if (nid >= kmem::kMaxNodes) return 0;
  if (nid >= firmware.nr_nodes) firmware.nr_nodes = static_cast<uint32_t>(nid + 1);
  return static_cast<uint32_t>(nid);
}

void read_memory(const Node& node) {
  const uint32_t nid = node_of(node);
  for (unsigned i = 0;; ++i) {
    const Registers range = registers_of(node, i);
    if (!range.bytes) return;
    if (range.phys + range.bytes < range.phys) continue;
    add_memory(range.phys, range.bytes);
    if (nid) set_memory_node(range.phys, range.bytes, nid);
  }
}

void read_cpu(const Node& node) {
  if (!node.is_enabled() || nr_cpu_nodes == kMostCpus) return;
  cpu_nodes[nr_cpu_nodes++] = {packed(node.get("reg").number(0, node.parent->address_cells())), node_of(node)};
}

/// The CPU that boots is the first.
void number_cpus() {
  firmware.hardware_id[0] = packed(BARE_READ(mpidr_el1));
  for (unsigned i = 0; i < nr_cpu_nodes; ++i)
    if (cpu_nodes[i].hardware_id != firmware.hardware_id[0] && firmware.nr_cpus < kMostCpus)
      firmware.hardware_id[firmware.nr_cpus++] = cpu_nodes[i].hardware_id;
  for (unsigned i = 0; i < nr_cpu_nodes; ++i) set_cpu_node(cpu_nodes[i].hardware_id, cpu_nodes[i].node);
}

void read_distances(const Node& node) {
  const Property matrix = node.get("distance-matrix");
  for (unsigned at = 0; (at + 3) * 4 <= matrix.bytes; at += 3) {
    const uint64_t a = matrix.number(at), b = matrix.number(at + 1);
    if (a < kmem::kMaxNodes && b < kmem::kMaxNodes)
      firmware.distance[a][b] = firmware.distance[b][a] = static_cast<uint8_t>(matrix.number(at + 2));
  }
}

/// A bus whose devices reach only a part of memory: where that ends.
uint64_t dma_end_of(const Node& bus) {
  const Property ranges = bus.get("dma-ranges");
  if (!ranges.bytes || !bus.parent) return ~uint64_t{0};
  const unsigned child = bus.address_cells(), above = bus.parent->address_cells(), size = bus.size_cells();
  uint64_t end = 0;
  for (unsigned at = 0; (at + child + above + size) * 4 <= ranges.bytes; at += child + above + size) {
    const uint64_t its = ranges.number(at + child, above) + ranges.number(at + child + above, size);
    if (its > end) end = its;
  }
  return end ? end : ~uint64_t{0};
}

bool is_controller(const Node& node) {
  return node.is("arm,gic-v3") || node.is("arm,cortex-a15-gic") || node.is("arm,gic-400");
}

/// Of version 2: distributor, CPU interface; of version 3: distributor, redistributors.
void read_interrupt_controller(const Node& node) {
  board.distributor = registers_of(node, 0);
  board.is_gic3 = node.is("arm,gic-v3");
  (board.is_gic3 ? board.redistributors : board.cpu_interface) = registers_of(node, 1);
}

/// The first of the bus's ranges of memory below 4 GiB: its addresses have three cells, of which the first says what it is.
void read_pci_host(const Node& node) {
  board.pci_config = registers_of(node);
  const Property ranges = node.get("ranges");
  const unsigned child = node.address_cells(), above = node.parent->address_cells(), size = node.size_cells();
  constexpr uint32_t kKind = 3 << 24, kMemory = 2 << 24;
  for (unsigned at = 0; (at + child + above + size) * 4 <= ranges.bytes; at += child + above + size) {
    if ((ranges.number(at) & kKind) != kMemory) continue;
    board.pci_on_bus = ranges.number(at + 1, 2);
    board.pci_memory = {address_of(node.parent, ranges.number(at + child, above)), ranges.number(at + child + above, size)};
    return;
  }
}

uint32_t controller = 0;  // the interrupt controller's name in the tree, and the cells of an address in its node
unsigned controller_cells = 0;

void find_controller(const Node& node) {
  if (!node.parent || !is_controller(node)) return;
  controller = static_cast<uint32_t>(node.get("phandle").number());
  controller_cells = node.cells("#address-cells", 0);
}

/// How the host bridge's pins are wired.  An entry: the place and the pin, the controller, an address in it, and three cells as
/// in every interrupt of a GIC: kind, number, trigger.
void read_wires(const Node& node) {
  const Property map = node.get("interrupt-map"), mask = node.get("interrupt-map-mask");
  if (!map || !node.is("pci-host-ecam-generic") || registers_of(node).phys != board.pci_config.phys) return;
  const unsigned pin = node.address_cells(), entry = pin + 2 + controller_cells + 3;
  board.place_mask = mask ? static_cast<uint32_t>(mask.number()) : ~0u;
  board.pin_mask = mask ? static_cast<uint32_t>(mask.number(pin)) : ~0u;
  for (unsigned at = 0; (at + entry) * 4 <= map.bytes && board.nr_wires < Board::kMostWires; at += entry) {
    if (map.number(at + pin + 1) != controller) return;  // of another length
    const unsigned interrupt = at + entry - 3;
    if (map.number(interrupt)) continue;  // not a shared one
    board.wires[board.nr_wires++] = {static_cast<uint32_t>(map.number(at)), static_cast<uint32_t>(map.number(at + pin)),
                                     32 + static_cast<uint32_t>(map.number(interrupt + 1)),
                                     (map.number(interrupt + 2) & 4) != 0};
  }
}

/// Entries of three cells: kind, number, trigger; the third is the virtual timer's, and private to each CPU.
void read_timer(const Node& node) {
  const Property interrupts = node.get("interrupts");
  if (interrupts.bytes >= 36) board.timer = 16 + static_cast<uint32_t>(interrupts.number(7));
}

void read_chosen(const Node& node) {
  if (const Property words = node.get("bootargs")) take_words(words.at);
  const Property start = node.get("linux,initrd-start"), end = node.get("linux,initrd-end");
  if (!start || !end) return;
  const uint64_t from = start.number(0, start.bytes / 4);
  keep_memory(from, end.number(0, end.bytes / 4) - from);
}

void read_node(const Node& node) {
  if (!node.parent || !node.is_enabled()) return;
  if (node.get("device_type").has("memory")) read_memory(node);
  if (node.get("device_type").has("cpu")) read_cpu(node);
  if (equal(node.name, "chosen") && !node.parent->parent) read_chosen(node);
  if (node.is("numa-distance-map-v1")) read_distances(node);
  if (node.is("arm,pl011") && !board.console.bytes) board.console = registers_of(node);
  if (is_controller(node)) read_interrupt_controller(node);
  if (node.is("arm,gic-v2m-frame") && !board.messages.bytes) board.messages = registers_of(node);
  if (node.is("arm,armv8-timer")) read_timer(node);
  if (node.is("pci-host-ecam-generic") && !board.pci_config.bytes) read_pci_host(node);
  if (node.is("arm,psci-0.2") || node.is("arm,psci-1.0")) {
    board.has_psci = true;
    board.psci_by_smc = node.get("method").has("smc");
  }
  const uint64_t end = kmem::round_down(dma_end_of(node), kPageSize << kmem::kMaxOrder);
  if (end < firmware.dma_end) firmware.dma_end = end;
}

/// Memory that the firmware reserves; what no one may map is taken away as a whole.
void read_reserved(const Node& node) {
  if (!node.parent || !equal(node.parent->name, "reserved-memory")) return;
  for (unsigned i = 0;; ++i) {
    const Registers range = registers_of(node, i);
    if (!range.bytes) return;
    node.get("no-map") ? remove_memory(range.phys, range.bytes) : keep_memory(range.phys, range.bytes);
  }
}

/// Visits a node, whose name begins at `at`, and those in it; returns where the next token is.
const char* each_node(const char* at, const Node* parent, void (*visit)(const Node& node)) {
  Node node{parent, at, nullptr};
  at = node.properties = aligned(at + length(at) + 1);
  for (bool visited = false;;) {
    const uint32_t token = word_at(at);
    if (token == kProperty) at = aligned(at + 12 + word_at(at + 4));
    else if (token == kNothing) at += 4;
    else {
      if (!visited) visit(node);
      visited = true;
      if (token != kBeginNode) return at + 4;
      at = each_node(at + 4, &node, visit);
    }
  }
}

}  // namespace

/// Memory first, and then what must not be used of it.
bool read_tree(uint64_t phys) {
  constexpr uint32_t kMagic = 0xd00dfeed;
  const char* const tree = seen_at(phys);
  if (!phys || (phys & 7) || word_at(tree) != kMagic) return false;
  const char* const root = tree + word_at(tree + 8) + 4;
  strings = tree + word_at(tree + 12);
  firmware.dma_end = firmware.dma32_end;
  each_node(root, nullptr, read_node);
  each_node(root, nullptr, read_reserved);
  each_node(root, nullptr, find_controller);
  each_node(root, nullptr, read_wires);
  for (const char* entry = tree + word_at(tree + 16);; entry += 16) {
    const Property pair{entry, 16};
    if (!pair.number(2, 2)) break;
    keep_memory(pair.number(0, 2), pair.number(2, 2));
  }
  keep_memory(phys, word_at(tree + 4));
  number_cpus();
  return true;
}

}  // namespace bare
