// ACPI's tables: CPUs (MADT), the nodes of memory and CPUs (SRAT), the distances of nodes (SLIT).

#include "bare.h"
#include "base/memory.h"
#include "x86/x86.h"

namespace bare {

uint64_t rsdp = 0;
IoApics io_apics;

namespace {

struct [[gnu::packed]] Header {
  char signature[4];
  uint32_t length;
  char rest[28];
};

template <typename T>
T read(const char* at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}
/// Used before the port's own page tables exist: memory below 4 GiB is identity-mapped.
const char* at(uint64_t phys) { return reinterpret_cast<const char*>(phys); }

bool sums_up(const char* table, uint32_t length) {
  uint8_t sum = 0;
  for (uint32_t i = 0; i < length; ++i) sum = static_cast<uint8_t>(sum + table[i]);
  return sum == 0;
}

uint64_t search(uint64_t from, uint64_t to) {
  for (uint64_t p = from; p < to; p += 16)
    if (!memcmp(at(p), "RSD PTR ", 8) && sums_up(at(p), 20)) return p;
  return 0;
}

const char* find_table(const char* signature) {
  const char* root_pointer = at(rsdp);
  const bool wide = root_pointer[15] >= 2;
  const uint64_t root = wide ? read<uint64_t>(root_pointer + 24) : read<uint32_t>(root_pointer + 16);
  const auto length = read<uint32_t>(at(root) + 4);
  const unsigned step = wide ? 8 : 4;
  for (uint32_t off = sizeof(Header); off + step <= length; off += step) {
    const uint64_t phys = wide ? read<uint64_t>(at(root) + off) : read<uint32_t>(at(root) + off);
    const char* table = at(phys);
    if (phys < (uint64_t{1} << 32) && !memcmp(table, signature, 4) && sums_up(table, read<uint32_t>(table + 4))) return table;
  }
  return nullptr;
}

/// Calls visit(type, entry) for each entry of a table whose entries begin at `from`.
template <typename Visit>
void each_entry(const char* table, uint32_t from, Visit visit) {
  const auto length = read<uint32_t>(table + 4);
  for (uint32_t off = from; off + 2 <= length;) {
    const auto type = read<uint8_t>(table + off), bytes = read<uint8_t>(table + off + 1);
    if (bytes < 2) return;
    visit(type, table + off);
    off += bytes;
  }
}

void add_cpu(uint32_t hardware_id) {
  if (hardware_id == firmware.hardware_id[0] || firmware.nr_cpus == kMostCpus) return;
  firmware.hardware_id[firmware.nr_cpus++] = hardware_id;
}

void read_cpus(const char* madt) {
  each_entry(madt, 44, [](uint8_t type, const char* e) {
    if (type == 0 && (read<uint32_t>(e + 4) & 1)) add_cpu(read<uint8_t>(e + 3));
    if (type == 9 && (read<uint32_t>(e + 8) & 1) && read<uint32_t>(e + 4) < 255) add_cpu(read<uint32_t>(e + 4));
  });
}

/// The controllers of devices' interrupts, and to which of their inputs the old ones (0 to 15) go, where it is another or in
/// another way.
void read_io_apics(const char* madt) {
  each_entry(madt, 44, [](uint8_t type, const char* e) {
    if (type == 1 && io_apics.nr < IoApics::kMost) io_apics.all[io_apics.nr++] = {read<uint32_t>(e + 4), read<uint32_t>(e + 8)};
    const auto old = read<uint8_t>(e + 3);
    if (type == 2 && old < 16) io_apics.of_old[old] = {read<uint32_t>(e + 4), read<uint16_t>(e + 8)};
  });
}

void read_nodes(const char* srat) {
  each_entry(srat, 48, [](uint8_t type, const char* e) {
    const bool enabled = read<uint32_t>(e + (type == 0 ? 4 : type == 1 ? 28 : 12)) & 1;
    if (!enabled) return;
    const uint32_t node = type == 0 ? read<uint8_t>(e + 2) : type == 1 ? read<uint32_t>(e + 2) : read<uint32_t>(e + 4);
    if (node >= kmem::kMaxNodes) return;
    if (node >= firmware.nr_nodes) firmware.nr_nodes = node + 1;
    if (type == 0) set_cpu_node(read<uint8_t>(e + 3), node);
    if (type == 1) set_memory_node(read<uint64_t>(e + 8), read<uint64_t>(e + 16), node);
    if (type == 2) set_cpu_node(read<uint32_t>(e + 8), node);
  });
}

void read_distances(const char* slit) {
  const auto nr = read<uint64_t>(slit + 36);
  for (uint64_t a = 0; a < nr && a < kmem::kMaxNodes; ++a)
    for (uint64_t b = 0; b < nr && b < kmem::kMaxNodes; ++b) firmware.distance[a][b] = read<uint8_t>(slit + 44 + a * nr + b);
}

}  // namespace

void read_acpi() {
  uint32_t eax = 1, ebx, ecx = 0, edx;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  firmware.hardware_id[0] = ebx >> 24;
  if (!rsdp) rsdp = search(0xe0000, 0x100000);
  if (!rsdp) return say("no ACPI: one CPU, one node\n");
  if (const char* madt = find_table("APIC")) read_cpus(madt), read_io_apics(madt);
  if (const char* srat = find_table("SRAT")) read_nodes(srat);
  if (const char* slit = find_table("SLIT")) read_distances(slit);
}

}  // namespace bare
