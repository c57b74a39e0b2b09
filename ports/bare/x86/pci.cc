// PCI by the two configuration ports that every machine has: functions, their registers, their message interrupts.

#include "bare.h"
#include "x86/x86.h"

namespace bare {

namespace {

constexpr unsigned kMost = 64;
PciFunction functions[kMost];
unsigned nr_functions = 0;
SpinLock ports;

uint32_t read_at(uint16_t where, unsigned offset) {
  const Locked locked(ports);
  out32(0xcf8, 0x80000000u | uint32_t{where} << 8 | (offset & 0xfc));
  return in32(0xcfc);
}
void write_at(uint16_t where, unsigned offset, uint32_t value) {
  const Locked locked(ports);
  out32(0xcf8, 0x80000000u | uint32_t{where} << 8 | (offset & 0xfc));
  out32(0xcfc, value);
}

/// Writes all ones; the bits that stay zero give the size.
uint32_t mask_of(uint16_t where, unsigned offset) {
  const uint32_t old = read_at(where, offset);
  write_at(where, offset, ~0u);
  const uint32_t mask = read_at(where, offset);
  write_at(where, offset, old);
  return mask;
}

unsigned read_port_bar(PciFunction& f, unsigned i, uint32_t low) {
  const uint32_t mask = mask_of(f.where, 0x10 + 4 * i) & 0xfffc;
  if (mask) f.bars[i] = {low & 0xfffc, (~mask & 0xffff) + 1u, 1};
  return 1;
}

/// Reads a BAR; returns the number of words that it takes.
unsigned read_bar(PciFunction& f, unsigned i) {
  const unsigned offset = 0x10 + 4 * i;
  const uint32_t low = read_at(f.where, offset);
  if (low & 1) return read_port_bar(f, i, low);
  const bool wide = (low & 6) == 4;
  uint64_t mask = mask_of(f.where, offset) & ~15u;
  f.bars[i].phys = low & ~15u;
  if (wide) {
    f.bars[i].phys |= uint64_t{read_at(f.where, offset + 4)} << 32;
    mask |= uint64_t{mask_of(f.where, offset + 4)} << 32;
  } else {
    mask |= mask ? ~uint64_t{0} << 32 : 0;
  }
  f.bars[i].bytes = mask ? ~mask + 1 : 0;
  f.bars[i].kind = low & 15;
  return wide ? 2 : 1;
}

void read_function(uint16_t where) {
  const uint32_t id = read_at(where, 0);
  if ((id & 0xffff) == 0xffff || nr_functions == kMost) return;
  PciFunction& f = functions[nr_functions++];
  f.where = where;
  f.vendor = static_cast<uint16_t>(id);
  f.device = static_cast<uint16_t>(id >> 16);
  f.is_bridge = (read_at(where, 0xc) >> 16 & 0x7f) != 0;
  const uint32_t command = read_at(where, 4);
  write_at(where, 4, command & ~3u);  // does not decode while its addresses are all ones
  for (unsigned i = 0; !f.is_bridge && i < 6;) i += read_bar(f, i);
  write_at(where, 4, command);
}

}  // namespace

void scan_pci() {
  for (uint32_t where = 0; where < 4 * 256; where += 8)  // four buses
    for (uint32_t function = 0; function < 8; ++function) {
      read_function(static_cast<uint16_t>(where | function));
      if (!function && !(read_at(static_cast<uint16_t>(where), 0xc) >> 16 & 0x80)) break;
    }
}

const PciFunction* find_pci(uint16_t vendor, uint16_t device) {
  for (unsigned i = 0; i < nr_functions; ++i)
    if (functions[i].vendor == vendor && functions[i].device == device) return &functions[i];
  return nullptr;
}

unsigned nr_pci() { return nr_functions; }
const PciFunction& pci_function(unsigned n) { return functions[n]; }

uint32_t read_pci(const PciFunction& f, unsigned offset, unsigned bytes) {
  const uint32_t word = read_at(f.where, offset) >> 8 * (offset & 3);
  return bytes == 4 ? word : word & ((1u << 8 * bytes) - 1);
}
/// Writes no other bytes: those of the status register would be cleared.
void write_pci(const PciFunction& f, unsigned offset, unsigned bytes, uint32_t value) {
  const Locked locked(ports);
  out32(0xcf8, 0x80000000u | uint32_t{f.where} << 8 | (offset & 0xfc));
  const auto port = static_cast<uint16_t>(0xcfc + (offset & 3));
  if (bytes == 1) out8(port, static_cast<uint8_t>(value));
  else if (bytes == 2) out16(port, static_cast<uint16_t>(value));
  else out32(port, value);
}

bool aim_message(const PciFunction& f, unsigned vector) {
  if (!(read_at(f.where, 4) >> 16 & 0x10)) return false;
  for (unsigned at = read_at(f.where, 0x34) & 0xfc; at; at = read_at(f.where, at) >> 8 & 0xfc) {
    const uint32_t head = read_at(f.where, at);
    if ((head & 0xff) != 5) continue;
    const bool wide = head & 0x800000;
    write_at(f.where, at + 4, 0xfee00000 | cpus[0].hardware_id << 12);
    if (wide) write_at(f.where, at + 8, 0);
    write_at(f.where, at + (wide ? 12 : 8), vector);
    write_at(f.where, at, head & ~0x700000u);  // one message
    return true;
  }
  return false;
}

bool find_registers(uint64_t phys, Range& out) {
  for (unsigned i = 0; i < nr_functions; ++i)
    for (const PciBar& bar : functions[i].bars)
      if (bar.bytes && !(bar.kind & 1) && phys - bar.phys < bar.bytes) {
        out = {bar.phys & ~(kPageSize - 1), (bar.phys + bar.bytes + kPageSize - 1) & ~(kPageSize - 1), 0};
        return true;
      }
  return false;
}

}  // namespace bare
