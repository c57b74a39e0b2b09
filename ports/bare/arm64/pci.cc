// PCI of the tree's host bridge (pci-host-ecam-generic): configuration space is memory, nobody has given addresses, the tree
// says how pins are wired, and a message is a write to the frame of a GICv2m, which makes a shared interrupt of it.

#include "arm64.h"
#include "bare.h"
#include "base/bits.h"
#include "devices.h"

namespace bare {

namespace {

constexpr uint64_t kBusBytes = 1 << 20;
constexpr unsigned kMostBuses = 4;
// The frame of a GICv2m.
constexpr unsigned kType = 0x008, kRaise = 0x040;

uint64_t next_place = 0;  // on the bus

uint64_t address_of(uint16_t where, unsigned offset) { return board.pci_config.phys + (uint64_t{where} << 12) + offset; }

}  // namespace

void find_devices() {
  if (!nr_buses()) return;
  if (!map_registers({board.pci_config.phys, nr_buses() * kBusBytes})) return say("no frames for PCI's configuration space\n");
  if (board.messages.bytes && !map_registers(board.messages)) board.messages = {};
  if (board.messages.bytes) {
    const auto type = register_at<uint32_t>(board.messages.phys + kType);
    set_message_interrupts(type >> 16 & 0x3ff, type & 0x3ff);
  }
  next_place = board.pci_on_bus;
  scan_pci();
}

unsigned nr_buses() {
  const uint64_t buses = board.pci_config.bytes / kBusBytes;
  return buses < kMostBuses ? static_cast<unsigned>(buses) : kMostBuses;
}

uint32_t read_config(uint16_t where, unsigned offset) { return register_at<uint32_t>(address_of(where, offset & ~3u)); }
void write_config(uint16_t where, unsigned offset, unsigned bytes, uint32_t value) {
  const uint64_t at = address_of(where, offset);
  if (bytes == 1) register_at<uint8_t>(at) = static_cast<uint8_t>(value);
  else if (bytes == 2) register_at<uint16_t>(at) = static_cast<uint16_t>(value);
  else register_at<uint32_t>(at) = value;
}

/// Aligned to its size, as a BAR wants it; the first place that no BAR has.
PciPlace place_registers(uint64_t bytes) {
  const uint64_t at = kmem::round_up(next_place ? next_place : bytes, bytes);  // address 0 means none
  if (at + bytes > board.pci_on_bus + board.pci_memory.bytes) return {};
  next_place = at + bytes;
  return {at, board.pci_memory.phys + (at - board.pci_on_bus)};
}

unsigned input_of_pin(uint16_t where, unsigned pin) {
  const uint32_t place = uint32_t{where} << 8 & board.place_mask, its_pin = (pin + 1) & board.pin_mask;
  for (unsigned i = 0; i < board.nr_wires; ++i)
    if (board.wires[i].place == place && board.wires[i].pin == its_pin) return board.wires[i].interrupt;
  return kNoInput;
}

PciMessage message_of(unsigned vector) { return {board.messages.bytes ? board.messages.phys + kRaise : 0, vector}; }

}  // namespace bare
