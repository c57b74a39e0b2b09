// The machine's NUMA nodes, from sysfs: their memory, distances and CPUs.

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux_port.h"
#include "port/machine.h"
#include "port/port.h"

namespace linux_port {
namespace {

constexpr unsigned kMostHostNodes = 64;
constexpr int kPreferred = 1;  // MPOL_PREFERRED

/// The host's node numbers, which may have gaps, by kmem's.
uint8_t host_node[kmem::kMaxNodes];

uint64_t take_number(const char*& c) {
  uint64_t n = 0;
  for (; *c >= '0' && *c <= '9'; ++c) n = n * 10 + static_cast<uint64_t>(*c - '0');
  return n;
}

/// "0-3,8": calls use(n) for each number.
template <typename Use>
void for_each_in_list(const char* c, Use use) {
  while (*c >= '0' && *c <= '9') {
    const uint64_t first = take_number(c);
    const uint64_t last = *c == '-' ? take_number(++c) : first;
    for (uint64_t n = first; n <= last; ++n) use(n);
    if (*c == ',') ++c;
  }
}

struct NodeFile {
  char text[4096];
  /// False if there is no such file.
  bool read(const char* root, unsigned node, const char* name) {
    char path[256];
    snprintf(path, sizeof path, "%s/node%u/%s", root, node, name);
    return read_file(path, text, sizeof text) != 0;
  }
};

struct HostNodes {
  unsigned nr_online = 0, nr = 0;
  uint8_t online[kMostHostNodes];
  uint8_t with_memory[kmem::kMaxNodes];
  bool too_many = false;
};

HostNodes list_nodes(const char* root) {
  HostNodes nodes;
  char path[256], text[256];
  snprintf(path, sizeof path, "%s/online", root);
  read_file(path, text, sizeof text);
  for_each_in_list(text, [&](uint64_t n) {
    if (n < 256 && nodes.nr_online < kMostHostNodes) nodes.online[nodes.nr_online++] = static_cast<uint8_t>(n);
  });
  snprintf(path, sizeof path, "%s/has_memory", root);
  if (!read_file(path, text, sizeof text)) return nodes;
  for_each_in_list(text, [&](uint64_t n) {
    if (n >= 256 || nodes.nr == kmem::kMaxNodes) nodes.too_many = true;
    else nodes.with_memory[nodes.nr++] = static_cast<uint8_t>(n);
  });
  return nodes;
}

/// "Node 1 MemTotal:  12345 kB"
uint64_t memory_of(const char* root, unsigned node) {
  NodeFile file;
  if (!file.read(root, node, "meminfo")) return 0;
  const char* c = strstr(file.text, "MemTotal:");
  if (!c) return 0;
  for (c += strlen("MemTotal:"); *c == ' ';) ++c;
  return take_number(c) << 10;
}

/// A node's distances to all nodes that are online, in their order; false if the file does not tell.
bool distances_of(const char* root, unsigned node, const HostNodes& nodes, uint8_t* row) {
  NodeFile file;
  if (!file.read(root, node, "distance")) return false;
  const char* c = file.text;
  for (unsigned i = 0; i < nodes.nr_online; ++i) {
    while (*c == ' ') ++c;
    if (*c < '0' || *c > '9') return false;
    const uint64_t distance = take_number(c);
    row[i] = static_cast<uint8_t>(distance < 255 ? distance : 255);
  }
  return true;
}

unsigned place_online(const HostNodes& nodes, unsigned node) {
  unsigned i = 0;
  while (i < nodes.nr_online && nodes.online[i] != node) ++i;
  return i;
}

}  // namespace

// CPUs of a node without memory belong to the nearest one that has some.
bool read_nodes(const char* root, kmem::Machine& machine, uint64_t* bytes) {
  const HostNodes nodes = list_nodes(root);
  if (nodes.nr < 2 || nodes.too_many) return false;
  uint8_t row[kMostHostNodes] = {};
  for (unsigned i = 0; i < nodes.nr_online; ++i) {
    const unsigned node = nodes.online[i];
    if (!distances_of(root, node, nodes, row)) return false;
    unsigned nearest = 0;
    for (unsigned n = 0; n < nodes.nr; ++n) {
      const unsigned there = place_online(nodes, nodes.with_memory[n]);
      if (there == nodes.nr_online) return false;
      if (row[there] < row[place_online(nodes, nodes.with_memory[nearest])]) nearest = n;
    }
    if (nodes.with_memory[nearest] == node)
      for (unsigned n = 0; n < nodes.nr; ++n) machine.distance[nearest][n] = row[place_online(nodes, nodes.with_memory[n])];
    NodeFile file;
    if (file.read(root, node, "cpulist"))
      for_each_in_list(file.text, [&](uint64_t cpu) {
        if (cpu < kmem::kMaxCpus) machine.cpu_node[cpu] = static_cast<uint8_t>(nearest);
      });
  }
  for (unsigned n = 0; n < nodes.nr; ++n) {
    bytes[n] = memory_of(root, nodes.with_memory[n]);
    if (!bytes[n]) return false;
    host_node[n] = nodes.with_memory[n];
    machine.distance[n][n] = 10;
  }
  machine.nr_nodes = nodes.nr;
  machine.binds_nodes = true;
  return true;
}

// Once for all memory that may ever come online, not section by section, because a sandbox may forbid the call later. Nodes of
// the boot word numa=fake are not the host's.
void bind_nodes(kmem::Machine& machine) {
  if (strstr(machine.command_line, "numa=")) machine.binds_nodes = false;
  for (unsigned i = 0; machine.binds_nodes && i < machine.nr_ram; ++i) {
    const kmem::RamRange& ram = machine.ram[i];
    char* const descriptors = machine.descriptors + (ram.start.value >> kmem::kPageShift) * 64;
    kmem_port_bind(machine.direct_map + ram.start.value, ram.bytes, ram.node.value);
    kmem_port_bind(descriptors, (ram.bytes >> kmem::kPageShift) * 64, ram.node.value);
  }
  machine.binds_nodes = false;
}

}  // namespace linux_port

extern "C" {

// Preferred, not bound: with a strict policy the host kills a process when the node has no more memory.
bool kmem_port_bind(void* address, size_t bytes, unsigned node) {
  const linux_port::KeepErrno keep;
  const unsigned host = linux_port::host_node[node];
  unsigned long mask[4] = {};
  mask[host / (8 * sizeof(long))] = 1ul << host % (8 * sizeof(long));
  return !syscall(SYS_mbind, address, bytes, linux_port::kPreferred, mask, 8 * sizeof mask, 0);
}
}
