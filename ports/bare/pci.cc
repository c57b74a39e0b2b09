// PCI as on all processors: functions, their registers, their message interrupts. How configuration space is reached, and who
// gives addresses, is the processor's.

#include "bare.h"
#include "devices.h"

namespace bare {

namespace {

constexpr unsigned kMost = 64;
PciFunction functions[kMost];
unsigned nr_functions = 0;
bool no_messages = false;

constexpr unsigned kCommand = 4, kHeader = 0xc, kBar = 0x10, kCapabilities = 0x34, kPin = 0x3c, kBuses = 0x18;
constexpr uint32_t kDecodes = 3, kHasCapabilities = 0x10 << 16;

uint32_t word(const PciFunction& f, unsigned offset) { return read_config(f.where, offset); }
void set_word(const PciFunction& f, unsigned offset, uint32_t value) { write_config(f.where, offset, 4, value); }

/// Writes all ones; the bits that stay zero give the size.
uint32_t mask_of(const PciFunction& f, unsigned offset) {
  const uint32_t old = word(f, offset);
  set_word(f, offset, ~0u);
  const uint32_t mask = word(f, offset);
  set_word(f, offset, old);
  return mask;
}

unsigned read_port_bar(PciFunction& f, unsigned i, uint32_t low) {
  const uint32_t mask = mask_of(f, kBar + 4 * i) & 0xfffc;
  if (mask && kHasPorts) f.bars[i] = {low & 0xfffc, (~mask & 0xffff) + 1u, 1};
  return 1;
}

/// Where there is no firmware, nobody has placed it.
void place(PciFunction& f, unsigned offset, PciBar& bar) {
  if (bar.phys || !bar.bytes) return;
  const PciPlace placed = place_registers(bar.bytes);
  bar.phys = placed.phys;
  set_word(f, offset, static_cast<uint32_t>(placed.on_bus));
  if ((bar.kind & 6) == 4) set_word(f, offset + 4, static_cast<uint32_t>(placed.on_bus >> 32));
  if (!placed.phys) bar.bytes = 0;
}

/// Reads a BAR; returns the number of words that it takes.
unsigned read_bar(PciFunction& f, unsigned i) {
  const unsigned offset = kBar + 4 * i;
  const uint32_t low = word(f, offset);
  if (low & 1) return read_port_bar(f, i, low);
  const bool wide = (low & 6) == 4;
  PciBar& bar = f.bars[i];
  uint64_t mask = mask_of(f, offset) & ~15u;
  bar.phys = low & ~15u;
  if (wide) {
    bar.phys |= uint64_t{word(f, offset + 4)} << 32;
    mask |= uint64_t{mask_of(f, offset + 4)} << 32;
  } else {
    mask |= mask ? ~uint64_t{0} << 32 : 0;
  }
  bar.bytes = mask ? ~mask + 1 : 0;
  bar.kind = low & 15;
  place(f, offset, bar);
  return wide ? 2 : 1;
}

void read_function(uint16_t where) {
  const uint32_t id = read_config(where, 0);
  if ((id & 0xffff) == 0xffff || nr_functions == kMost) return;
  PciFunction& f = functions[nr_functions++];
  f.where = where;
  f.vendor = static_cast<uint16_t>(id);
  f.device = static_cast<uint16_t>(id >> 16);
  f.is_bridge = (word(f, kHeader) >> 16 & 0x7f) != 0;
  if (f.is_bridge) return;
  const uint32_t command = word(f, kCommand) & 0xffff;    // ones in the upper half would clear what the status register has
  write_config(where, kCommand, 2, command & ~kDecodes);  // does not decode while its addresses are all ones
  bool in_memory = false;
  for (unsigned i = 0; i < 6;) {
    const unsigned words = read_bar(f, i);
    in_memory = in_memory || (f.bars[i].bytes && !(f.bars[i].kind & 1));
    i += words;
  }
  write_config(where, kCommand, 2, command | (in_memory ? 2 : 0));
}

}  // namespace

void scan_pci() {
  no_messages = cut_word("pci=nomsi");
  for (uint32_t where = 0; where < nr_buses() * 256; where += 8)
    for (uint32_t function = 0; function < 8; ++function) {
      read_function(static_cast<uint16_t>(where | function));
      if (!function && !(read_config(static_cast<uint16_t>(where), kHeader) >> 16 & 0x80)) break;
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
  const uint32_t value = word(f, offset) >> 8 * (offset & 3);
  return bytes == 4 ? value : value & ((1u << 8 * bytes) - 1);
}
/// Writes no other bytes: those of the status register would be cleared.
void write_pci(const PciFunction& f, unsigned offset, unsigned bytes, uint32_t value) {
  write_config(f.where, offset, bytes, value);
}

void forbid_messages(bool on) { no_messages = on; }
bool has_messages() { return !no_messages && message_of(0).address != 0; }

bool aim_message(const PciFunction& f, unsigned vector) {
  const PciMessage message = message_of(vector);
  if (!message.address || !(word(f, kCommand) & kHasCapabilities)) return false;
  for (unsigned at = word(f, kCapabilities) & 0xfc; at; at = word(f, at) >> 8 & 0xfc) {
    const uint32_t head = word(f, at);
    if ((head & 0xff) != 5) continue;
    const bool wide = head & 0x800000;
    set_word(f, at + 4, static_cast<uint32_t>(message.address));
    if (wide) set_word(f, at + 8, static_cast<uint32_t>(message.address >> 32));
    set_word(f, at + (wide ? 12 : 8), message.data);
    set_word(f, at, head & ~0x700000u);  // one message
    return true;
  }
  return false;
}

/// The bridge whose secondary bus it is. One that nobody has set up has bus 0.
static const PciFunction* bridge_to(unsigned bus) {
  for (unsigned i = 0; i < nr_functions; ++i)
    if (functions[i].is_bridge && (word(functions[i], kBuses) >> 8 & 0xff) == bus) return &functions[i];
  return nullptr;
}

/// A bridge hands pin p of its slot s on as its own pin p + s.
unsigned input_of(const PciFunction& f) {
  unsigned pin = (word(f, kPin) >> 8 & 0xff) - 1;
  if (pin > 3) return kNoInput;
  uint16_t where = f.where;
  while (where >> 8) {
    const PciFunction* bridge = bridge_to(where >> 8);
    if (!bridge || bridge->where >> 8 >= where >> 8) return kNoInput;
    pin = (pin + (where >> 3 & 31)) % 4;
    where = bridge->where;
  }
  return input_of_pin(where, pin);
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
